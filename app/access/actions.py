"""What can be done to a study, an installation's data or a link. View and download are different rights."""

from enum import StrEnum


class Action(StrEnum):
    """An action that policy decides about."""

    STUDY_METADATA = "study:metadata"
    STUDY_RENDERED = "study:rendered"
    STUDY_FRAMES = "study:frames"
    REPORT_READ = "study:report"
    INSTANCE_DOWNLOAD = "study:instance"
    BULK_DOWNLOAD = "study:bulk"
    ARCHIVE_DOWNLOAD = "study:zip"
    INSTANCES_STORE = "hospital:store"
    HOSPITAL_WRITE = "hospital:write"
    HOSPITAL_READ = "hospital:read"


VIEW = frozenset({Action.STUDY_METADATA, Action.STUDY_RENDERED, Action.STUDY_FRAMES, Action.REPORT_READ})
DOWNLOAD = frozenset({Action.INSTANCE_DOWNLOAD, Action.BULK_DOWNLOAD, Action.ARCHIVE_DOWNLOAD})
