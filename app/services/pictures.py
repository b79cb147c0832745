"""Handing out a preview: decide, record the disclosure, then decrypt just that picture.

Cached are sealed bytes, and keys and indexes of packs, consulted only after the decision; never a decision, never a
picture.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from app.access.actions import Action
from app.access.load.links import hospital_of_session
from app.access.load.pictures import PackRow, PictureFacts, picture_facts
from app.access.policy import StudyFacts, decide
from app.core.errors import NotFound
from app.dicom.preview_pack import PackIndex, PackPicture
from app.services import keys, openings
from app.services.objects import ObjectReader
from app.services.parts import Parts
from app.services.previews import index_of_pack
from app.services.unit_of_work import Scope, looking, reading
from app.storage.cached import SealedCache

Kind = Literal["preview", "small", "thumbnail", "key"]
_PACKS = 512
_SEALED_BYTES = 64 << 20
_SESSIONS = 65_536


@dataclass(frozen=True, slots=True)
class Asked:
    """Which picture: a series and a place in it (1-based; ignored for the thumbnail); `look` where not its own."""

    kind: Kind
    series: int
    place: int = 1
    look: str | None = None


@dataclass(frozen=True, slots=True)
class _Pack:
    """A pack of previews that was asked for before. What it knows is of use only after a decision, as all here."""

    reader: ObjectReader
    index: PackIndex


class PictureDesk:
    """Serves pictures of one process; threads share its caches."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = SealedCache(parts.store, _SEALED_BYTES)
        self._packs: OrderedDict[UUID, _Pack] = OrderedDict()
        self._hospitals: dict[bytes, UUID] = {}
        self._lock = threading.Lock()

    def picture(self, digest: bytes, public_id: str, asked: Asked) -> bytes:
        """Return a JPEG.

        Raises
        ------
        NotFound
            For anything that may not, or cannot, be shown; the audit knows which.
        """
        now = self._parts.clock()
        with looking(self._parts, Scope(hospital=self._hospital(digest))) as connection:
            facts = picture_facts(connection, digest, public_id, asked.series, asked.look, now=now)
        if facts is None:
            raise NotFound
        self._enter(facts, Action.STUDY_RENDERED, now)
        if facts.pack is None:
            raise NotFound
        if not facts.opened:
            openings.ensure(self._parts, facts.principal, facts.study.study_id, Action.STUDY_RENDERED)
        pack = self._pack(facts.pack, facts.study)
        if _is_of_document(pack.index, asked):  # a report may be in it
            self._enter(facts, Action.REPORT_READ, now)
            openings.ensure(self._parts, facts.principal, facts.study.study_id, Action.REPORT_READ)
        place = _place(pack.index, asked)
        if place is None:
            raise NotFound
        return pack.reader.range(place.offset, place.length)

    def _enter(self, facts: PictureFacts, action: Action, now: datetime) -> None:
        decision = decide(facts.principal, action, facts.study, now=now)
        if not decision.allowed:
            openings.deny(self._parts, facts.principal, facts.study.study_id, action, decision.reason)
            raise NotFound

    def _hospital(self, digest: bytes) -> UUID:
        """Return the hospital of a session; that never changes, so it may be remembered."""
        known = self._hospitals.get(digest)  # read once: another thread may empty it at any moment
        if known is not None:
            return known
        with reading(self._parts, Scope(digest=digest)) as session:
            hospital_id = hospital_of_session(session, digest)
        if hospital_id is None:
            raise NotFound
        if len(self._hospitals) >= _SESSIONS:
            self._hospitals.clear()
        self._hospitals[digest] = hospital_id
        return hospital_id

    def _pack(self, row: PackRow, study: StudyFacts) -> _Pack:
        pack = self._packs.get(row.object_id)
        if pack is None:
            pack = self._opened(row, study)
            with self._lock:
                self._packs[row.object_id] = pack
                if len(self._packs) > _PACKS:
                    self._packs.popitem(last=False)
        return pack

    def _opened(self, row: PackRow, study: StudyFacts) -> _Pack:
        with reading(self._parts, Scope(hospital=study.hospital_id)) as session:
            secret = keys.study_key(session, self._parts, study.study_id)
        key = keys.object_key(secret, row.object_id, "previews")
        pack = ObjectReader(self._store, key, row.object_id, row.pack_id, row.pack_offset, row.size)
        return _Pack(pack, index_of_pack(pack))


def _is_of_document(index: PackIndex, asked: Asked) -> bool:
    frames = index.frames[asked.place - 1 : asked.place] if asked.kind != "thumbnail" else index.frames
    return bool(index.documents) and any(frame.sop_instance_uid in index.documents for frame in frames)


def _place(index: PackIndex, asked: Asked) -> PackPicture | None:
    if asked.kind == "thumbnail":
        return index.thumbnail
    if not 1 <= asked.place <= len(index.frames):
        return None
    frame = index.frames[asked.place - 1]
    chosen = {"preview": frame.picture, "small": frame.small, "key": frame.key_image}
    return chosen[asked.kind]
