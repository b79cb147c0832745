"""The key hierarchy: root key, hospital key, study key, object key. Unwrapped keys live in memory only.

An object's key is HKDF(owner's key, "object:<id>:<purpose>"), where the owner is the study or, for what belongs to no
study,
the hospital. Sealed columns use HKDF(hospital key, "field:<purpose>") and start with the id of the hospital key.
"""

import os
import threading
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.core.crypto import KeyFiles, KeyProblem, blind_index, derive, seal, unseal
from app.core.errors import NotFound
from app.core.identifiers import new_id
from app.models.imaging import StoredObject
from app.models.keys import HospitalKey, StudyKey
from app.services.parts import Parts

FREE_TEXT, VISIT_NUMBER = "free-text", "visit-number"
_CACHE_SIZE = 4096
_cache: dict[UUID, bytes] = {}
_lock = threading.Lock()


def create_hospital_key(session: Session, parts: Parts, hospital_id: UUID, *, version: int = 1) -> UUID:
    """Make and wrap a hospital's key; returns its id."""
    key_id, root = new_id(), parts.keys.current("root")
    wrapped = seal(root.secret, os.urandom(32), f"hospital-key:{key_id}")
    session.execute(
        insert(HospitalKey).values(
            id=key_id,
            hospital_id=hospital_id,
            version=version,
            root_key_id=root.key_id,
            wrapped=wrapped,
            created_at=parts.clock(),
        )
    )
    return key_id


def hospital_key(session: Session, parts: Parts, hospital_id: UUID) -> tuple[UUID, bytes]:
    """Return the id and secret of the hospital's newest key."""
    newest = select(HospitalKey.id).where(HospitalKey.hospital_id == hospital_id).order_by(HospitalKey.version.desc())
    key_id = session.scalar(newest.limit(1))
    if key_id is None:
        raise KeyProblem("This hospital has no key; it was not enrolled by `flask hospital add`.")
    return key_id, hospital_key_by_id(session, parts, key_id)


def hospital_key_by_id(session: Session, parts: Parts, key_id: UUID) -> bytes:
    """Return the secret of one version of a hospital's key."""
    if key_id not in _cache:
        row = session.execute(
            select(HospitalKey.root_key_id, HospitalKey.wrapped).where(HospitalKey.id == key_id)
        ).one()
        root = parts.keys.by_id("root", row.root_key_id)
        _remember(key_id, unseal(root.secret, row.wrapped, f"hospital-key:{key_id}"))
    return _cache[key_id]


def create_study_key(session: Session, parts: Parts, hospital_id: UUID, study_id: UUID) -> bytes:
    """Make and wrap a study's key; returns the secret."""
    owner_id, owner = hospital_key(session, parts, hospital_id)
    secret = os.urandom(32)
    wrapped = seal(owner, secret, f"study-key:{study_id}")
    session.execute(
        insert(StudyKey).values(study_id=study_id, hospital_id=hospital_id, hospital_key_id=owner_id, wrapped=wrapped)
    )
    return secret


def study_key(session: Session, parts: Parts, study_id: UUID) -> bytes:
    """Return a study's secret.

    Raises
    ------
    NotFound
        When the key was destroyed, which erased the study.
    """
    if study_id not in _cache:
        row = session.execute(
            select(StudyKey.hospital_key_id, StudyKey.wrapped).where(StudyKey.study_id == study_id)
        ).one()
        if row.wrapped is None:
            raise NotFound("The study was erased.")
        owner = hospital_key_by_id(session, parts, row.hospital_key_id)
        _remember(study_id, unseal(owner, row.wrapped, f"study-key:{study_id}"))
    return _cache[study_id]


def object_key(owner_secret: bytes, object_id: UUID, purpose: str) -> bytes:
    """Return the key of one object."""
    return derive(owner_secret, f"object:{object_id}:{purpose}")


def key_of(session: Session, parts: Parts, row: StoredObject) -> bytes:
    """Return the key that opens a stored object."""
    if row.study_id is not None:
        owner = study_key(session, parts, row.study_id)
    elif row.hospital_key_id is not None:
        owner = hospital_key_by_id(session, parts, row.hospital_key_id)
    else:
        raise KeyProblem("A stored object names no key.")
    return object_key(owner, row.id, row.purpose)


def seal_field(session: Session, parts: Parts, hospital_id: UUID, purpose: str, plain: str) -> bytes:
    """Seal a column's value under the hospital's key."""
    key_id, secret = hospital_key(session, parts, hospital_id)
    return key_id.bytes + seal(derive(secret, f"field:{purpose}"), plain.encode(), purpose)


def open_field(session: Session, parts: Parts, purpose: str, sealed: bytes) -> str:
    """Open what `seal_field` made."""
    secret = hospital_key_by_id(session, parts, UUID(bytes=sealed[:16]))
    return unseal(derive(secret, f"field:{purpose}"), sealed[16:], purpose).decode()


def seal_text(session: Session, parts: Parts, hospital_id: UUID, text: str) -> bytes | None:
    """Seal free text: a procedure, a description. None stays for an empty one."""
    return seal_field(session, parts, hospital_id, FREE_TEXT, text) if text else None


def open_text(session: Session, parts: Parts, sealed: bytes | None) -> str:
    """Open what `seal_text` made."""
    return open_field(session, parts, FREE_TEXT, sealed) if sealed is not None else ""


def index_of(keys: KeyFiles, purpose: str, value: str) -> tuple[str, bytes]:
    """Return the id of the index key and the blind index of a value (a phone number, an ID number)."""
    key = keys.current("index")
    return key.key_id, blind_index(key, purpose, value)


def _remember(key_id: UUID, secret: bytes) -> None:
    with _lock:
        if len(_cache) >= _CACHE_SIZE:
            _cache.clear()
        _cache[key_id] = secret
