"""What happened: insert-only events, their positions in the tree, and signed checkpoints."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id


class AuditEvent(Base):
    """One event. `commitment` is SHA-256(salt, sealed detail), so a destroyed detail leaves the tree verifiable."""

    __tablename__ = "audit_event"

    id: Mapped[Id]
    at: Mapped[datetime]
    hospital_id: Mapped[UUID | None] = mapped_column(index=True)
    patient_id: Mapped[UUID | None] = mapped_column(index=True)
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]
    action: Mapped[str]
    resource: Mapped[str] = mapped_column(index=True)
    outcome: Mapped[str]
    reason: Mapped[str | None]
    detail_sealed: Mapped[bytes]
    salt: Mapped[bytes]
    commitment: Mapped[bytes]


class AuditCheckpoint(Base):
    """A signed tree head (RFC 6962 section 2.1 shape): size, root, previous root, Ed25519 signature.

    `frontier` holds the roots of the perfect subtrees, largest first, so that the next head needs no old leaf.
    """

    __tablename__ = "audit_checkpoint"

    id: Mapped[Id]
    size: Mapped[int] = mapped_column(unique=True)
    root: Mapped[bytes]
    frontier: Mapped[bytes]
    previous_root: Mapped[bytes]
    signature: Mapped[bytes]
    key_id: Mapped[str]
    created_at: Mapped[datetime]


class AuditLeaf(Base):
    """The gapless position of an event in the tree, given by the sealer."""

    __tablename__ = "audit_leaf"

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("audit_event.id"), unique=True)
    checkpoint_id: Mapped[UUID] = mapped_column(ForeignKey("audit_checkpoint.id"))
    leaf_hash: Mapped[bytes]
