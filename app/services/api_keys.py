"""Bearer keys of hospitals' systems: whose one is (one statement, on every request), which there are, ending one."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from sqlalchemy import Dialect, and_, bindparam, select
from sqlalchemy.orm import Session

from app.access.load.prepared import Prepared
from app.access.principals import HospitalClient
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import NotFound
from app.models.hospitals import ApiKey, Hospital
from app.services.parts import Parts
from app.services.unit_of_work import Scope, looking

_LIVING = (
    select(ApiKey.hospital_id, ApiKey.id, Hospital.code)
    .outerjoin(Hospital, and_(Hospital.id == ApiKey.hospital_id, Hospital.code == bindparam("code")))
    .where(ApiKey.credential_digest == bindparam("digest"), ApiKey.ended_at.is_(None))
)


@lru_cache(maxsize=4)
def _living(dialect: Dialect) -> Prepared:
    return Prepared(_LIVING, dialect)


@dataclass(frozen=True, slots=True)
class LivingKey:
    """Who comes with a key, and whether the hospital that was named is its own."""

    client: HospitalClient
    is_of_named: bool


def living_key(parts: Parts, digest: bytes, code: str) -> LivingKey | None:
    """Return who comes with a key that lives, and whether `code` is its hospital's; runs on every request."""
    with looking(parts, Scope(digest=digest, name=code)) as connection:
        row = _living(connection.dialect).first(connection, digest=digest, code=code)
    return LivingKey(HospitalClient(row.hospital_id, row.id), row.code is not None) if row is not None else None


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
