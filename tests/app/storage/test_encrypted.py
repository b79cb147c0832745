"""Sealed objects: any length, any range, and nothing opens that was touched."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.storage.encrypted import (
    CHUNK,
    TAG,
    Encryptor,
    Tampered,
    open_chunks,
    open_range,
    sealed_range,
    sealed_size,
    sealing_room,
)

KEY, ID, OTHER = bytes(range(32)), UUID(int=7), UUID(int=8)
LENGTHS = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5]


def plain_of(length: int) -> bytes:
    return bytes(i * 31 % 251 for i in range(length))


def seal(plain: bytes, *, step: int = 0, object_id: UUID = ID) -> bytes:
    out = bytearray()
    encryptor = Encryptor(KEY, object_id, out.extend)
    for at in range(0, len(plain), step or max(len(plain), 1)):
        encryptor.write(plain[at : at + (step or len(plain))])
    assert encryptor.finish() == len(plain)
    return bytes(out)


def opened(sealed: bytes, size: int, start: int, length: int, object_id: UUID = ID) -> bytes:
    offset, sealed_length = sealed_range(size, start, length)
    return open_range(KEY, object_id, size, start, length, sealed[offset : offset + sealed_length])


def test_no_two_chunks_share_a_nonce():
    """Under one, equal plain text would give equal bytes, and two texts could be read without the key."""
    sealed = seal(bytes(5 * CHUNK))
    bodies = {sealed[at : at + CHUNK] for at in range(0, len(sealed), CHUNK + TAG)}
    assert len(bodies) == 5


@pytest.mark.parametrize("length", LENGTHS)
def test_an_object_opens_to_what_was_sealed(length):
    plain = plain_of(length)
    sealed = seal(plain)
    assert len(sealed) == sealed_size(length)
    read = b"".join(open_chunks(KEY, ID, length, lambda offset, size: sealed[offset : offset + size], step=2))
    assert read == plain


@pytest.mark.parametrize("step", [1000, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK])
def test_it_does_not_matter_how_the_bytes_arrive(step):
    plain = plain_of(2 * CHUNK + 77)
    assert seal(plain, step=step) == seal(plain)


@given(st.data())
def test_any_range_opens(data):
    size = data.draw(st.sampled_from(LENGTHS[1:]))
    start = data.draw(st.integers(0, size - 1))
    length = data.draw(st.integers(1, size - start))
    plain = plain_of(size)
    assert opened(seal(plain), size, start, length) == plain[start : start + length]


@pytest.mark.parametrize("at", [0, CHUNK, CHUNK + TAG - 1, -1])
def test_a_changed_bit_does_not_open(at):
    size = 2 * CHUNK
    sealed = bytearray(seal(plain_of(size)))
    sealed[at] ^= 1
    with pytest.raises(Tampered):
        opened(bytes(sealed), size, 0, size)


def test_chunks_cannot_be_moved_or_cut_off_or_given_to_another_object():
    size, one = 3 * CHUNK, CHUNK + TAG
    sealed = seal(plain_of(size))
    swapped = sealed[one : 2 * one] + sealed[:one] + sealed[2 * one :]
    with pytest.raises(Tampered):
        opened(swapped, size, 0, size)
    with pytest.raises(Tampered):
        opened(sealed[: 2 * one], 2 * CHUNK, 0, 2 * CHUNK)
    with pytest.raises(Tampered):
        opened(sealed, size, 0, size, OTHER)
    with pytest.raises(Tampered):
        open_range(bytes(32), ID, size, 0, 10, sealed[:one])


@settings(deadline=None)  # a megabyte is sealed each time, on whatever else the machine does
@given(st.lists(st.sampled_from([*LENGTHS, 17 * CHUNK + 3]), min_size=2, max_size=4))
def test_one_room_serves_one_object_after_another(sizes):
    room = sealing_room()
    for size in sizes:
        out = bytearray()
        encryptor = Encryptor(KEY, ID, out.extend, room)
        encryptor.write(plain_of(size))
        encryptor.finish()
        assert out == seal(plain_of(size))


@pytest.mark.parametrize("length", [1, TAG - 1, TAG, CHUNK + TAG + 5])
def test_what_is_cut_within_a_tag_does_not_open(length):
    sealed = seal(plain_of(CHUNK + 100))
    with pytest.raises(Tampered):
        open_range(KEY, ID, CHUNK + 100, 0, CHUNK + 100, sealed[:length])
