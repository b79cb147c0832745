"""Capabilities, the tokens that carry them, sessions, and openings (the disclosures)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HospitalId, Id


class Capability(Base):
    """The right to open something, bounded in time and tries. Kind `patient-link`: the own link to a study."""

    __tablename__ = "capability"

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    kind: Mapped[str]
    public_id: Mapped[str] = mapped_column(unique=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"), index=True)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]
    tries_left: Mapped[int]
    tries_total: Mapped[int]
    created_at: Mapped[datetime]


class CapabilityStudy(Base):
    """A study that a capability opens."""

    __tablename__ = "capability_study"

    capability_id: Mapped[UUID] = mapped_column(ForeignKey("capability.id"), primary_key=True)
    study_id: Mapped[UUID] = mapped_column(ForeignKey("study.id"), primary_key=True, index=True)
    hospital_id: Mapped[HospitalId]


class AccessToken(Base):
    """The digest of one minted token; one copy can be ended alone."""

    __tablename__ = "access_token"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    hospital_id: Mapped[HospitalId]
    capability_id: Mapped[UUID] = mapped_column(ForeignKey("capability.id"), index=True)
    channel: Mapped[str]
    attempt_id: Mapped[UUID | None]
    created_at: Mapped[datetime]


class Session(Base):
    """A server-side session; the carrier's secret is stored as its digest."""

    __tablename__ = "session"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    hospital_id: Mapped[HospitalId]
    capability_id: Mapped[UUID] = mapped_column(ForeignKey("capability.id"), index=True)
    assurance: Mapped[str]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Opening(Base):
    """A disclosure: one row per (session, study, action)."""

    __tablename__ = "opening"
    __table_args__ = (UniqueConstraint("session_digest", "study_id", "action"),)

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    session_digest: Mapped[bytes] = mapped_column(ForeignKey("session.digest"))
    capability_id: Mapped[UUID] = mapped_column(ForeignKey("capability.id"))
    study_id: Mapped[UUID] = mapped_column(ForeignKey("study.id"), index=True)
    action: Mapped[str]
    created_at: Mapped[datetime]
