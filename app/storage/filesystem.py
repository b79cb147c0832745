"""Pack files on a local disk: durable before they are named, appended to, never changed in what was committed."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from app.core.errors import OutOfResources
from app.core.folders import sync_folder, sync_folders_above
from app.core.identifiers import random_id

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def _full_disk_is_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise OutOfResources("The disk or the quota of the image store is full.", retry_after=60) from error
        raise


class FilePackWriter:
    """One pack that is appended to. Nothing is visible, or kept after a crash, until `commit` returned.

    The first commit gives the pack its name, later ones make durable what was appended behind it. What a crash leaves
    behind the last commit is named by no row.
    """

    def __init__(self, temporary: Path, name: Callable[[UUID], None], pack_id: UUID) -> None:
        self.pack_id = pack_id
        self.offset = self._committed = 0
        self._temporary, self._name = temporary, name
        with _full_disk_is_named():
            descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=0)

    def write(self, sealed: bytes | bytearray | memoryview) -> None:
        """Append sealed bytes.

        Raises
        ------
        OutOfResources
            When the disk or quota is full.
        """
        view = memoryview(sealed)
        with _full_disk_is_named():
            while view:
                written = self._file.write(view) or 0
                self.offset += written
                view = view[written:]

    def truncate(self, offset: int) -> None:
        """Forget what was written after `offset`: an object that turned out to be a repeat, or bad."""
        if offset < self._committed:
            raise ValueError("What was committed stays.")
        self._file.truncate(offset)
        self._file.seek(offset)
        self.offset = offset

    def commit(self) -> None:
        """Make what was written durable: the data, then once the pack's name."""
        if self.offset == self._committed:
            return
        with _full_disk_is_named():
            os.fdatasync(self._file.fileno())
            if not self._committed:
                self._name(self.pack_id)
        self._committed = self.offset

    def close(self) -> None:
        """End the pack: what was committed stays, the rest is forgotten. May be called twice, and after a failure."""
        try:
            if not self._committed:
                self._temporary.unlink(missing_ok=True)
            elif self.offset > self._committed:
                with suppress(OSError):  # on a disk that fails, the rest stays: no row names it
                    self.truncate(self._committed)
        finally:
            self._file.close()


class FilesystemStore:
    """The pack files of one host, below one folder (mode 0700)."""

    def __init__(self, folder: Path, *, minimum_free_bytes: int = 0) -> None:
        self._folder = folder
        self._minimum_free = minimum_free_bytes
        self._durable_folders: set[Path] = set()
        self._incoming = folder / "incoming"
        self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)

    def create(self) -> FilePackWriter:
        """Start a pack.

        Raises
        ------
        OutOfResources
            When less than the configured reserve is free: refused early, so that what runs can finish.
        """
        if self.free_bytes() < self._minimum_free:
            raise OutOfResources("The image store is almost full.", retry_after=60)
        pack_id = random_id()
        return FilePackWriter(self._incoming / pack_id.hex, self._name, pack_id)

    def check(self) -> None:
        """Find out whether a pack could be written now; raises what `create` raises."""
        self.create().close()

    def _name(self, pack_id: UUID) -> None:
        """Give a pack its name, and make the name durable."""
        path = _path(self._folder, pack_id)
        if not self._durable_folders:
            sync_folders_above(self._folder)
        if path.parent not in self._durable_folders:  # another process may have made it and not synced it yet
            path.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._folder)
            self._durable_folders.add(path.parent)
        (self._incoming / pack_id.hex).rename(path)
        sync_folder(path.parent)

    def read(self, pack_id: UUID, offset: int, length: int) -> bytes:
        """Return exactly `length` sealed bytes of a pack.

        Raises
        ------
        FileNotFoundError
            When the pack is not there.
        EOFError
            When it is shorter than the index says.
        """
        with _path(self._folder, pack_id).open("rb", buffering=0) as file:
            data = os.pread(file.fileno(), length, offset)
            while len(data) < length:
                more = os.pread(file.fileno(), length - len(data), offset + len(data))
                if not more:
                    raise EOFError("A pack is shorter than its index says.")
                data += more
        return data

    def free_bytes(self) -> int:
        """Return how many bytes an unprivileged writer may still use."""
        return shutil.disk_usage(self._folder).free

    def clean_incoming(self, older_than: float) -> int:
        """Remove unfinished packs last written before `older_than` (seconds since 1970); returns how many."""
        removed = 0
        for path in self._incoming.iterdir():
            if path.stat().st_mtime < older_than:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def packs(self, *, older_than: float) -> Iterator[UUID]:
        """Give the packs last written before `older_than` (seconds since 1970)."""
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            if path.stat().st_mtime < older_than:
                yield UUID(hex=path.name)

    def remove(self, pack_id: UUID) -> None:
        """Remove a pack that nothing names."""
        _path(self._folder, pack_id).unlink(missing_ok=True)


def _path(folder: Path, pack_id: UUID) -> Path:
    name = pack_id.hex
    return folder / name[:2] / name
