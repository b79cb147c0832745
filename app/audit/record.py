"""Write down what happened. Insert only: triggers and roles of the database refuse anything else."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.audit.events import Event
from app.core.crypto import KeyFiles, derive, seal, unseal
from app.core.identifiers import new_id
from app.models.audit import AuditEvent

_INSERT = insert(AuditEvent)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to record. `actor` and `resource` are kinds and ids; anything about a person goes into `detail`."""

    event: Event
    actor: str
    resource: str
    hospital_id: UUID | None = None
    patient_id: UUID | None = None
    outcome: str = "ok"
    reason: str | None = None
    on_behalf_of: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


def record(session: Session, keys: KeyFiles, fact: Fact, *, now: datetime) -> UUID:
    """Insert one event in the caller's unit of work; returns its id."""
    event_id = new_id()
    sealed = _seal_detail(keys, fact.hospital_id, event_id, fact.detail)
    salt = os.urandom(16)
    row = {
        "id": event_id, "at": now, "hospital_id": fact.hospital_id, "patient_id": fact.patient_id, "actor": fact.actor,
        "on_behalf_of": fact.on_behalf_of, "action": fact.event.value, "resource": fact.resource,
        "outcome": fact.outcome, "reason": fact.reason, "detail_sealed": sealed, "salt": salt,
        "commitment": hashlib.sha256(salt + sealed).digest(),
    }  # fmt: skip
    session.connection().execute(_INSERT, row)
    return event_id


def read_detail(keys: KeyFiles, row: AuditEvent) -> dict[str, Any]:
    """Open the sealed detail of an event."""
    key_id, sealed = row.detail_sealed[:8].decode(), row.detail_sealed[8:]
    key = derive(keys.by_id("root", key_id).secret, f"audit-detail:{row.hospital_id}")
    detail: dict[str, Any] = json.loads(unseal(key, sealed, str(row.id)))
    return detail


def _seal_detail(keys: KeyFiles, hospital_id: UUID | None, event_id: UUID, detail: dict[str, Any]) -> bytes:
    root = keys.current("root")
    key = derive(root.secret, f"audit-detail:{hospital_id}")
    return root.key_id.encode() + seal(key, json.dumps(detail, ensure_ascii=False).encode(), str(event_id))
