"""A ZIP archive around members whose sizes and CRCs are known: exact length beforehand, nothing of a member held.

References
----------
PKWARE APPNOTE 6.3.10: 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (ends), 4.5.3 (ZIP64).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import pack

_STORED_UTF8, _VERSION = 0x0800, 45
_FULL = 0xFFFFFFFF
_1980 = 0x0021  # 1 January 1980: the time of an archive says nothing of its content


@dataclass(frozen=True, slots=True)
class Member:
    """One file: its path with `/`, length in bytes, CRC-32, and a function that gives its bytes."""

    name: str
    size: int
    crc: int
    pieces: Callable[[], Iterable[bytes]]


def archive_size(members: Sequence[Member]) -> int:
    """Return the length of the archive of some members."""
    return sum(len(piece) for piece in _frame(members)) + sum(member.size for member in members)


def archive(members: Sequence[Member]) -> Iterator[bytes]:
    """Yield the archive.

    Raises
    ------
    ValueError
        When a member is not as long as it said, too late for anything but to break off.
    """
    frame = _frame(members)
    for member in members:
        yield next(frame)
        left = member.size
        for piece in member.pieces():
            left -= len(piece)
            yield piece
        if left:
            raise ValueError("A member of an archive is not as long as it said.")
    yield from frame


def _frame(members: Sequence[Member]) -> Iterator[bytes]:
    """Yield a header for each member, then all that follows the last one."""
    offset, directory = 0, []
    for member in members:
        name = member.name.encode()
        sizes = pack("<III", member.crc, min(member.size, _FULL), min(member.size, _FULL))
        extra = pack("<HHQQ", 1, 16, member.size, member.size) if member.size >= _FULL else b""
        local = pack("<IHHHHH", 0x04034B50, _VERSION, _STORED_UTF8, 0, 0, _1980) + sizes
        local += pack("<HH", len(name), len(extra)) + name + extra
        directory.append(_entry(member, name, sizes, offset))
        yield local
        offset += len(local) + member.size
    central = b"".join(directory)
    yield central + _end(len(members), len(central), offset)


def _entry(member: Member, name: bytes, sizes: bytes, offset: int) -> bytes:
    large = [member.size] * 2 if member.size >= _FULL else []
    large += [offset] if offset >= _FULL else []
    extra = pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    head = pack("<IHHHHHH", 0x02014B50, _VERSION, _VERSION, _STORED_UTF8, 0, 0, _1980) + sizes
    return head + pack("<HHHHHII", len(name), len(extra), 0, 0, 0, 0, min(offset, _FULL)) + name + extra


def _end(count: int, size: int, offset: int) -> bytes:
    end = pack("<IHHHHIIH", 0x06054B50, 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), size, min(offset, _FULL), 0)
    if offset < _FULL and count < 0xFFFF:
        return end
    large = pack("<IQHHIIQQQQ", 0x06064B50, 44, _VERSION, _VERSION, 0, 0, count, count, size, offset)
    return large + pack("<IIQI", 0x07064B50, 0, offset + size, 1) + end
