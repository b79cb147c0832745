"""What a DICOMweb root shows: rows, as a filter that every statement below it carries, and actions on them.

A hospital's root shows the studies of the hospital, a capability's those that it names. One code path answers both:
what lies outside is absent, in searches and in retrievals alike.
"""

from dataclasses import dataclass
from uuid import UUID

from app.access.principals import HospitalClient, LinkSession


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyScope:
    """The studies of one root for one principal.

    `root` is the absolute address that every URL in an answer begins with. Without `capability_id` the scope is the
    hospital.
    """

    root: str
    principal: HospitalClient | LinkSession
    hospital_id: UUID
    capability_id: UUID | None = None
