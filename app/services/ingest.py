"""Instances come in: each is sealed into a pack while it arrives, and acknowledged once pack and rows are durable.

Both doors use one `Intake` per request or association. Nothing is parsed beyond the header, and nothing of an instance
is in memory but its head and the piece in hand, so bodies of any length fit.

References
----------
DICOM PS3.4 B (Storage), PS3.18 10.5 (Store transaction), Table I.2-2 (failure reasons).
"""

import hashlib
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from app.core.errors import OutOfResources
from app.core.identifiers import StudyInstanceUid
from app.core.logs import get_logger
from app.dicom.instance import InstanceHeader, NeedMoreBytes, UnreadableInstance
from app.dicom.part10 import file_meta
from app.services import ingest_rows, keys
from app.services.ingest_versions import NewInstance, Sender, is_known
from app.services.objects import ObjectWriter, put
from app.services.parts import Parts
from app.services.unit_of_work import Scope, reading, unit_of_work
from app.storage.encrypted import sealing_room
from app.storage.packs import PACK_BYTES, PackWriter

HEAD, HEAD_LIMIT = 64 << 10, 16 << 20
GROUP_INSTANCES = 64
SET_ASIDE_BYTES = 64 << 20
SEEN = 10_000
OUT_OF_RESOURCES, STUDY_MISMATCH, CANNOT_UNDERSTAND, PROCESSING_FAILURE = 0xA700, 0xA901, 0xC000, 0x0110

_POSTGRESQL_DISK_FULL = "53100"
_log = get_logger("ingest")


@dataclass(slots=True)
class Outcome:
    """What became of one instance. `failure` is a failure reason of Table I.2-2, 0 once it is durable."""

    header: InstanceHeader | None
    failure: int = 0
    reason: str = ""

    def fail(self, code: int, reason: str) -> None:
        """Note why the instance is not stored."""
        self.failure, self.reason = code, reason


@dataclass(frozen=True, slots=True)
class _StudyRef:
    study_id: UUID
    secret: bytes
    is_new: bool


