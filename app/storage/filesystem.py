"""Pack files on a local disk: written once, durable before they are named, never changed.

A pack holds one or more encrypted objects back to back. Its name is random and built from nothing received.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from app.core.errors import OutOfResources
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


class PackWriter:
    """One pack being written. Nothing is visible, or kept after a crash, until `commit` returned."""

    def __init__(self, folder: Path, pack_id: UUID) -> None:
        self.pack_id = pack_id
        self._final = _path(folder, pack_id)
        self._temporary = folder / "incoming" / pack_id.hex
        with _full_disk_is_named():
            descriptor = os.open(self._temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self.offset = 0

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
        self._file.truncate(offset)
        self._file.seek(offset)
        self.offset = offset

    def commit(self) -> None:
        """Make the pack durable under its name: data, then name, then folder. An empty pack vanishes."""
        if not self.offset:
            self.abort()
            return
        with _full_disk_is_named():
            os.fdatasync(self._file.fileno())
            self._file.close()
            self._name()

    def _name(self) -> None:
        folder = self._final.parent
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
            _fsync_folder(folder.parent)
        self._temporary.rename(self._final)
        _fsync_folder(folder)

    def abort(self) -> None:
        """Remove the unfinished pack."""
        if not self._file.closed:
            self._file.close()
        self._temporary.unlink(missing_ok=True)


class FilesystemStore:
    """The pack files of one host, below one folder (mode 0700)."""

    def __init__(self, folder: Path, *, minimum_free_bytes: int = 0) -> None:
        self._folder = folder
        self._minimum_free = minimum_free_bytes
        (folder / "incoming").mkdir(mode=0o700, parents=True, exist_ok=True)

    def create(self) -> PackWriter:
        """Start a pack.

        Raises
        ------
        OutOfResources
            When less than the configured reserve is free: refused early, so that what runs can finish.
        """
        if self.free_bytes() < self._minimum_free:
            raise OutOfResources("The image store is almost full.", retry_after=60)
        return PackWriter(self._folder, random_id())

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
        for path in (self._folder / "incoming").iterdir():
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


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
