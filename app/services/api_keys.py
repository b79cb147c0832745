"""Bearer keys of hospitals' systems: whose one is (one statement, on every request), which there are, ending one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.principals import HospitalClient
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import NotFound
from app.models.hospitals import ApiKey, Hospital
from app.services.parts import Parts


def client_of(session: Session, digest: bytes) -> HospitalClient | None:
    """Return the principal behind a living key."""
    row = session.execute(
        select(ApiKey.hospital_id, ApiKey.id).where(ApiKey.credential_digest == digest, ApiKey.ended_at.is_(None))
    ).first()
    return HospitalClient(row.hospital_id, row.id) if row is not None else None


def hospital_id_of_code(session: Session, code: str) -> UUID | None:
    """Return the id of the hospital with this code."""
    return session.scalar(select(Hospital.id).where(Hospital.code == code))


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key as an operator sees it; the key itself is nowhere."""

    id: UUID
    label: str
    created_at: datetime
    ended_at: datetime | None


def keys_of(session: Session, hospital_id: UUID) -> list[KnownKey]:
    """Return the keys of a hospital, oldest first."""
    rows = session.scalars(select(ApiKey).where(ApiKey.hospital_id == hospital_id).order_by(ApiKey.id))
    return [KnownKey(row.id, row.label, row.created_at, row.ended_at) for row in rows]


def end_key(session: Session, parts: Parts, hospital_id: UUID, key_id: UUID) -> str:
    """End a key at once; returns its label.

    Raises
    ------
    NotFound
        When this hospital has no living key with this id.
    """
    statement = select(ApiKey).where(ApiKey.hospital_id == hospital_id, ApiKey.id == key_id, ApiKey.ended_at.is_(None))
    row = session.scalar(statement)
    if row is None:
        raise NotFound("No living key has this id; list them with: flask api-key list CODE")
    row.ended_at = parts.clock()
    fact = Fact(Event.API_KEY_WRITTEN, "operator", f"api-key:{key_id}", hospital_id, reason="ended")
    record(session, parts.keys, fact, now=row.ended_at)
    return row.label
