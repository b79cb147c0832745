"""Wrapped keys: hospital keys under the root key, study keys under a hospital key."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HospitalId, Id


class HospitalKey(Base):
    """A version of a hospital's key, wrapped by the root key named in `root_key_id`."""

    __tablename__ = "hospital_key"
    __table_args__ = (UniqueConstraint("hospital_id", "version"),)

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    version: Mapped[int]
    root_key_id: Mapped[str]
    wrapped: Mapped[bytes]
    created_at: Mapped[datetime]


class StudyKey(Base):
    """The key of a study: the unit of erasure."""

    __tablename__ = "study_key"

    study_id: Mapped[UUID] = mapped_column(ForeignKey("study.id"), primary_key=True)
    hospital_id: Mapped[HospitalId]
    hospital_key_id: Mapped[UUID] = mapped_column(ForeignKey("hospital_key.id"))
    wrapped: Mapped[bytes | None]
    destroyed_at: Mapped[datetime | None]