@dataclass(slots=True)
class Intake:
    """One request or association of one hospital. Call `take` for each instance, then `close`.

    Outcomes of `take` are promises until the group they belong to is flushed; `flush` and `close` make them true or
    turn them into failures. Groups that follow each other are appended to one pack.
    """

    parts: Parts
    sender: Sender
    only_study: StudyInstanceUid | None = None
    max_instance: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    _studies: dict[str, _StudyRef] = field(default_factory=dict)
    _series: dict[tuple[UUID, str], UUID] = field(default_factory=dict)
    _pack: PackWriter | None = None
    _room: bytearray = field(default_factory=sealing_room)
    _group: list[NewInstance] = field(default_factory=list)
    _promised: list[Outcome] = field(default_factory=list)
    _seen: set[tuple[UUID, str, bytes]] = field(default_factory=set)
    _audited: set[UUID] = field(default_factory=set)
    _room_aside: int | None = None

    def take(self, pieces: Iterator[bytes | memoryview], parse: Callable[..., InstanceHeader]) -> Outcome:
        """Take one instance from its pieces; `parse(head, complete=...)` reads its header.

        Raises whatever the pieces raise (a body cut short), after recording the failure. The instance that was cut
        short is kept apart in quarantine, as is one that cannot be understood.
        """
        source = _Pieces(pieces)
        outcome = Outcome(None)
        self.outcomes.append(outcome)
        try:
            outcome.header = source.header(parse)
            if self.only_study is not None and outcome.header.study_instance_uid != self.only_study:
                outcome.fail(STUDY_MISMATCH, "The instance belongs to another study than the address.")
                return outcome
            self._store(outcome, outcome.header, source)
        except UnreadableInstance as error:
            outcome.fail(error.reason_code, error.reason)
            self._quarantine(outcome, source)
        except Exception as error:
            if source.broken:
                outcome.fail(CANNOT_UNDERSTAND, "The instance ends before its end.")
                self._quarantine(outcome, source)
                raise
            outcome.fail(*_failure(error))
        return outcome

    def flush(self) -> None:
        """Make the open group durable: bytes first, then rows. Its outcomes hold from here on."""
        group, promised = self._group, self._promised
        self._group, self._promised = [], []
        if len(self._seen) > SEEN:
            self._seen.clear()
        if self._pack is None or not group:
            return
        try:
            self._pack.commit()
            self._insert(group)
        except Exception as error:  # noqa: BLE001  whatever failed, nothing of the group may count as stored
            self._forget()
            for outcome in promised:
                outcome.fail(*_failure(error))
        else:
            if self._pack.offset >= PACK_BYTES:
                self._end_pack()

    def close(self) -> None:
        """Flush what is open."""
        self.flush()
        self._end_pack()

    def _forget(self) -> None:
        """Begin anew after a failure: in a new pack, since this one may be broken, and with what the index says.

        What was committed stays in the pack, for its rows may be there; `flask sweep` removes a pack without any.
        """
        self._end_pack()
        self._studies.clear()
        self._series.clear()
        self._seen.clear()

    def _end_pack(self) -> None:
        if self._pack is not None:
            self._pack.close()
            self._pack = None

    def _store(self, outcome: Outcome, header: InstanceHeader, source: "_Pieces") -> None:
        study = self._study(header)
        if self._pack is None:
            self._pack = self.parts.store.create()
        writer = ObjectWriter(self._pack, study.secret, "instance", room=self._room)
        try:
            digest, crc = self._seal(writer, header, source)
            placed = writer.finish()
        except BaseException:
            writer.discard()
            raise
        identity = (study.study_id, header.sop_instance_uid, digest)
        if identity in self._seen:
            writer.discard()
            self._promised.append(outcome)  # durable once the first of the two is, as it may be already
            return
        # In a study that began with this sender nothing else is known, or so little that the insertion finds it.
        if not study.is_new and self._is_known(*identity):
            writer.discard()
            return
        self._seen.add(identity)
        self._promised.append(outcome)
        self._group.append(NewInstance(study.study_id, header, digest, crc, placed))
        if len(self._group) >= GROUP_INSTANCES or self._pack.offset >= PACK_BYTES:
            self.flush()

    def _seal(self, writer: ObjectWriter, header: InstanceHeader, source: "_Pieces") -> tuple[bytes, int]:
        """Seal the whole file.

        Returns
        -------
        digest : bytes
            SHA-256 of the data set, without preamble and file meta information.
        crc : int
            CRC-32 of the file, as archives carry it.
        """
        digest, crc = hashlib.sha256(), 0
        offset, size = header.dataset_offset, 0
        if source.bare:
            meta = file_meta(header.sop_class_uid, header.sop_instance_uid, header.transfer_syntax_uid)
            writer.write(meta)
            offset, crc = 0, zlib.crc32(meta)
        for piece in source:
            writer.write(piece)
            crc = zlib.crc32(piece, crc)
            digest.update(memoryview(piece)[max(0, offset - size) :])
            size += len(piece)
            if self.max_instance and size > self.max_instance:
                raise OutOfResources(f"The instance is larger than {self.max_instance} bytes.")
        return digest.digest(), crc

    def _study(self, header: InstanceHeader) -> _StudyRef:
        uid = header.study_instance_uid
        if uid not in self._studies:
            hospital_id = self.sender.hospital_id
            with reading(self.parts, Scope(hospital=hospital_id)) as session:
                study_id = ingest_rows.find_study(session, hospital_id, uid)
                secret = keys.study_key(session, self.parts, study_id) if study_id else b""
            is_new = study_id is None
            if study_id is None:
                with unit_of_work(self.parts, Scope(hospital=hospital_id)) as session:
                    study_id, secret = ingest_rows.create_study(session, self.parts, self.sender, header)
            self._studies[uid] = _StudyRef(study_id, secret, is_new)
        return self._studies[uid]

    def _is_known(self, study_id: UUID, sop_instance_uid: str, digest: bytes) -> bool:
        with reading(self.parts, Scope(hospital=self.sender.hospital_id)) as session:
            return is_known(session, study_id, sop_instance_uid, digest)

    def _insert(self, group: list[NewInstance]) -> None:
        with unit_of_work(self.parts, Scope(hospital=self.sender.hospital_id)) as session:
            first = {new.study_id for new in group} - self._audited
            ingest_rows.insert_instances(session, self.parts, self.sender, group, series=self._series, audit_for=first)
        self._audited |= first

    def _quarantine(self, outcome: Outcome, source: "_Pieces") -> None:
        """Keep what could not be taken in, under the hospital's key. A full disk must not hide the first reason."""
        hospital_id, digest = self.sender.hospital_id, hashlib.sha256()
        try:
            with reading(self.parts, Scope(hospital=hospital_id)) as session:
                if self._room_aside is None:
                    self._room_aside = ingest_rows.room_in_quarantine(session, hospital_id)
                if not self._room_aside:
                    _log.warning("quarantine is full; not kept", hospital=str(hospital_id))
                    return
                key_id, secret = keys.hospital_key(session, self.parts, hospital_id)
            placed = put(self.parts, secret, "quarantine", self._if_new(source.what_came(), digest))
            aside = ingest_rows.SetAside(placed, key_id, digest.digest(), outcome.failure, outcome.reason)
            with unit_of_work(self.parts, Scope(hospital=hospital_id)) as session:
                ingest_rows.insert_quarantine(session, self.parts, self.sender, aside)
            self._room_aside -= 1
        except _AlreadySetAside:
            return
        except (OutOfResources, DBAPIError) as error:
            _log.warning("quarantine could not be written", error=type(error).__name__)

    def _if_new(self, pieces: Iterator[bytes | memoryview], digest: "hashlib._Hash") -> Iterator[bytes | memoryview]:
        """Pass pieces on, and end the writing before it is durable when all of them lie in quarantine already."""
        for piece in pieces:
            digest.update(piece)
            yield piece
        with reading(self.parts, Scope(hospital=self.sender.hospital_id)) as session:
            if ingest_rows.is_set_aside(session, self.sender.hospital_id, digest.digest()):
                raise _AlreadySetAside


