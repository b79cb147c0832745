"""What a hospital's archive says is there of a study: a promise of those instances, and the call that it is complete.

References
----------
DICOM PS3.4 Annex R (Instance Availability Notification).
"""

from sqlalchemy.orm import Session

from app.audit.events import Event
from app.audit.record import Fact, record
from app.dicom.references import Availability
from app.services import study_control, study_state
from app.services.parts import Parts
from app.services.sources import Source


def note(session: Session, parts: Parts, source: Source, told: Availability) -> None:
    """Call a study complete with the instances that its archive names, before or after they came.

    Of a study none of whose instances can be had any more nothing is promised, and nothing is noted.
    """
    if not told.sop_instance_uids:
        return
    now = parts.clock()
    study, _ = study_control.ensure_study(session, parts, source.hospital_id, told.study_instance_uid)
    study_state.call_complete(session, study, expected=None, manifest=told.sop_instance_uids, now=now)
    fact = Fact(
        Event.STUDY_CALLED_COMPLETE, f"source:{source.id}", f"study:{study.id}", source.hospital_id, study.patient_id,
        reason="availability", detail={"manifest": len(told.sop_instance_uids)},
    )  # fmt: skip
    record(session, parts.keys, fact, now=now)
