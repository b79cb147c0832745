"""Requests of storage commitment: what an imaging source wants to be answered for, until it was."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HospitalId, Id, Uid, partial_index


class Commitment(Base):
    """One transaction of a source. `references` are pairs of SOP Class and Instance UID, gone once it ended.

    `repeats` says that the source had used the Transaction UID before, for other instances.
    """

    __tablename__ = "commitment"
    __table_args__ = (
        UniqueConstraint("hospital_id", "source_id", "transaction_uid", "digest"),
        partial_index("ix_commitment_open", "hospital_id", "source_id", "id", where="ended_at IS NULL"),
    )

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    source_id: Mapped[UUID]
    transaction_uid: Mapped[Uid]
    digest: Mapped[bytes]
    references: Mapped[list[list[str]]] = mapped_column(JSON)
    repeats: Mapped[bool]
    outcome: Mapped[str | None]
    requested_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
