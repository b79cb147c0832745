"""Work owed. The row is the truth; the queue is only a bell."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from app.models.base import Base, HospitalId, Id, partial_index


class OutboxEntry(Base):
    """One thing to do: a topic and the id it is about. Unique while open; holds no patient data."""

    __tablename__ = "outbox"
    __table_args__ = (
        partial_index("uq_outbox_open", "topic", "key", unique=True, where="closed_at IS NULL"),
        partial_index("ix_outbox_due", "due_at", where="closed_at IS NULL"),
    )

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    topic: Mapped[str]
    key: Mapped[str]
    due_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    claim: Mapped[UUID | None]
    tries: Mapped[int]
    error: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
