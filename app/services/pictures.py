"""Handing out a preview: decide, record the disclosure, then decrypt just that picture.

Cached are sealed bytes and pack indexes by object id, consulted only after the decision; never a decision, never a
picture.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from app.access.actions import Action
from app.access.load.links import hospital_of_session
from app.access.load.pictures import PackRow, picture_facts
from app.access.policy import decide
from app.core.errors import NotFound
from app.dicom.preview_pack import PackIndex, PackPicture
from app.services import keys, openings
from app.services.objects import ObjectReader
from app.services.parts import Parts
from app.services.previews import index_of_pack
from app.services.unit_of_work import Scope, reading

Kind = Literal["preview", "small", "thumbnail", "key"]
_INDEXES = 512
_SESSIONS = 65_536


@dataclass(frozen=True, slots=True)
class Asked:
    """Which picture: a series (1-based), and a place in it (1-based; ignored for the thumbnail)."""

    kind: Kind
    series: int
    place: int = 1


class PictureDesk:
    """Serves pictures of one process; threads share its caches."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._indexes: OrderedDict[UUID, PackIndex] = OrderedDict()
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
        with reading(self._parts, Scope(hospital=self._hospital(digest))) as session:
            facts = picture_facts(session, digest, public_id, asked.series, now=now)
            if facts is None:
                raise NotFound
            decision = decide(facts.principal, Action.STUDY_RENDERED, facts.study, now=now)
            if decision.allowed and facts.pack is not None:
                secret = keys.study_key(session, self._parts, facts.study.study_id)
        if not decision.allowed:
            openings.deny(self._parts, facts.principal, facts.study.study_id, Action.STUDY_RENDERED, decision.reason)
            raise NotFound
        if facts.pack is None:
            raise NotFound
        if not facts.opened:
            openings.ensure(self._parts, facts.principal, facts.study.study_id, Action.STUDY_RENDERED)
        return self._read(facts.pack, secret, asked)

    def _hospital(self, digest: bytes) -> UUID:
        """Return the hospital of a session; that never changes, so it may be remembered."""
        if digest not in self._hospitals:
            with reading(self._parts, Scope(digest=digest)) as session:
                hospital_id = hospital_of_session(session, digest)
            if hospital_id is None:
                raise NotFound
            if len(self._hospitals) >= _SESSIONS:
                self._hospitals.clear()
            self._hospitals[digest] = hospital_id
        return self._hospitals[digest]

    def _read(self, row: PackRow, secret: bytes, asked: Asked) -> bytes:
        key = keys.object_key(secret, row.object_id, "previews")
        pack = ObjectReader(self._parts.store, key, row.object_id, row.pack_id, row.pack_offset, row.size)
        place = _place(self._index(pack), asked)
        if place is None:
            raise NotFound
        return pack.range(place.offset, place.length)

    def _index(self, pack: ObjectReader) -> PackIndex:
        with self._lock:
            index = self._indexes.get(pack.object_id)
        if index is None:
            index = index_of_pack(pack)
            with self._lock:
                self._indexes[pack.object_id] = index
                if len(self._indexes) > _INDEXES:
                    self._indexes.popitem(last=False)
        return index


def _place(index: PackIndex, asked: Asked) -> PackPicture | None:
    if asked.kind == "thumbnail":
        return index.thumbnail
    if not 1 <= asked.place <= len(index.frames):
        return None
    frame = index.frames[asked.place - 1]
    chosen = {"preview": frame.picture, "small": frame.small, "key": frame.key_image}
    return chosen[asked.kind]
