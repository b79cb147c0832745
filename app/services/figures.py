"""Figures for monitoring: what is owed, what became of messages, what no audit head covers. No patient data."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.audit.sealing import oldest_unsealed
from app.models.hospitals import Hospital
from app.models.notifications import Notification
from app.outbox import Depth, depth
from app.services.parts import Parts
from app.services.unit_of_work import Scope, reading


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at an installation."""

    owed: Depth
    oldest_unsealed_at: datetime | None
    messages: dict[str, int]
    free_bytes: int


def gather(parts: Parts) -> Figures:
    """Read the figures; one short transaction for what is owed, and one a hospital for its messages."""
    with reading(parts, Scope(worker=True)) as session:
        owed = depth(session, now=parts.clock())
        unsealed = oldest_unsealed(session)
        hospitals = session.scalars(select(Hospital.id)).all()
    messages: Counter[str] = Counter()
    for hospital_id in hospitals:
        with reading(parts, Scope(hospital=hospital_id)) as session:
            messages.update(_messages(session, hospital_id))
    return Figures(owed, unsealed, dict(messages), parts.store.free_bytes())


def _messages(session: Session, hospital_id: UUID) -> dict[str, int]:
    own = select(Notification.state, func.count()).where(Notification.hospital_id == hospital_id)
    rows = session.execute(own.group_by(Notification.state))
    return {state: count for state, count in rows}  # noqa: C416  a Row is no plain tuple
