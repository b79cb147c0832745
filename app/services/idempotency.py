"""The answer to a write, kept under the client's own key, so that a repeated request acts once.

The key is reserved before the act in the act's own transaction: of two requests at the same moment the second waits,
then finds the first one's answer. A refusal rolls the reservation back: the same key may be tried again.
"""

import hmac
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.access.principals import HospitalClient
from app.core.crypto import Key, blind_index
from app.core.errors import Conflict
from app.core.identifiers import new_id
from app.models.hospitals import IdempotencyKey
from app.services.parts import Parts

_KEY_ID = 8


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was given before: the status and the JSON text."""

    status: int
    response: str


def reserve(session: Session, parts: Parts, client: HospitalClient, key: str, request: bytes) -> Kept | None:
    """Reserve a key for this request, or return the answer that it got before.

    Parameters
    ----------
    request : bytes
        Method, path and body. An HMAC is kept of it: a plain digest of a known form could be guessed.

    Raises
    ------
    Conflict
        When the key was used for another request.
    """
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    reserved = session.execute(
        dialect.insert(IdempotencyKey)
        .values(
            id=new_id(), hospital_id=client.hospital_id, api_key_id=client.api_key_id, key=key,
            request_digest=_digest(parts.keys.current("index"), request), status=0, response="",
            created_at=parts.clock(),
        )
        .on_conflict_do_nothing(index_elements=["api_key_id", "key"])
        .returning(IdempotencyKey.id)
    ).first()  # fmt: skip
    if reserved is not None:
        return None
    row = session.execute(
        select(IdempotencyKey.request_digest, IdempotencyKey.status, IdempotencyKey.response).where(
            IdempotencyKey.api_key_id == client.api_key_id, IdempotencyKey.key == key
        )
    ).one()
    made_by = parts.keys.by_id("index", row.request_digest[:_KEY_ID].decode())
    if not hmac.compare_digest(row.request_digest, _digest(made_by, request)):
        raise Conflict("This Idempotency-Key was used for another request.")
    return Kept(row.status, row.response)


def keep(session: Session, client: HospitalClient, key: str, answer: Kept) -> None:
    """Keep the answer under the reserved key. It must hold ids and states only, nothing about a person."""
    session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.api_key_id == client.api_key_id, IdempotencyKey.key == key)
        .values(status=answer.status, response=answer.response)
    )


def _digest(key: Key, request: bytes) -> bytes:
    return key.key_id.encode() + blind_index(key, "idempotency", request.hex())
