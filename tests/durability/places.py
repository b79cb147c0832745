"""Where an installation writes, and which of its calls a test lets fail."""

import itertools
import os
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from tests.databases import Database

ALL = os.environ.get("DURABILITY") == "all"
"""Whether every call fails in turn; else of each kind the first and the last."""


class Places:
    """The files of one installation on SQLite, by kind, as patterns."""

    def __init__(self, database: Database, store: Path, heads: Path) -> None:
        self.database = Path(database.url.removeprefix("sqlite:///"))
        self.roots = self.database.parent, store, heads
        self.log, self.pack, self.shard = f"{self.database}-wal", f"*/{'?' * 32}", f"{store}/??"
        self.heads = str(heads)
        self._all = (
            self.pack, self.log, f"{self.database}-shm", str(self.database), str(self.database.parent), str(store),
            self.shard, self.heads, str(heads.parent),
        )  # fmt: skip

    @property
    def of_a_pack_and_its_rows(self) -> set[str]:
        """The kinds of calls without which nothing can be stored."""
        pack = {f"{call} {self.pack}" for call in ("open", "write", "fdatasync", "rename")}
        return pack | {f"fsync {self.shard}", f"pwrite {self.log}", f"fdatasync {self.log}"}

    @property
    def of_a_checkpoint(self) -> set[str]:
        """The kinds of calls by which SQLite copies its log into the database."""
        return {f"pwrite {self.database}", f"fdatasync {self.database}"}

    def kinds(self, calls: list[str]) -> set[str]:
        """Give the kinds of some calls, each as the pattern that it matches."""
        return {
            f"{name} {place}"
            for name, _, path in (call.partition(" ") for call in calls)
            for place in self._all
            if fnmatch(path, place)
        }


def tries(kind: str, calls: list[str]) -> Iterable[int]:
    """Give the numbers of the calls of a kind that are to fail."""
    if ALL:
        return itertools.count(1)
    return sorted({1, max(1, sum(fnmatch(call, kind) for call in calls))})
