"""A store behind a line that fails: nothing counts that the store did not confirm, and nothing confirmed is doubted."""

import time
from contextlib import closing

import pytest

from app.core.errors import OutOfResources, StoreUnavailable
from app.storage import s3
from tests import stores


@pytest.fixture(scope="module", autouse=True)
def _credentials():
    yield from stores.in_this_process()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with stores.s3rver(tmp_path_factory.mktemp("s3rver")) as address:
        yield address


@pytest.fixture
def line(server):
    with stores.line_to(server) as line:
        yield line


@pytest.fixture
def store(line):
    return s3.S3Store(stores.STORE, endpoint_url=line.address)


@pytest.fixture
def direct(server):
    return s3.S3Store(stores.STORE, endpoint_url=server)


@pytest.fixture
def writer(store):
    with closing(store.create()) as made:
        yield made


@pytest.mark.parametrize("fault", ["cut", "lose", "500", "503"])
def test_a_put_that_fails_once_is_sent_again(line, direct, writer, fault):
    line.fail("PUT", fault)
    pack_id = writer.pack_id
    writer.write(b"abc" * 1000)
    writer.commit()
    assert line.requests == ["PUT", "PUT"]
    assert direct.read(pack_id, 0, 3000) == b"abc" * 1000


@pytest.mark.parametrize("fault", ["cut", "503"])
def test_a_put_that_keeps_failing_counts_for_nothing_and_the_next_writer_does_not_care(
    line, store, direct, writer, fault
):
    line.fail("PUT", fault, fault, fault)
    pack_id = writer.pack_id
    writer.write(b"abc" * 1000)
    with pytest.raises(StoreUnavailable) as refused:
        writer.commit()
    assert refused.value.retry_after
    assert isinstance(refused.value, OutOfResources)
    writer.close()
    with pytest.raises(FileNotFoundError):
        direct.read(pack_id, 0, 1)
    with closing(store.create()) as another:
        pack_id = another.pack_id
        another.write(b"later")
        another.commit()
    assert direct.read(pack_id, 0, 5) == b"later"


def test_a_put_whose_every_answer_is_lost_is_not_confirmed(line, writer):
    line.fail("PUT", "lose", "lose", "lose")
    writer.write(b"abc")
    with pytest.raises(StoreUnavailable):
        writer.commit()


def test_a_body_that_changed_on_its_way_is_refused(line, direct, writer):
    line.fail("PUT", "damage")
    pack_id = writer.pack_id
    writer.write(b"abc" * 1000)
    with pytest.raises(StoreUnavailable):
        writer.commit()
    with pytest.raises(FileNotFoundError):
        direct.read(pack_id, 0, 1)


def test_an_upload_whose_last_answer_was_lost_is_known_to_be_whole(line, direct, writer, monkeypatch):
    monkeypatch.setattr(s3, "PACK_BYTES", 10 << 20)
    monkeypatch.setattr(s3, "PART_BYTES", 5 << 20)
    pack_id = writer.pack_id
    for _ in range(16):
        writer.write(bytes(1 << 20))
    line.fail("POST", "lose")
    writer.commit()
    assert direct.read(pack_id, (16 << 20) - 1, 1) == b"\0"


def test_a_part_that_cannot_be_sent_ends_the_object_and_not_what_precedes_it(line, direct, writer, monkeypatch):
    monkeypatch.setattr(s3, "PACK_BYTES", 10 << 20)
    monkeypatch.setattr(s3, "PART_BYTES", 5 << 20)
    pack_id = writer.pack_id
    writer.write(b"keep")
    line.fail("PUT", "503", "503", "503")
    with pytest.raises(StoreUnavailable):
        for _ in range(17):
            writer.write(bytes(1 << 20))
    writer.truncate(4)
    writer.commit()
    assert direct.read(pack_id, 0, 4) == b"keep"


def test_an_answer_that_is_cut_short_is_no_short_pack(line, direct, store):
    with closing(direct.create()) as writer:
        pack_id = writer.pack_id
        writer.write(bytes(100_000))
        writer.commit()
    line.fail("GET", "short")
    with pytest.raises(StoreUnavailable):
        store.read(pack_id, 0, 100_000)
    assert store.read(pack_id, 0, 100_000) == bytes(100_000)


def test_a_store_that_is_away_is_said_to_be_within_seconds(line, store, writer):
    line.close()
    started = time.monotonic()
    writer.write(b"abc")
    for ask in (
        store.check,
        writer.commit,
        lambda: store.read(writer.pack_id, 0, 1),
        lambda: store.remove(writer.pack_id),
    ):
        with pytest.raises(StoreUnavailable):
            ask()
    assert time.monotonic() - started < 30


def test_a_bucket_that_is_not_there_is_no_missing_pack(server):
    store = s3.S3Store("s3://another-bucket", endpoint_url=server)
    with pytest.raises(StoreUnavailable):
        store.check()
    with closing(store.create()) as writer, pytest.raises(StoreUnavailable):
        store.read(writer.pack_id, 0, 1)


def test_what_is_no_pack_is_left_alone(direct, server):
    s3_client = direct._bucket.client
    s3_client.put_object(Bucket=stores.BUCKET, Key="one/installation/readme", Body=b"not ours")
    assert "readme" not in {pack_id.hex for pack_id in direct.packs(older_than=1 << 40)}
