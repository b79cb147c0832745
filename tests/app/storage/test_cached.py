"""Sealed chunks in memory: what was read is not read again, and nothing else is served for it."""

import os
from uuid import uuid4

import pytest

from app.storage.cached import SealedCache
from app.storage.encrypted import CHUNK, TAG
from app.storage.filesystem import FilesystemStore

SEALED = CHUNK + TAG


@pytest.fixture
def store(tmp_path):
    return FilesystemStore(tmp_path)


@pytest.fixture
def pack(store):
    writer = store.create()
    writer.data = os.urandom(7 + 3 * SEALED + 100)  # an object of three whole chunks and a short one begins at 7
    writer.write(writer.data)
    writer.commit()
    writer.close()
    return writer


RANGES = [(7, SEALED), (7 + SEALED, SEALED), (7, 2 * SEALED), (7 + 2 * SEALED, SEALED + 100), (7, 3 * SEALED + 100)]


def test_every_range_is_what_the_store_has(store, pack):
    cache = SealedCache(store, 100 * SEALED)
    for offset, length in RANGES * 2:
        assert cache.read(pack.pack_id, offset, length) == pack.data[offset : offset + length]


def test_what_was_read_is_not_read_again(store, pack):
    cache = SealedCache(store, 100 * SEALED)
    cache.read(pack.pack_id, 7, 3 * SEALED + 100)
    store.remove(pack.pack_id)
    for offset, length in RANGES:
        assert cache.read(pack.pack_id, offset, length) == pack.data[offset : offset + length]


def test_what_was_not_asked_for_longest_goes_first(store, pack):
    cache = SealedCache(store, 2 * SEALED)
    first, second, third = ((7 + number * SEALED, SEALED) for number in range(3))
    for wanted in (first, second, first, third):
        cache.read(pack.pack_id, *wanted)
    store.remove(pack.pack_id)
    for kept in (first, third):
        assert cache.read(pack.pack_id, *kept)
    with pytest.raises(FileNotFoundError):
        cache.read(pack.pack_id, *second)


def test_what_is_not_there_stays_absent(store):
    cache = SealedCache(store, SEALED)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            cache.read(uuid4(), 0, SEALED)
