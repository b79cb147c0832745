"""What documents of a study say of its instances: key images, and what the hospital took back.

What is rejected is hidden from pages, searches and retrievals, whether the note comes before it or after, once or
often; the note itself stays.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.audit.events import Event
from app.audit.record import Fact, record
from app.dicom.key_objects import Marks
from app.models.imaging import Instance, Marking, Study
from app.services import study_state
from app.services.parts import Parts

KEY, REJECTED = "key", "rejected"


def mark(session: Session, parts: Parts, study: Study, note: str, marks: Marks, *, now: datetime) -> Sequence[UUID]:
    """Write down what a document says; returns the series of which something is hidden from now on."""
    kind = REJECTED if marks.rejects else KEY
    rows = [
        {
            "study_id": study.id, "sop_instance_uid": uid, "kind": kind, "hospital_id": study.hospital_id,
            "marked_by": note, "created_at": now,
        }
        for uid in marks.sop_instance_uids
    ]  # fmt: skip
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    new: list[str] = []
    for row in rows:
        statement = dialect.insert(Marking).values(row).on_conflict_do_nothing().returning(Marking.sop_instance_uid)
        new += session.execute(statement).scalars().all()
    if kind != REJECTED or not new:
        return []
    fact = Fact(
        Event.INSTANCES_WITHDRAWN, "worker", f"study:{study.id}", study.hospital_id, study.patient_id,
        detail={"note": note, "instances": len(new)},
    )  # fmt: skip
    record(session, parts.keys, fact, now=now)
    hidden = select(Instance.series_id).where(Instance.study_id == study.id, Instance.sop_instance_uid.in_(new))
    series = session.scalars(hidden.distinct()).all()
    study_state.withdraw(session, study, series, now=now)
    return series
