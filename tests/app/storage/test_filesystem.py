"""Packs on a real disk: durable when named, gone when not, and honest about a full disk."""

import errno
import os
import subprocess
import sys
from contextlib import closing
from itertools import groupby
from uuid import UUID

import pytest

from app.core.errors import OutOfResources
from app.storage.filesystem import FilesystemStore
from tests.rules import tree


@pytest.fixture
def store(tmp_path):
    return FilesystemStore(tmp_path / "objects")


def files(store) -> list[str]:
    return [path.name for path in store._folder.rglob("*") if path.is_file()]


@pytest.fixture
def pack(store):
    with closing(store.create()) as made:
        yield made


def test_a_committed_pack_is_read_in_any_piece(store, pack):
    pack.write(b"abc")
    pack.write(memoryview(b"defg"))
    pack.commit()
    assert store.read(pack.pack_id, 2, 3) == b"cde"
    with pytest.raises(EOFError):
        store.read(pack.pack_id, 5, 3)


def test_nothing_is_named_before_the_commit_and_a_pack_that_ends_without_one_is_gone(store, pack):
    pack.write(b"abc")
    with pytest.raises(FileNotFoundError):
        store.read(pack.pack_id, 0, 1)
    pack.close()
    assert files(store) == []


def test_an_empty_pack_vanishes(store, pack):
    pack.commit()
    pack.close()
    assert files(store) == []


def test_a_pack_goes_on_after_a_commit_and_is_read_meanwhile(store, pack):
    pack.write(b"first")
    pack.commit()
    assert (pack.offset, store.read(pack.pack_id, 0, 5)) == (5, b"first")
    pack.write(b"second")
    pack.commit()
    assert store.read(pack.pack_id, 5, 6) == b"second"
    assert files(store) == [pack.pack_id.hex]


def test_what_was_truncated_is_not_there(store, pack):
    pack.write(b"keep")
    pack.write(b"forget this")
    pack.truncate(4)
    pack.write(b"!")
    pack.commit()
    assert store.read(pack.pack_id, 0, 5) == b"keep!"
    with pytest.raises(EOFError):
        store.read(pack.pack_id, 0, 6)


def test_what_was_committed_cannot_be_truncated_and_what_came_after_is_forgotten_at_the_end(store, pack):
    pack.write(b"keep")
    pack.commit()
    with pytest.raises(ValueError, match="committed"):
        pack.truncate(3)
    pack.write(b"forget this")
    pack.close()
    pack.close()
    assert store.read(pack.pack_id, 0, 4) == b"keep"
    with pytest.raises(EOFError):
        store.read(pack.pack_id, 0, 5)


def test_data_is_on_the_disk_before_the_name_and_the_name_before_the_answer(store, pack, monkeypatch):
    events = []
    for name in ("fdatasync", "fsync", "rename"):
        monkeypatch.setattr(os, name, _noting(events, name, getattr(os, name)))
    pack.write(b"abc")
    pack.commit()
    assert [name for name, _ in groupby(events)] == ["fdatasync", "fsync", "rename", "fsync"]
    events.clear()
    pack.write(b"def")
    pack.commit()
    pack.commit()
    assert events == ["fdatasync"], "the name is durable already"


def test_a_folder_that_another_process_made_is_made_durable_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("app.storage.filesystem.random_id", lambda: UUID(int=next(numbers)))
    numbers, synced = iter(range(9)), []
    monkeypatch.setattr("app.storage.filesystem.sync_folder", synced.append)
    for store in (FilesystemStore(tmp_path), FilesystemStore(tmp_path)):
        for _ in range(2):
            with closing(store.create()) as pack:
                pack.write(b"abc")
                pack.commit()
    folder = tmp_path / "00"
    assert synced == [tmp_path, folder, folder] * 2


def _noting(events, name, call):
    def noted(*args, **kwargs):
        events.append(name)
        return call(*args, **kwargs)

    return noted


def test_folders_and_files_are_for_the_owner_alone(store, pack):
    pack.write(b"abc")
    pack.commit()
    for path in store._folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_reserve_of_free_space_is_kept(tmp_path):
    store = FilesystemStore(tmp_path, minimum_free_bytes=1 << 60)
    with pytest.raises(OutOfResources) as refused:
        store.create()
    assert refused.value.retry_after == 60


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_disk_that_fills_while_a_pack_is_named_is_out_of_resources(store, pack, monkeypatch, number):
    def full(_descriptor):
        raise OSError(number, os.strerror(number))

    pack.write(b"abc")
    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(OutOfResources):
        pack.commit()
    pack.close()
    assert files(store) == []


def test_another_failure_of_the_disk_is_no_full_disk(store, pack, monkeypatch):
    def broken(_descriptor):
        raise OSError(errno.EIO, "broken")

    pack.write(b"abc")
    monkeypatch.setattr(os, "fdatasync", broken)
    with pytest.raises(OSError, match="broken"):
        pack.commit()


def test_a_kernel_limit_on_file_size_is_out_of_resources_and_the_pack_goes_on(tmp_path):
    """The kernel itself refuses the bytes: RLIMIT_FSIZE with SIGXFSZ ignored gives EFBIG in write."""
    program = """
import resource, signal, sys
from pathlib import Path
from app.core.errors import OutOfResources
from app.storage.filesystem import FilesystemStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
store = FilesystemStore(Path(sys.argv[1]))
pack = store.create()
pack.write(bytes(60_000))
try:
    pack.write(bytes(60_000))
except OutOfResources:
    pack.truncate(60_000)
    pack.commit()
    pack.close()
    print(len(store.read(pack.pack_id, 0, 60_000)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=tree.ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "60000\n", done.stderr


def test_only_unfinished_files_and_packs_that_are_old_enough_are_named_for_sweeping(store):
    pack, unfinished = store.create(), store.create()
    pack.write(b"abc")
    pack.commit()
    pack.close()
    unfinished.write(b"x")
    assert store.clean_incoming(0) == 0
    assert list(store.packs(older_than=0)) == []
    assert list(store.packs(older_than=1 << 40)) == [pack.pack_id]
    assert store.clean_incoming(1 << 40) == 1
    unfinished.close()
    store.remove(pack.pack_id)
    assert files(store) == []
