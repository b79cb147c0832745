"""Work owed. The row is the truth; the queue is only a bell."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped

from app.models.base import Base, HospitalId, Id


class OutboxEntry(Base):
    """One thing to do: a topic and the id it is about. Unique while open; holds no patient data."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "uq_outbox_open",
            "topic",
            "key",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_outbox_due",
            "due_at",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
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
