"""When something became durable, read from a trace: bytes, names, and the rows of a commit.

Stated as what must hold at a moment, not as an order of calls: every byte of an object, its name, the names of its
folders and its row. Whoever synced them, and however often, does not matter.
"""

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.durability.traces import Call

NEVER = math.inf


class Write(NamedTuple):
    """Bytes `start` to `end` of a file, written once `ended`."""

    start: int
    end: int
    ended: float


class Named(NamedTuple):
    """A name that was made in a folder, once `ended`."""

    path: str
    ended: float


@dataclass
class File:
    """What happened to one file, under whatever name."""

    writes: list[Write] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    syncs: list[Call] = field(default_factory=list)
    name: Named | None = None
    _position: int = 0

    def opened(self) -> None:
        """Note that it was opened: a writer that gives no offset begins at its start."""
        self._position = 0

    def wrote(self, call: Call) -> None:
        """Note a write."""
        at = call.last_number if call.name.startswith("pwrite") else self._position
        self._position = at + call.result if call.name.startswith("write") else self._position
        self.writes.append(Write(at, at + call.result, call.ended))
        self.calls.append(call)

    def moved(self, call: Call) -> None:
        """Note that the next write without an offset goes elsewhere."""
        self._position = call.result

    def durable_at(self, written: float) -> float:
        """Give the moment when what had been written at a moment was on the disk."""
        return min((sync.ended for sync in self.syncs if sync.begun >= written), default=NEVER)

    def bytes_durable_at(self, start: int, end: int) -> float:
        """Give the moment when a range was on the disk, all of it."""
        inside = sorted(write for write in self.writes if write.start < end and write.end > start)
        reached = start
        for write in inside:
            if write.start > reached:
                break
            reached = max(reached, write.end)
        if reached < end:
            return NEVER
        return max(self.durable_at(write.ended) for write in inside)


class Disk:
    """The files and folders that a trace touches."""

    def __init__(self, calls: list[Call]) -> None:
        self.files: dict[str, File] = defaultdict(File)
        self._made: dict[str, float] = {}
        for call in calls:
            self._note(call)

    def name_durable_at(self, path: Path) -> float:
        """Give the moment when a file's name, and those of the folders above it, were on the disk."""
        name = self.files[str(path)].name
        moments = [self._folder_synced(path.parent, name.ended)] if name else []
        moments += [
            self._folder_synced(folder.parent, self._made[str(folder)])
            for folder in path.parents
            if str(folder) in self._made
        ]
        return max(moments, default=0)  # 0: it was there before the trace began

    def _folder_synced(self, folder: Path, made: float) -> float:
        return self.files[str(folder)].durable_at(made)

    def _note(self, call: Call) -> None:
        if call.is_write and call.path.startswith("/"):
            self.files[call.path].wrote(call)
        elif call.is_sync:
            self.files[call.path].syncs.append(call)
        elif call.name == "lseek" and call.result >= 0:
            self.files[call.path].moved(call)
        elif call.name in ("open", "openat", "creat") and call.result >= 0:
            self._opened(call)
        elif call.name.startswith(("rename", "link")) and call.result == 0:
            old, new = call.strings
            file = self.files.pop(old) if call.name.startswith("rename") else self.files[old]
            file.name = Named(new, call.ended)
            self.files[new] = file
        elif call.name.startswith("mkdir") and call.result == 0:
            self._made[call.strings[0]] = call.ended

    def _opened(self, call: Call) -> None:
        path = re.match(r"<(.*?)>", call.returned)[1]
        if re.search(r"O_WRONLY|O_RDWR", call.arguments):
            self.files[path].opened()
        if "O_CREAT" in call.arguments and self.files[path].name is None:
            self.files[path].name = Named(path, call.ended)  # or it was there: then its folder is synced once too often


class Row(NamedTuple):
    """A row's commit: when its first byte was written, and when all of it was on the disk."""

    written: float
    durable: float


def sqlite_row(disk: Disk, database: Path, *marks: bytes) -> Row:
    """Find the transaction that first wrote a page with all of some marks, in SQLite's write-ahead log.

    A frame is a header of 24 bytes, then its page; the header of a transaction's last frame says how many pages the
    database has then, which is 0 in all others (sqlite.org/fileformat2.html, section 4.1).
    """
    path = Path(f"{database}-wal")
    log = disk.files[str(path)]
    written, last = None, False
    for call in log.calls:
        data = call.data
        if len(data) == 24:
            last = data[4:8] != bytes(4)
        elif len(data) > 24:
            if written is None and all(mark in data for mark in marks):
                written = call.begun
            if written is not None and last:
                return Row(written, max(log.durable_at(call.ended), disk.name_durable_at(path)))
    return Row(NEVER, NEVER)


def postgresql_row(calls: list[Call], *marks: bytes) -> Row:
    """Find the transaction that first logged some marks, and when the server said that it is committed.

    The moment counts only if all that the session had written to the log, and the marks themselves, were synced by
    then.
    """
    logged = next((call for call in calls if _to_log(call) and all(mark in call.data for mark in marks)), None)
    if logged is None:
        return Row(NEVER, NEVER)
    asked = (call for call in reversed(calls) if call.name == "recvfrom" and call.ended <= logged.begun)
    session = next(call.thread for call in asked if marks[0] in call.data)  # the last that spoke of it: it inserts
    said = next(
        call
        for call in calls
        if call.thread == session and call.name == "sendto" and call.begun >= logged.ended and b"COMMIT\0" in call.data
    )
    own = [call for call in calls if _to_log(call) and call.thread == session and call.ended <= said.begun]
    for call in (logged, *own):
        log = [sync for sync in calls if sync.is_sync and sync.path == call.path]
        if min((sync.ended for sync in log if sync.begun >= call.ended), default=NEVER) > said.begun:
            return Row(logged.begun, NEVER)
    return Row(logged.begun, said.begun)


def _to_log(call: Call) -> bool:
    return call.is_write and "/pg_wal/" in call.path
