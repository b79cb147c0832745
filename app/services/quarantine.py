"""What came and could not be taken in: listed with the reason, settled by a person."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.orm import Session

from app.access.load.worklist import one_set_aside, set_aside
from app.access.principals import HospitalClient
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import NotFound
from app.services.parts import Parts
from app.services.shapes import Input, Output, PageQuery, Written


class SetAside(Output):
    """An object in quarantine; `reason_code` is the DICOM status that its sender got, in four hexadecimal digits."""

    id: UUID
    door: str
    reason_code: str
    reason: str
    size: int
    created_at: datetime


class QuarantinePage(Output):
    """Objects that nobody settled, oldest first."""

    objects: list[SetAside]
    next_cursor: UUID | None


class Settlement(Input):
    """What was done about an object: sent again rightly, or not needed."""

    outcome: Literal["sent-again", "not-needed"]


def page(session: Session, parts: Parts, client: HospitalClient, query: PageQuery) -> QuarantinePage:
    """Return a page of what is in quarantine, and record that it was read."""
    rows = set_aside(session, client.hospital_id, after=query.cursor, limit=query.limit + 1)
    shown = rows[: query.limit]
    fact = Fact(Event.QUARANTINE_READ, client.actor, f"hospital:{client.hospital_id}", client.hospital_id)
    record(session, parts.keys, fact, now=parts.clock())
    objects = [
        SetAside(
            id=row.id, door=row.door, reason_code=f"{row.reason_code:04X}", reason=row.reason, size=row.size,
            created_at=row.created_at,
        )
        for row in shown
    ]  # fmt: skip
    return QuarantinePage(objects=objects, next_cursor=shown[-1].id if len(rows) > len(shown) else None)


def resolve(session: Session, parts: Parts, client: HospitalClient, quarantine_id: UUID, given: Settlement) -> Written:
    """Note that an object was settled; it leaves the list and stays stored.

    Raises
    ------
    NotFound
        When this hospital has no such object.
    """
    now = parts.clock()
    row = one_set_aside(session, client.hospital_id, quarantine_id)
    if row is None:
        raise NotFound
    if row.resolved_at is not None:
        return Written(id=row.id, outcome="unchanged")
    row.resolved_at = now
    fact = Fact(
        Event.QUARANTINE_RESOLVED, client.actor, f"quarantine:{row.id}", client.hospital_id, reason=given.outcome
    )
    record(session, parts.keys, fact, now=now)
    return Written(id=row.id, outcome="changed")
