"""Hospitals, the keys of their systems, the imaging sources that send for them, and the numbers of trial mode."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HospitalId, Id


class Hospital(Base):
    """A hospital and what it decided. `policy` holds the release rule and the ways a link is opened."""

    __tablename__ = "hospital"

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    message_name: Mapped[str]
    time_zone: Mapped[str]
    telephone: Mapped[str]
    telephone_hours: Mapped[str | None]
    language: Mapped[str] = mapped_column(default="zh")
    policy: Mapped[dict[str, Any]] = mapped_column(JSON)
    live_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class TrialNumber(Base):
    """A number that a hospital in trial mode may write to."""

    __tablename__ = "trial_number"
    __table_args__ = (UniqueConstraint("hospital_id", "value_index"),)

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    value_index: Mapped[bytes]
    created_at: Mapped[datetime]


class ApiKey(Base):
    """A bearer key of a hospital's system, stored as its digest."""

    __tablename__ = "api_key"

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    label: Mapped[str]
    credential_digest: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ImagingSource(Base):
    """What sends images by C-STORE, known by both AE titles, its network and, where it has one, its certificate.

    `report_to` is where it listens for reports of storage commitment, as `host:port`.
    """

    __tablename__ = "imaging_source"
    __table_args__ = (UniqueConstraint("called_ae_title", "calling_ae_title", "network"),)

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    called_ae_title: Mapped[str]
    calling_ae_title: Mapped[str]
    network: Mapped[str]
    default_issuer: Mapped[str]
    replace_policy: Mapped[str] = mapped_column(default="keep-newest")
    report_to: Mapped[str | None]
    certificate_sha256: Mapped[bytes | None]
    created_at: Mapped[datetime]


class IdempotencyKey(Base):
    """The answer that a write got, kept under the client's own key."""

    __tablename__ = "idempotency_key"
    __table_args__ = (UniqueConstraint("api_key_id", "key"),)

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    api_key_id: Mapped[UUID] = mapped_column(ForeignKey("api_key.id"))
    key: Mapped[str]
    request_digest: Mapped[bytes]
    status: Mapped[int]
    response: Mapped[str]
    created_at: Mapped[datetime]
