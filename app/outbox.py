"""Work owed, as rows: owe, claim under a lease, close, postpone. No patient data in any of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.core.identifiers import new_id, random_id
from app.models.outbox import OutboxEntry

LEASE = timedelta(minutes=5)
_BACKOFF = (5, 30, 120, 600, 1800, 3600)


@dataclass(frozen=True, slots=True)
class Owed:
    """One claimed entry; `claim` proves that it is still ours when we close it."""

    id: UUID
    hospital_id: UUID
    topic: str
    key: str
    tries: int
    claim: UUID


def _owing(insert: Any, *, not_later: bool) -> Any:
    statement = insert(OutboxEntry)
    due = statement.excluded.due_at
    if not_later:
        waits_for_less = and_(OutboxEntry.lease_until.is_(None), OutboxEntry.due_at < due)
        due = case((waits_for_less, OutboxEntry.due_at), else_=due)
    moved = {"due_at": due, "lease_until": None, "claim": None, "tries": 0}
    still_open = OutboxEntry.closed_at.is_(None)
    return statement.on_conflict_do_update(index_elements=["topic", "key"], index_where=still_open, set_=moved)


_OWING = {
    (name, not_later): _owing(insert, not_later=not_later)
    for name, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
    for not_later in (False, True)
}


def owe(
    session: Session,
    hospital_id: UUID,
    topic: str,
    key: str,
    *,
    due_at: datetime,
    now: datetime,
    not_later: bool = False,
) -> None:
    """Write work owed; an open entry for the same (topic, key) is moved to `due_at` and to a new lease instead.

    Moving takes the lease away, so work that is running over old facts cannot close the entry: it runs again. With
    `not_later`, an entry that waits for an earlier moment keeps it: what is owed again and again is done all the same.
    """
    entry = {
        "id": new_id(), "hospital_id": hospital_id, "topic": topic, "key": key, "due_at": due_at, "tries": 0,
        "created_at": now,
    }  # fmt: skip
    connection = session.connection()
    connection.execute(_OWING[connection.dialect.name, not_later], entry)
    if due_at <= now:
        session.info.setdefault("topics", set()).add(topic)


def claim(session: Session, topic: str, *, limit: int, now: datetime) -> list[Owed]:
    """Lease up to `limit` due entries of a topic, oldest first; of those that fell due together, the first written."""
    due = (
        select(OutboxEntry.id)
        .where(OutboxEntry.topic == topic, OutboxEntry.closed_at.is_(None), OutboxEntry.due_at <= now)
        .where(or_(OutboxEntry.lease_until.is_(None), OutboxEntry.lease_until < now))
        .order_by(OutboxEntry.due_at, OutboxEntry.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = session.scalars(due).all()
    ticket = random_id()
    session.execute(
        update(OutboxEntry)
        .where(OutboxEntry.id.in_(ids))
        .values(lease_until=now + LEASE, claim=ticket, tries=OutboxEntry.tries + 1)
    )
    claimed = select(OutboxEntry).where(OutboxEntry.id.in_(ids)).order_by(OutboxEntry.due_at, OutboxEntry.id)
    rows = session.scalars(claimed).all()
    return [Owed(r.id, r.hospital_id, r.topic, r.key, r.tries, ticket) for r in rows]


def close(session: Session, owed: Owed, *, now: datetime) -> bool:
    """Close a claimed entry; False when it was moved or claimed anew meanwhile."""
    statement = (
        update(OutboxEntry)
        .where(OutboxEntry.id == owed.id, OutboxEntry.claim == owed.claim, OutboxEntry.closed_at.is_(None))
        .values(closed_at=now, lease_until=None, error=None)
    )
    return bool(session.execute(statement).rowcount)  # type: ignore[attr-defined]  # an UPDATE gives a CursorResult


def postpone(session: Session, owed: Owed, *, error: str | None, now: datetime, due_at: datetime | None = None) -> None:
    """Give a claimed entry back: at `due_at`, or after a growing pause when it failed with `error` (a class name)."""
    pause = _BACKOFF[min(owed.tries, len(_BACKOFF)) - 1]
    session.execute(
        update(OutboxEntry)
        .where(OutboxEntry.id == owed.id, OutboxEntry.claim == owed.claim)
        .values(lease_until=None, claim=None, error=error, due_at=due_at or now + timedelta(seconds=pause))
    )


def reopen_dead_leases(session: Session, *, now: datetime) -> int:
    """Free entries whose worker did not come back; returns how many."""
    statement = (
        update(OutboxEntry)
        .where(OutboxEntry.closed_at.is_(None), OutboxEntry.lease_until < now)
        .values(lease_until=None, claim=None)
    )
    return int(session.execute(statement).rowcount)  # type: ignore[attr-defined]  # an UPDATE gives a CursorResult


def is_owed(session: Session, topic: str, key: str) -> bool:
    """Tell whether an entry is open: work that waits or is under way."""
    still_open = select(OutboxEntry.id).where(
        OutboxEntry.topic == topic, OutboxEntry.key == key, OutboxEntry.closed_at.is_(None)
    )
    return session.scalar(still_open.limit(1)) is not None


def due_topics(session: Session, *, now: datetime) -> Sequence[str]:
    """Return topics that have free due entries."""
    statement = (
        select(OutboxEntry.topic)
        .where(OutboxEntry.closed_at.is_(None), OutboxEntry.due_at <= now)
        .where(or_(OutboxEntry.lease_until.is_(None), OutboxEntry.lease_until < now))
        .distinct()
    )
    return session.scalars(statement).all()


@dataclass(frozen=True, slots=True)
class Depth:
    """How much is owed: open entries, those due, and when the oldest due one fell due."""

    open: int
    due: int
    oldest_due_at: datetime | None


def depth(session: Session, *, now: datetime) -> Depth:
    """Count what is owed, for readiness and metrics."""
    still_open = OutboxEntry.closed_at.is_(None)
    total = session.scalar(select(func.count()).where(still_open)) or 0
    due = session.scalar(select(func.count()).where(still_open, OutboxEntry.due_at <= now)) or 0
    oldest = session.scalar(select(OutboxEntry.due_at).where(still_open).order_by(OutboxEntry.due_at).limit(1))
    return Depth(total, due, oldest if oldest is not None and oldest <= now else None)


def next_due(session: Session, topic: str) -> datetime | None:
    """Return when the next entry of a topic falls due."""
    statement = (
        select(OutboxEntry.due_at)
        .where(OutboxEntry.topic == topic, OutboxEntry.closed_at.is_(None))
        .order_by(OutboxEntry.due_at)
        .limit(1)
    )
    return session.scalar(statement)
