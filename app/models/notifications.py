"""What is said to people: the intent, each attempt at saying it, and what the carrier answered."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HospitalId, Id


class Notification(Base):
    """One announcement per (kind, subject, revision of consequence, contact); template and parameters, never a body."""

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("kind", "subject_id", "subject_revision", "contact_id"),
        Index("ix_notification_page", "hospital_id", "id"),
        Index("ix_notification_state_page", "hospital_id", "state", "id"),
    )

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    kind: Mapped[str]
    subject_id: Mapped[UUID] = mapped_column(ForeignKey("study.id"), index=True)
    subject_revision: Mapped[int]
    contact_id: Mapped[UUID] = mapped_column(ForeignKey("contact_point.id"), index=True)
    template: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    language: Mapped[str]
    urgent: Mapped[bool] = mapped_column(default=False)
    not_before: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="queued")
    reason: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class DeliveryAttempt(Base):
    """One try on one channel; its id goes into the callback address."""

    __tablename__ = "delivery_attempt"
    __table_args__ = (
        UniqueConstraint("notification_id", "channel", "number"),
        UniqueConstraint("channel", "provider_reference"),
    )

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    notification_id: Mapped[UUID] = mapped_column(ForeignKey("notification.id"), index=True)
    channel: Mapped[str]
    number: Mapped[int]
    provider_reference: Mapped[str | None]
    state: Mapped[str]
    provider_status: Mapped[str | None]
    error_code: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class DeliveryReceipt(Base):
    """A carrier's callback, once per status, sealed."""

    __tablename__ = "delivery_receipt"
    __table_args__ = (UniqueConstraint("attempt_id", "provider_status"),)

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    attempt_id: Mapped[UUID] = mapped_column(ForeignKey("delivery_attempt.id"))
    provider_status: Mapped[str]
    payload_sealed: Mapped[bytes]
    created_at: Mapped[datetime]


class Suppression(Base):
    """A number that asked not to be written to again on a channel."""

    __tablename__ = "suppression"
    __table_args__ = (UniqueConstraint("hospital_id", "value_index", "channel"),)

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    value_index: Mapped[bytes]
    channel: Mapped[str]
    created_at: Mapped[datetime]
