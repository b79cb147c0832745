"""Checkpoints: gapless positions for events, and a signed tree head over them.

The tree is that of RFC 6962 section 2.1 (leaf hash 0x00, node hash 0x01, split at the largest power of two). A head
covers
whatever no checkpoint holds yet, found by absence and never by "id greater than the last": a transaction that began
earlier
and committed later would be missed. The window that no head covers is the relay's interval, two seconds as shipped.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from pathlib import Path

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app.core.crypto import KeyFiles, KeyProblem, sign, verify
from app.core.folders import sync_folders_above
from app.core.identifiers import new_id
from app.models.audit import AuditCheckpoint, AuditEvent, AuditLeaf

_EMPTY_ROOT = hashlib.sha256(b"").digest()
_ADVISORY_LOCK = 7_301_001
_LINE_LIMIT = 1024  # bytes of a head's line: 460 as of now


@dataclass(frozen=True, slots=True)
class Head:
    """A signed tree head, as it leaves the database."""

    size: int
    root: bytes
    previous_root: bytes
    signature: bytes
    key_id: str
    created_at: datetime

    def as_line(self) -> str:
        """Return one JSON line for the heads file."""
        return json.dumps(
            {
                "size": self.size,
                "root": self.root.hex(),
                "previous_root": self.previous_root.hex(),
                "signature": self.signature.hex(),
                "key_id": self.key_id,
                "at": self.created_at.isoformat(),
            }
        )


def leaf_hash(event: AuditEvent) -> bytes:
    """Return the RFC 6962 leaf hash of an event's visible fields and the commitment to its detail."""
    visible = [
        str(event.id), event.at.isoformat(), str(event.hospital_id), str(event.patient_id), event.actor,
        event.on_behalf_of, event.action, event.resource, event.outcome, event.reason, event.commitment.hex(),
    ]  # fmt: skip
    return hashlib.sha256(b"\x00" + json.dumps(visible, ensure_ascii=False).encode()).digest()


class Frontier:
    """The perfect subtrees of a tree, largest first: all that is needed to add leaves and to give the root."""

    def __init__(self, size: int = 0, packed: bytes = b"") -> None:
        self.size = size
        self._roots = [packed[i : i + 32] for i in range(0, len(packed), 32)]

    def add(self, leaf: bytes) -> None:
        """Append one leaf hash."""
        node, size = leaf, self.size
        while size & 1:
            node = _node(self._roots.pop(), node)
            size >>= 1
        self._roots.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the root hash."""
        if not self._roots:
            return _EMPTY_ROOT
        node = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            node = _node(left, node)
        return node

    def packed(self) -> bytes:
        """Return the subtree roots as bytes."""
        return b"".join(self._roots)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _signed_bytes(size: int, root: bytes, previous_root: bytes, at: datetime) -> bytes:
    return json.dumps(["filmpass-audit-head", size, root.hex(), previous_root.hex(), at.isoformat()]).encode()


def seal_pending(session: Session, keys: KeyFiles, *, now: datetime, limit: int = 5000) -> Head | None:
    """Give positions to events that have none and sign a head over the tree; None when nothing is pending."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    last = session.scalar(select(AuditCheckpoint).order_by(AuditCheckpoint.size.desc()).limit(1))
    events = _unsealed(session, limit)
    if not events:
        return None
    frontier = Frontier(last.size, last.frontier) if last else Frontier()
    previous_root = last.root if last else _EMPTY_ROOT
    checkpoint_id, leaves = new_id(), []
    for event in events:
        hashed = leaf_hash(event)
        leaves.append(
            {"position": frontier.size, "event_id": event.id, "checkpoint_id": checkpoint_id, "leaf_hash": hashed}
        )
        frontier.add(hashed)
    key = keys.current("signing")
    signature = sign(key, _signed_bytes(frontier.size, frontier.root(), previous_root, now))
    head = Head(frontier.size, frontier.root(), previous_root, signature, key.key_id, now)
    session.execute(
        insert(AuditCheckpoint).values(
            id=checkpoint_id,
            size=head.size,
            root=head.root,
            frontier=frontier.packed(),
            previous_root=previous_root,
            signature=signature,
            key_id=key.key_id,
            created_at=now,
        )
    )
    session.execute(insert(AuditLeaf), leaves)
    return head


def _unsealed(session: Session, limit: int) -> Sequence[AuditEvent]:
    pending = (
        select(AuditEvent)
        .outerjoin(AuditLeaf, AuditLeaf.event_id == AuditEvent.id)
        .where(AuditLeaf.event_id.is_(None))
        .order_by(AuditEvent.id)
        .limit(limit)
    )
    return session.scalars(pending).all()


def oldest_unsealed(session: Session) -> datetime | None:
    """Return when the oldest event that no head covers was written."""
    pending = select(func.min(AuditEvent.at)).outerjoin(AuditLeaf, AuditLeaf.event_id == AuditEvent.id)
    return session.scalar(pending.where(AuditLeaf.event_id.is_(None)))


