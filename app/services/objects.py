"""Encrypted objects: put one, or several into a pack; read one whole, in pieces, or a range of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.access.load.objects import stored_object
from app.access.load.search import not_rejected
from app.core.errors import NotFound
from app.core.identifiers import random_id
from app.models.imaging import Instance, InstanceVersion, StoredObject
from app.services import keys
from app.services.parts import Parts
from app.storage.encrypted import CHUNK, Encryptor, open_chunks, open_range, sealed_range, sealed_size
from app.storage.packs import PackReader, PackWriter

_INSERT = insert(StoredObject)
_PIECE = 16 * CHUNK


@dataclass(frozen=True, slots=True)
class Placed:
    """An object that lies in a pack, not yet known to the index. `size` is plain bytes."""

    object_id: UUID
    purpose: str
    pack_id: UUID
    pack_offset: int
    size: int


class ObjectWriter:
    """Seals one object into an open pack; who seals many hands the same `room` (see `Encryptor`) to each."""

    def __init__(self, pack: PackWriter, owner_secret: bytes, purpose: str, *, room: bytearray | None = None) -> None:
        self._pack = pack
        self._start = pack.offset
        self._id = random_id()
        self._purpose = purpose
        key = keys.object_key(owner_secret, self._id, purpose)
        self._encryptor = Encryptor(key, self._id, pack.write, room)

    def write(self, plain: bytes | memoryview) -> None:
        """Append plain bytes."""
        self._encryptor.write(plain)

    def finish(self) -> Placed:
        """Seal the end; returns where the object lies."""
        size = self._encryptor.finish()
        return Placed(self._id, self._purpose, self._pack.pack_id, self._start, size)

    def discard(self) -> None:
        """Take the object out of the pack again; it must be the last one in it."""
        self._pack.truncate(self._start)


def put(parts: Parts, owner_secret: bytes, purpose: str, pieces: Iterable[bytes | memoryview]) -> Placed:
    """Write one object into a pack of its own and make it durable."""
    pack = parts.store.create()
    try:
        writer = ObjectWriter(pack, owner_secret, purpose)
        for piece in pieces:
            writer.write(piece)
        placed = writer.finish()
        pack.commit()
    finally:
        pack.close()
    return placed


def index_rows(
    placed: Iterable[Placed],
    hospital_id: UUID,
    *,
    study_id: UUID | None = None,
    hospital_key_id: UUID | None = None,
    now: datetime,
) -> list[dict[str, object]]:
    """Return the rows of `stored_object` for durable objects of one owner."""
    return [
        {
            "id": item.object_id,
            "hospital_id": hospital_id,
            "study_id": study_id,
            "hospital_key_id": hospital_key_id,
            "purpose": item.purpose,
            "pack_id": item.pack_id,
            "pack_offset": item.pack_offset,
            "size": item.size,
            "created_at": now,
        }
        for item in placed
    ]


def insert_rows(session: Session, rows: list[dict[str, object]]) -> None:
    """Make durable objects known to the index."""
    if rows:
        session.connection().execute(_INSERT, rows)


def named_packs(session: Session, hospital_id: UUID, packs: Iterable[UUID]) -> set[UUID]:
    """Return those of some packs that hold an object of this hospital."""
    statement = select(StoredObject.pack_id).where(
        StoredObject.hospital_id == hospital_id, StoredObject.pack_id.in_(packs)
    )
    return set(session.scalars(statement))


@dataclass(frozen=True, slots=True)
class ObjectReader:
    """Reads one object after the transaction that found it has ended."""

    store: PackReader
    key: bytes
    object_id: UUID
    pack_id: UUID
    pack_offset: int
    size: int

    def pieces(self) -> Iterator[bytes]:
        """Yield the plain bytes, about 1 MiB at a time."""
        return open_chunks(self.key, self.object_id, self.size, self._sealed)

    def pieces_of(self, start: int, length: int) -> Iterator[bytes]:
        """Yield plain bytes `start` to `start + length`, about 1 MiB at a time."""
        end = start + length
        while start < end:
            stop = min((start // _PIECE + 1) * _PIECE, end)  # whole chunks but for the first and the last
            yield self.range(start, stop - start)
            start = stop

    def read(self) -> bytes:
        """Return all plain bytes."""
        return b"".join(self.pieces())

    def range(self, start: int, length: int) -> bytes:
        """Return plain bytes `start` to `start + length`."""
        offset, sealed_length = sealed_range(self.size, start, length)
        return open_range(self.key, self.object_id, self.size, start, length, self._sealed(offset, sealed_length))

    @property
    def sealed_size(self) -> int:
        """The length in the pack."""
        return sealed_size(self.size)

    def _sealed(self, offset: int, length: int) -> bytes:
        return self.store.read(self.pack_id, self.pack_offset + offset, length)


def reader(session: Session, parts: Parts, hospital_id: UUID, object_id: UUID) -> ObjectReader:
    """Return a reader for an object of this hospital."""
    row = stored_object(session, hospital_id, object_id)
    return ObjectReader(parts.store, keys.key_of(session, parts, row), row.id, row.pack_id, row.pack_offset, row.size)


def instance_reader(
    session: Session, parts: Parts, hospital_id: UUID, study_id: UUID, sop_instance_uid: str
) -> ObjectReader:
    """Return a reader for the current version of an instance of a study that may be read.

    Raises
    ------
    NotFound
        When there is none, or the hospital took it back.
    """
    statement = (
        select(InstanceVersion.object_id)
        .join(
            Instance,
            (Instance.study_id == InstanceVersion.study_id)
            & (Instance.sop_instance_uid == InstanceVersion.sop_instance_uid)
            & (Instance.current_digest == InstanceVersion.dataset_digest),
        )
        .where(
            Instance.study_id == study_id,
            Instance.sop_instance_uid == sop_instance_uid,
            Instance.hospital_id == hospital_id,
            not_rejected(),
        )
    )
    object_id = session.scalar(statement)
    if object_id is None:
        raise NotFound
    return reader(session, parts, hospital_id, object_id)
