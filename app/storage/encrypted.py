"""Encrypted objects: AES-256-GCM in chunks of 64 KiB, so that a range can be read without the rest.

A sealed object is its chunks back to back, each 16 bytes longer than its plain text. The key is used for this object
alone, so the nonce is the chunk's number. The associated data binds the object id, the chunk number and whether it is
the
last, so chunks cannot be moved, dropped or cut off unseen. An empty object is one empty last chunk.

References
----------
NIST SP 800-38D; the construction is that of STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015).
"""

import struct
from collections.abc import Callable, Iterator
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 64 * 1024
TAG = 16
_SEALED = CHUNK + TAG


class Tampered(Exception):
    """Sealed bytes that do not open: changed, moved, cut off, or under another key."""


def _nonce(number: int) -> bytes:
    return struct.pack(">IQ", 0, number)


def _bound(object_id: UUID, number: int, *, last: bool) -> bytes:
    return object_id.bytes + struct.pack(">QB", number, last)


class Encryptor:
    """Seals a stream of any length; `sink` gets the sealed chunks in order, many at a time.

    `room` (of `sealing_room`) holds sealed chunks until the sink gets them. Who seals one object after another hands
    the same one over, since fresh memory of this size costs more than the sealing.
    """

    def __init__(
        self, key: bytes, object_id: UUID, sink: Callable[[memoryview], None], room: bytearray | None = None
    ) -> None:
        self._cipher = AESGCM(key)
        self._id = object_id
        self._sink = sink
        view = memoryview(sealing_room() if room is None else room)
        self._plain, self._sealed = view[:CHUNK], view[CHUNK:]
        self._held = self._filled = 0
        self._number = 0
        self.size = 0

    def write(self, plain: bytes | memoryview) -> None:
        """Take more plain bytes. The last chunk is held back until `finish`, since only it carries the flag."""
        view = memoryview(plain)
        self.size += len(view)
        if self._held:
            taken = view[: CHUNK - self._held]
            self._hold(taken)
            view = view[len(taken) :]
            if not view:
                return
            self._emit(self._plain, last=False)
            self._held = 0
        while len(view) > CHUNK:
            self._emit(view[:CHUNK], last=False)
            view = view[CHUNK:]
        self._hold(view)

    def finish(self) -> int:
        """Seal what is left as the last chunk; returns the plain size in bytes."""
        self._emit(self._plain[: self._held], last=True)
        self._flush()
        return self.size

    def _hold(self, plain: memoryview) -> None:
        self._plain[self._held : self._held + len(plain)] = plain
        self._held += len(plain)

    def _emit(self, plain: memoryview, *, last: bool) -> None:
        end = self._filled + len(plain) + TAG
        if end > len(self._sealed):
            self._flush()
            end = len(plain) + TAG
        bound = _bound(self._id, self._number, last=last)
        self._cipher.encrypt_into(_nonce(self._number), plain, bound, self._sealed[self._filled : end])
        self._filled = end
        self._number += 1

    def _flush(self) -> None:
        self._sink(self._sealed[: self._filled])
        self._filled = 0


def sealing_room() -> bytearray:
    """Return room for a plain chunk and the sealed ones of 1 MiB."""
    return bytearray(CHUNK + 16 * _SEALED)


def sealed_size(size: int) -> int:
    """Return the sealed length of `size` plain bytes."""
    return size + TAG * _chunks(size)


def _chunks(size: int) -> int:
    return max(1, -(-size // CHUNK))


def sealed_range(size: int, start: int, length: int) -> tuple[int, int]:
    """Return (offset, length) of the whole sealed chunks that hold plain bytes `start` to `start + length`."""
    first = start // CHUNK
    last = max(first, (start + length - 1) // CHUNK)
    begin = first * _SEALED
    end = min((last + 1) * _SEALED, sealed_size(size))
    return begin, end - begin


def open_range(key: bytes, object_id: UUID, size: int, start: int, length: int, sealed: bytes) -> bytes:
    """Decrypt plain bytes `start` to `start + length` from the sealed chunks that `sealed_range` named.

    Raises
    ------
    Tampered
        When a chunk does not open.
    """
    cipher = AESGCM(key)
    number = start // CHUNK
    final = _chunks(size) - 1
    view = memoryview(sealed)
    plain = memoryview(bytearray(len(view)))
    end = 0
    try:
        for position in range(0, len(view), _SEALED):
            chunk = view[position : position + _SEALED]
            bound = _bound(object_id, number, last=number == final)
            end += cipher.decrypt_into(_nonce(number), chunk, bound, plain[end : end + len(chunk) - TAG])
            number += 1
    except InvalidTag:
        raise Tampered("A stored object does not open.") from None
    skip = start - (start // CHUNK) * CHUNK
    return bytes(plain[skip : min(skip + length, end)])


def open_chunks(
    key: bytes, object_id: UUID, size: int, read: Callable[[int, int], bytes], *, step: int = 16
) -> Iterator[bytes]:
    """Decrypt a whole object in pieces of `step` chunks; `read(offset, length)` gives its sealed bytes."""
    for start in range(0, max(size, 1), CHUNK * step):
        length = min(CHUNK * step, size - start)
        offset, sealed_length = sealed_range(size, start, length)
        yield open_range(key, object_id, size, start, length, read(offset, sealed_length))
