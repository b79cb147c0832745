"""What the killer and the processes share: how far their clock is ahead, and at which point each is to halt.

One small mapped file, read at every point, so that a point which nobody waits for costs next to nothing.
"""

import mmap
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

_STEPS = ("statement", "commit", "committed", "synced", "named", "called", "answered")
POINTS = ("none", *_STEPS, *(f"job {step}" for step in _STEPS))
"""Before an SQL statement, before and after a commit, after a sync, after a rename, before and after a call to the
carrier; the same within a job of the worker. The order is that of their numbers on the board."""
_CLOCK = struct.Struct("<d")
_SLOT = struct.Struct("<II")
NODE = ("web", "worker", "relay", "scp")
"""What each node runs."""
WATCHED = (*NODE, *(f"{name}-2" for name in NODE))
"""The processes that can halt, those of a second node behind those of the first."""


class Halt(NamedTuple):
    """Where a process is to halt: the `count`-th time that it comes to a point."""

    point: str
    count: int


class Board:
    """The mapped file. Each process has a slot."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_CLOCK.size + len(WATCHED) * _SLOT.size))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    @property
    def ahead(self) -> timedelta:
        """How far the clock of the installation is ahead."""
        return timedelta(seconds=_CLOCK.unpack_from(self._map)[0])

    def jump(self, step: timedelta) -> None:
        """Put the clock forward."""
        _CLOCK.pack_into(self._map, 0, (self.ahead + step).total_seconds())

    def now(self) -> datetime:
        """Tell the time of the installation."""
        return datetime.now(UTC) + self.ahead

    def arm(self, name: str, halt: Halt) -> None:
        """Let a process halt."""
        _SLOT.pack_into(self._map, _at(name), POINTS.index(halt.point), halt.count)

    def disarm(self, name: str) -> None:
        """Let a process run on."""
        _SLOT.pack_into(self._map, _at(name), 0, 0)

    def is_armed(self, name: str) -> bool:
        """Tell whether a process has not come to its point yet."""
        return bool(_SLOT.unpack_from(self._map, _at(name))[0])

    def comes_to(self, name: str, point: str) -> bool:
        """Count that a process comes to a point; true when it is to halt there."""
        wanted, count = _SLOT.unpack_from(self._map, _at(name))
        if not wanted or POINTS[wanted] != point:
            return False
        if count > 1:
            _SLOT.pack_into(self._map, _at(name), wanted, count - 1)
            return False
        self.disarm(name)
        return True

    def close(self) -> None:
        """Give the mapping back."""
        self._map.close()


def _at(name: str) -> int:
    return _CLOCK.size + WATCHED.index(name) * _SLOT.size


def wait_until(true, seconds: float, what: str) -> None:
    """Wait for something that no event announces."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.01)
