"""What every object store keeps, whichever it is."""

from contextlib import closing
from uuid import uuid4

import pytest

from app.storage import s3
from app.storage.filesystem import FilesystemStore
from app.storage.packs import PACK_BYTES
from tests import stores

LONG_AGO, SOON = 0, 1 << 40
SMALL_PACK, SMALL_PART = 10 << 20, 5 << 20
"""Five megabytes is the least that S3 takes for a part that is not the last."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Addresses by name, each server started when it is first asked for."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stores.CREDENTIALS.items():
            patch.setenv(name, value)
        with stores.moto() as moto, stores.s3rver(tmp_path_factory.mktemp("s3rver")) as s3rver:
            yield {"moto": moto, "s3rver": s3rver}


@pytest.fixture(params=["folder", "moto", "s3rver"])
def open_store(request, tmp_path):
    """Opens the store anew, as another process would."""
    if request.param == "folder":
        return lambda: FilesystemStore(tmp_path / "objects")
    address = request.getfixturevalue("servers")[request.param]
    url = f"{stores.STORE}/{uuid4().hex}"
    return lambda: s3.S3Store(url, endpoint_url=address)


@pytest.fixture
def store(open_store):
    return open_store()


@pytest.fixture
def writer(store):
    with closing(store.create()) as made:
        yield made


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(s3, "PACK_BYTES", SMALL_PACK)
    monkeypatch.setattr(s3, "PART_BYTES", SMALL_PART)


def packs(store) -> set:
    return set(store.packs(older_than=SOON))


def commit(writer, *pieces: bytes):
    """Append pieces and commit; returns the pack and where they begin."""
    pack_id, offset = writer.pack_id, writer.offset
    for piece in pieces:
        writer.write(piece)
    writer.commit()
    return pack_id, offset


def test_what_was_committed_is_read_by_another_client_in_any_piece(open_store, writer):
    pack_id, offset = commit(writer, b"abc", memoryview(b"defg"), bytearray(b"hi"))
    other = open_store()
    assert offset == 0
    assert [other.read(pack_id, 0, 9), other.read(pack_id, 2, 3), other.read(pack_id, 8, 1)] == [
        b"abcdefghi", b"cde", b"i"
    ]  # fmt: skip


def test_nothing_is_there_before_the_commit(open_store, store, writer):
    writer.write(b"abc")
    with pytest.raises(FileNotFoundError):
        open_store().read(writer.pack_id, 0, 1)
    assert packs(store) == set()


def test_a_writer_that_is_closed_without_a_commit_leaves_nothing(store, writer):
    pack_id = writer.pack_id
    writer.write(b"abc")
    writer.close()
    writer.close()
    with pytest.raises(FileNotFoundError):
        store.read(pack_id, 0, 1)
    assert packs(store) == set()


def test_a_commit_of_nothing_makes_no_pack(store, writer):
    writer.commit()
    pack_id, _ = commit(writer, b"abc")
    writer.commit()
    writer.close()
    assert packs(store) == {pack_id}


def test_a_writer_goes_on_after_a_commit_and_each_object_stays_where_it_was(open_store, writer):
    placed = [(*commit(writer, text), text) for text in (b"first", b"second", b"third")]
    for pack_id, offset, text in placed:
        assert open_store().read(pack_id, offset, len(text)) == text


def test_what_follows_the_last_commit_is_forgotten_at_the_end(store, writer):
    pack_id, _ = commit(writer, b"keep")
    later = writer.pack_id, writer.offset
    writer.write(b"forget this")
    writer.close()
    assert store.read(pack_id, 0, 4) == b"keep"
    with pytest.raises((EOFError, FileNotFoundError)):
        store.read(*later, 1)
    assert packs(store) == {pack_id}


@pytest.mark.parametrize("kept", [b"", b"keep"])
def test_what_was_truncated_is_not_there(store, writer, kept):
    writer.write(kept)
    writer.write(b"forget this")
    writer.truncate(len(kept))
    assert writer.offset == len(kept)
    pack_id, _ = commit(writer, b"!")
    assert store.read(pack_id, 0, len(kept) + 1) == kept + b"!"
    with pytest.raises(EOFError):
        store.read(pack_id, 0, len(kept) + 2)


def test_a_range_beyond_the_end_is_an_end_and_an_unknown_pack_is_none(store, writer):
    pack_id, _ = commit(writer, b"abc")
    for offset, length in ((0, 4), (2, 2), (3, 1), (100, 5)):
        with pytest.raises(EOFError):
            store.read(pack_id, offset, length)
    with pytest.raises(FileNotFoundError):
        store.read(uuid4(), 0, 1)


def test_a_long_object_goes_through_and_what_precedes_it_is_kept(open_store, writer, small_parts):
    writer.write(b"first")
    piece = bytes(range(256)) * 4096
    for _ in range(13):
        writer.write(piece)
    assert writer.offset == 5 + 13 * len(piece)
    pack_id, _ = commit(writer, b"last")
    other = open_store()
    whole = b"first" + 13 * piece + b"last"
    assert other.read(pack_id, 0, len(whole)) == whole
    assert other.read(pack_id, SMALL_PACK - 3, 6) == whole[SMALL_PACK - 3 : SMALL_PACK + 3]


def test_a_long_object_is_forgotten_and_the_writer_goes_on(store, writer, small_parts):
    writer.write(b"keep")
    for _ in range(17):
        writer.write(bytes(1 << 20))
    writer.truncate(4)
    pack_id, _ = commit(writer, b"!")
    assert store.read(pack_id, 0, 5) == b"keep!"
    for _ in range(17):
        writer.write(bytes(1 << 20))
    writer.close()
    assert packs(store) == {pack_id}


def test_only_packs_that_are_old_enough_are_named_and_what_was_removed_is_gone(store, writer):
    pack_id, _ = commit(writer, b"abc")
    writer.close()
    assert list(store.packs(older_than=LONG_AGO)) == []
    assert packs(store) == {pack_id}
    store.remove(pack_id)
    store.remove(pack_id)
    assert packs(store) == set()
    with pytest.raises(FileNotFoundError):
        store.read(pack_id, 0, 1)


def test_what_a_dead_writer_left_goes_once_it_is_old_enough(store, open_store, small_parts):
    died = store.create()
    for _ in range(16):
        died.write(bytes(1 << 20))
    swept = open_store()
    assert swept.clean_incoming(LONG_AGO) == 0
    swept.clean_incoming(SOON)
    assert swept.clean_incoming(SOON) == 0
    assert packs(swept) == set()
    died.close()


def test_a_check_leaves_nothing(store):
    store.check()
    assert packs(store) == set()
    assert store.clean_incoming(SOON) == 0
    assert store.free_bytes() > 0


def test_parts_fill_the_memory_of_a_pack_evenly():
    assert PACK_BYTES % s3.PART_BYTES == 0
    assert s3.PART_BYTES >= 5 << 20
