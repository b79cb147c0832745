"""Let one write of a running process fail: a full disk, a broken one, a write that ends in the middle."""

import errno
import mmap
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_LINE, _LINES = 160, 4000
_HEADER = struct.Struct(f"7i{_LINE}s")
_SOURCE = Path(__file__).with_name("injector.c")


class Fault(NamedTuple):
    """How a call fails; `cut` lets a write do half of its work first."""

    error: int
    cut: bool = False

    def __str__(self) -> str:
        return errno.errorcode[self.error] + (" in the middle" if self.cut else "")


FULL, BROKEN, CUT = Fault(errno.ENOSPC), Fault(errno.EIO), Fault(errno.ENOSPC, cut=True)


class Injector:
    """Reaches into processes that were started with `wrapper`; one of them is to be busy at a time."""

    def __init__(self, folder: Path, below: tuple[Path, ...]) -> None:
        self._library, self._file = folder / "injector.so", folder / "faults"
        self._below = below
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", self._library, _SOURCE, "-ldl"], check=True)
        self._file.write_bytes(bytes(_HEADER.size + _LINE * _LINES))
        with self._file.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    @property
    def wrapper(self) -> tuple[str, ...]:
        """What goes before a command."""
        folders = ":".join(map(str, self._below))
        return ("env", f"LD_PRELOAD={self._library}", f"WRITE_FAULTS={self._file}", f"WRITE_FAULTS_BELOW={folders}")

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Let all pass, and note what is called."""
        with self.failing("", 0, FULL):
            yield

    @contextmanager
    def failing(self, pattern: str, at: int, fault: Fault) -> Iterator[None]:
        """Let one of the calls that match fail, counted from 1."""
        _HEADER.pack_into(self._map, 0, 1, at, fault.error, fault.cut, 0, 0, 0, pattern.encode())
        try:
            yield
        finally:
            self._map[:4] = bytes(4)

    @property
    def fired(self) -> bool:
        """Whether the last one failed."""
        return bool(_HEADER.unpack_from(self._map)[5])

    @property
    def calls(self) -> list[str]:
        """The calls of the last time, as "fdatasync /path"."""
        noted = _HEADER.unpack_from(self._map)[6]
        assert noted <= _LINES
        return [self._line(number) for number in range(noted)]

    def _line(self, number: int) -> str:
        start = _HEADER.size + _LINE * number
        return os.fsdecode(self._map[start : start + _LINE].partition(b"\0")[0])