def write_head(session: Session, path: Path) -> None:
    """Append the newest head to the file outside the database, durably, unless it is there.

    A line that a full disk or a power cut left unfinished is cut off first. Relays of one host wait for each other.
    """
    last = session.scalar(select(AuditCheckpoint).order_by(AuditCheckpoint.size.desc()).limit(1))
    if last is None:
        return
    head = Head(last.size, last.root, last.previous_root, last.signature, last.key_id, last.created_at)
    with open(path, "r+b", buffering=0, opener=_opener) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end, size = _whole_lines(file)
        if size < head.size:
            _append(file, end, f"{head.as_line()}\n".encode())
            sync_folders_above(path)


def _opener(path: str, _flags: int) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _whole_lines(file: FileIO) -> tuple[int, int]:
    """Return where the last whole line ends, and the size that it names (0 without one)."""
    start = max(0, file.seek(0, os.SEEK_END) - 2 * _LINE_LIMIT)
    file.seek(start)
    tail = file.read()
    whole = tail.rfind(b"\n") + 1
    lines = tail[:whole].splitlines()
    return start + whole, json.loads(lines[-1])["size"] if lines else 0


def _append(file: FileIO, end: int, line: bytes) -> None:
    file.truncate(end)
    file.seek(end)
    try:
        while line:
            line = line[file.write(line) :]
        os.fsync(file.fileno())
    except OSError:
        file.truncate(end)  # so that it is written again, and not taken for durable
        raise


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of verifying: how much was checked, and the first thing that does not fit."""

    events: int
    checkpoints: int
    problem: str | None


def verify_all(session: Session, keys: KeyFiles, *, heads: Iterable[str] = ()) -> Verdict:
    """Recompute every leaf and every checkpoint, and hold them against heads that left the database.

    Parameters
    ----------
    heads : iterable of str
        Lines of the heads file. A head that the tree no longer contains shows a database that was cut back.
    """
    try:
        known = _known_roots(heads)
    except (ValueError, KeyError, TypeError):
        return Verdict(0, 0, "the heads file has a line that is no head")
    frontier, previous, count = Frontier(), _EMPTY_ROOT, 0
    leaves = _leaves(session)
    for checkpoint in session.scalars(select(AuditCheckpoint).order_by(AuditCheckpoint.size)):
        problem = _advance(frontier, leaves, checkpoint) or _check_head(keys, frontier, checkpoint, previous)
        if problem is None and known.pop(checkpoint.size, set()) - {checkpoint.root.hex()}:
            problem = f"checkpoint of size {checkpoint.size} differs from the head that was written out"
        if problem:
            return Verdict(frontier.size, count, problem)
        previous, count = checkpoint.root, count + 1
    if known:
        return Verdict(frontier.size, count, f"no checkpoint of size {min(known)}, though its head was written out")
    extra = next(leaves, None)
    if extra is not None:
        return Verdict(frontier.size, count, f"position {extra[0].position} is beyond the last checkpoint")
    return Verdict(frontier.size, count, None)


def _known_roots(heads: Iterable[str]) -> dict[int, set[str]]:
    """Return the roots by size. Two of one size are two histories; only one can be the tree's."""
    known: dict[int, set[str]] = {}
    for line in heads:
        head = json.loads(line)
        known.setdefault(head["size"], set()).add(head["root"])
    return known


def _leaves(session: Session) -> Iterator[tuple[AuditLeaf, AuditEvent | None]]:
    joined = select(AuditLeaf, AuditEvent).outerjoin(AuditEvent, AuditEvent.id == AuditLeaf.event_id)
    rows = session.execute(joined.order_by(AuditLeaf.position)).yield_per(1000)
    return ((leaf, event) for leaf, event in rows)


def _advance(
    frontier: Frontier, leaves: Iterator[tuple[AuditLeaf, AuditEvent | None]], checkpoint: AuditCheckpoint
) -> str | None:
    while frontier.size < checkpoint.size:
        leaf, event = next(leaves, (None, None))
        if leaf is None or leaf.position != frontier.size:
            return f"position {frontier.size} is missing"
        if event is None:
            return f"event {leaf.event_id} at position {leaf.position} is gone"
        if hashlib.sha256(event.salt + event.detail_sealed).digest() != event.commitment:
            return f"the detail of event {event.id} at position {leaf.position} was changed"
        if leaf_hash(event) != leaf.leaf_hash:
            return f"event {event.id} at position {leaf.position} was changed"
        frontier.add(leaf.leaf_hash)
    return None


def _check_head(keys: KeyFiles, frontier: Frontier, checkpoint: AuditCheckpoint, previous: bytes) -> str | None:
    if frontier.root() != checkpoint.root or checkpoint.previous_root != previous:
        return f"checkpoint of size {checkpoint.size} does not fit the events before it"
    message = _signed_bytes(checkpoint.size, checkpoint.root, checkpoint.previous_root, checkpoint.created_at)
    try:
        signed = verify(keys.by_id("signing", checkpoint.key_id), checkpoint.signature, message)
    except KeyProblem:
        return f"checkpoint of size {checkpoint.size} names a signing key that is not here"
    if not signed:
        return f"checkpoint of size {checkpoint.size} has a wrong signature"
    return None
