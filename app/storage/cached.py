"""Sealed bytes kept in memory: what was read lately is not read again. They open with their key alone, as on disk."""

import threading
from collections import OrderedDict
from uuid import UUID

from app.storage.encrypted import CHUNK, TAG
from app.storage.packs import Store

_SEALED = CHUNK + TAG


class SealedCache:
    """Reads packs through a cache of sealed chunks; threads share it.

    What was committed to a pack never changes, so a chunk that was read stays true. Ranges are those of whole
    chunks of an object, as `sealed_range` gives them.

    Parameters
    ----------
    limit : int
        How many bytes to keep; what was not asked for longest goes first.
    """

    def __init__(self, store: Store, limit: int) -> None:
        self._store = store
        self._most = max(1, limit // _SEALED)
        self._chunks: OrderedDict[tuple[UUID, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, pack_id: UUID, offset: int, length: int) -> bytes:
        """Return `length` bytes of a pack; raises what the store raises."""
        starts = range(offset, offset + length, _SEALED)
        kept = [self._kept(pack_id, start) for start in starts]
        chunks = [chunk for chunk in kept if chunk is not None]
        if len(chunks) == len(kept):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        sealed = self._store.read(pack_id, offset, length)
        with self._lock:
            for start in starts:
                self._chunks[pack_id, start] = sealed[start - offset : start - offset + _SEALED]
            while len(self._chunks) > self._most:
                self._chunks.popitem(last=False)
        return sealed

    def _kept(self, pack_id: UUID, start: int) -> bytes | None:
        with self._lock:
            chunk = self._chunks.get((pack_id, start))
            if chunk is not None:
                self._chunks.move_to_end((pack_id, start))
            return chunk
