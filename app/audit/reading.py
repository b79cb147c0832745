"""What a patient reads of the audit: who looked at a study."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit.events import Event
from app.models.audit import AuditEvent


def openings_of(
    session: Session, hospital_id: UUID, study_id: UUID, action: str, *, limit: int = 20
) -> Sequence[tuple[datetime, UUID | None]]:
    """Return when sessions first did `action` to a study, and whose link they had, newest first."""
    statement = (
        select(AuditEvent.at, AuditEvent.patient_id)
        .where(
            AuditEvent.hospital_id == hospital_id,
            AuditEvent.resource == f"study:{study_id}",
            AuditEvent.action == Event.STUDY_OPENED.value,
            AuditEvent.reason == action,
        )
        .order_by(AuditEvent.at.desc())
        .limit(limit)
    )
    return [(row.at, row.patient_id) for row in session.execute(statement)]