class _AlreadySetAside(Exception):
    """The same bytes wait in quarantine: a PACS repeats for days what is refused."""


class _Pieces:
    """An instance's pieces, with its head held back until the header is read."""

    def __init__(self, pieces: Iterator[bytes | memoryview]) -> None:
        self._pieces = pieces
        self._head = b""
        self._rest = memoryview(b"")  # of the piece in hand, which is longer than the head that was wanted
        self._ended = False
        self.bare = False
        self.broken = False

    def header(self, parse: Callable[..., InstanceHeader]) -> InstanceHeader:
        """Read on until the header is whole: 64 KiB at first, 16 MiB at most."""
        wanted = HEAD
        while True:
            self._fill(wanted)
            try:
                header = parse(self._head, complete=self._ended or wanted >= HEAD_LIMIT)
            except NeedMoreBytes:
                wanted *= 4
                continue
            self.bare = header.dataset_offset == 0 and not self._head.startswith(b"\x02\x00")
            return header

    def __iter__(self) -> Iterator[bytes | memoryview]:
        if self._head:
            yield self._head
        while (piece := self._next()) is not None:
            yield piece

    def what_came(self) -> Iterator[bytes | memoryview]:
        """Yield the first 64 MiB or so of what could not be understood, and the head of what was cut short after it."""
        size = 0
        with suppress(Exception):  # the cut is reported already; keep what came before it
            for piece in self:
                yield piece
                size += len(piece)
                if size >= SET_ASIDE_BYTES:
                    return

    def _fill(self, wanted: int) -> None:
        pieces = [self._head]
        size = len(self._head)
        try:
            while size < wanted and (piece := self._next()) is not None:
                view = memoryview(piece)
                pieces.append(bytes(view[: wanted - size]))  # a piece may not outlast the next one
                self._rest = view[wanted - size :]
                size += len(pieces[-1])
        finally:
            self._head = b"".join(pieces)

    def _next(self) -> bytes | memoryview | None:
        """Give the next piece; `broken` tells afterwards whether it was the sender who failed."""
        if self._rest:
            rest, self._rest = self._rest, memoryview(b"")
            return rest
        try:
            piece = next(self._pieces, None)
        except Exception:
            self.broken = self._ended = True
            raise
        self._ended = piece is None
        return piece


def _failure(error: Exception) -> tuple[int, str]:
    """Say what an error of ours means to a sender: come back later, or look into it."""
    if isinstance(error, OutOfResources):
        return OUT_OF_RESOURCES, error.detail
    if isinstance(error, DBAPIError) and _is_full(error.orig):
        return OUT_OF_RESOURCES, "The disk of the index is full."
    _log.error("an instance was not stored", error=type(error).__name__, exc_info=error)
    return PROCESSING_FAILURE, "The instance could not be stored."


def _is_full(error: object) -> bool:
    sqlite_full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return sqlite_full or getattr(error, "sqlstate", None) == _POSTGRESQL_DISK_FULL
