"""Messages that did not reach their patient, for an operator: ids and reasons, no number and no name."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.notifications import Notification

_ENDED_BADLY = ("failed", "expired", "uncertain", "held")


@dataclass(frozen=True, slots=True)
class FailedMessage:
    """One notification and why it is where it is."""

    notification_id: UUID
    study_id: UUID
    state: str
    reason: str | None
    since: datetime


def failed(session: Session, hospital_id: UUID) -> list[FailedMessage]:
    """Return a hospital's messages that failed, expired, are uncertain or held, oldest first."""
    statement = (
        select(Notification)
        .where(Notification.hospital_id == hospital_id, Notification.state.in_(_ENDED_BADLY))
        .order_by(Notification.updated_at)
    )
    return [
        FailedMessage(row.id, row.subject_id, row.state, row.reason, row.updated_at)
        for row in session.scalars(statement)
    ]
