"""The multipart splitter against bodies of every shape, cut at every place."""

import io
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dicom.multipart import (
    HEADER_LIMIT,
    BadBoundary,
    MultipartError,
    NoParts,
    TruncatedBody,
    parse_content_type,
    split,
)

HEADERS = {"content-type": "application/dicom"}


def body_of(contents, boundary, *, preamble=b"", epilogue=b"", padding=b""):
    delimiter = b"--" + boundary.encode()
    parts = b"".join(
        delimiter + padding + b"\r\nContent-Type: application/dicom\r\n\r\n" + c + b"\r\n" for c in contents
    )
    return preamble + parts + delimiter + b"--" + padding + epilogue


class ShortReads(io.RawIOBase):
    """Gives the body in the pieces that a network would."""

    def __init__(self, body, sizes):
        self.pieces = [body[a:b] for a, b in pairwise(sorted({0, len(body), *(s % (len(body) + 1) for s in sizes)}))]

    def read(self, size=-1):
        if not self.pieces:
            return b""
        piece, rest = self.pieces[0][:size], self.pieces[0][size:]
        self.pieces[:1] = [rest] if rest else []
        return piece


def contents_of(body, boundary, **options):
    stream = io.BytesIO(body) if isinstance(body, bytes) else body
    return [(dict(part.headers), b"".join(part.chunks())) for part in split(stream, boundary, **options)]


near_boundaries = st.sampled_from(
    [
        b"\r\n--",
        b"\r\n--b",
        b"\r\n--bb",
        b"--b\r\n",
        b"\r\n--b-",
        b"\r\n--b--x",
        b"\r\n--b \t",
        b"\r",
        b"\n",
        b"\r\n",
        b"-",
    ]
)
contents = st.lists(st.lists(near_boundaries | st.binary(max_size=8), max_size=8).map(b"".join), min_size=1, max_size=4)


@given(contents, st.lists(st.integers(0, 400)), st.integers(1, 64), st.sampled_from([b"", b" ", b"\t "]), st.booleans())
def test_any_contents_come_back_through_any_cuts(contents, cuts, read_size, padding, wrapped):
    boundary = "bBb"
    around = {"preamble": b"hello --bBb\r\n", "epilogue": b"\r\nbye\r\n--bBb\r\n"} if wrapped else {}
    body = body_of(contents, boundary, padding=padding, **around)
    assert contents_of(ShortReads(body, cuts), boundary, read_size=read_size) == [(HEADERS, c) for c in contents]


@given(contents, st.lists(st.integers(0, 200)), st.data())
def test_a_cut_body_gives_its_whole_parts_and_then_says_that_it_is_truncated(contents, cuts, data):
    body = body_of(contents, "bBb")
    cut = data.draw(st.integers(0, len(body) - 2))  # without "--" or its last dash, the close has not come
    whole = []
    with pytest.raises((TruncatedBody, NoParts)):
        for part in split(ShortReads(body[:cut], cuts), "bBb", read_size=50):
            pieces = b"".join(part.chunks())
            whole.append(pieces)
    assert whole == contents[: len(whole)]
    assert len(whole) == max(body[:cut].count(b"\r\n--bBb\r\n"), 0)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300)))
def test_no_body_raises_anything_but_the_named_errors(noise, cuts):
    for body in (noise, b"--b\r\n" + noise, noise + b"\r\n--b--", b"--b\r\n" + noise + b"\r\n--b--"):
        try:
            contents_of(ShortReads(body, cuts), "b", read_size=16)
        except MultipartError:
            continue


def test_a_part_that_is_not_consumed_is_skipped():
    body = body_of([b"a" * 5000, b"b" * 5000, b"c"], "x")
    kept = [b"".join(part.chunks()) for n, part in enumerate(split(io.BytesIO(body), "x", read_size=99)) if n != 1]
    assert kept == [b"a" * 5000, b"c"]


def test_a_part_that_is_left_half_way_is_skipped_from_there():
    seen = []
    for part in split(io.BytesIO(body_of([b"a" * 5000, b"b"], "x")), "x", read_size=99):
        seen.append(next(part.chunks())[:1])
        assert dict(part.headers) == HEADERS
    assert seen == [b"a", b"b"]


def test_an_earlier_part_gives_nothing_once_the_next_is_there():
    parts = split(io.BytesIO(body_of([b"a", b"b"], "x")), "x")
    first, second = next(parts), next(parts)
    assert list(first.chunks()) == []
    assert b"".join(second.chunks()) == b"b"


def test_truncation_shows_when_the_part_is_skipped_too():
    parts = split(io.BytesIO(b"--x\r\n\r\nabc"), "x")
    next(parts)
    with pytest.raises(TruncatedBody):
        next(parts)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"--x\r\n\r\nabc\r\n--x--", [({}, b"abc")]),
        (b"--x\r\nA: 1\r\n\r\n--x\r\nB: 2\r\n\r\nb\r\n--x--", [({"a": "1"}, b""), ({"b": "2"}, b"b")]),
        (b"--x\r\n--x\r\n\r\nb\r\n--x--", [({}, b""), ({}, b"b")]),
        (b"--x\r\n\r\n\r\n--x--", [({}, b"")]),
        (b"--x\r\ngarbage\r\n--x\r\nB:2\r\n\r\nb\r\n--x--", [({}, b"garbage"), ({"b": "2"}, b"b")]),
        (b"--x\r\nLong: a\r\n  b\r\nnonsense\r\nLONG: c\r\n\r\n.\r\n--x--", [({"long": "a b"}, b".")]),
    ],
)
def test_odd_but_readable_shapes(body, expected):
    assert contents_of(body, "x") == expected
    assert contents_of(ShortReads(body, range(99)), "x", read_size=1) == expected


def test_a_part_with_an_endless_header_is_all_body_and_the_next_one_is_good():
    endless = b"X: " + b"y" * (3 * HEADER_LIMIT)
    body = b"--x\r\n" + endless + b"\r\n\r\nrest\r\n--x\r\nA: 1\r\n\r\na\r\n--x--"
    assert contents_of(body, "x", read_size=1000) == [({}, endless + b"\r\n\r\nrest"), ({"a": "1"}, b"a")]


@pytest.mark.parametrize(
    "body", [b"", b"--x", b"--x--", b"--y\r\n\r\na\r\n--y--", b"a" * 5000, b"--x--\r\n--x\r\n\r\na"]
)
def test_a_body_without_parts_is_told(body):
    with pytest.raises(NoParts):
        contents_of(body, "x", read_size=64)


@pytest.mark.parametrize("boundary", ["", "x" * 201, "a\r\nb", "ends in space ", "é", "nul\0"])
def test_a_boundary_outside_the_standard_is_refused_before_a_byte_is_read(boundary):
    with pytest.raises(BadBoundary):
        split(io.BytesIO(b""), boundary)


class Endless:
    """A part of `size` bytes that is never in memory as a whole."""

    def __init__(self, size):
        self.left, self.pieces = size, [b"--x\r\n\r\n"]

    def read(self, size):
        if self.pieces:
            return self.pieces.pop()
        take = min(size, self.left)
        if not take and self.left == 0:
            self.left, self.pieces = -1, []
            return b"\r\n--x--"
        self.left -= max(take, 0)
        return b"\0" * max(take, 0)


def test_memory_does_not_grow_with_the_body():
    size = 64 << 20
    tracemalloc.start()
    try:
        (part,) = split(Endless(size), "x", read_size=1 << 16)
        assert sum(len(piece) for piece in part.chunks()) == 0  # it was skipped when the end was looked for
        part = next(split(Endless(size), "x", read_size=1 << 16))
        assert sum(len(piece) for piece in part.chunks()) == size
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("header", "media_type", "parameters"),
    [
        (
            'multipart/related; type="application/dicom"; boundary="a b;c"',
            "multipart/related",
            {"type": "application/dicom", "boundary": "a b;c"},
        ),
        (
            "Multipart/Related;TYPE=application/dicom;Boundary=x=y ; start=",
            "multipart/related",
            {"type": "application/dicom", "boundary": "x=y", "start": ""},
        ),
        (r'a/b; c="d\"e\\"; c=second', "a/b", {"c": 'd"e\\'}),
        ("application/dicom", "application/dicom", {}),
        ('a/b; c="never closed', "a/b", {"c": '"never closed'}),
        ("", "", {}),
        (";=;", "", {}),
    ],
)
def test_content_types_are_read_as_clients_write_them(header, media_type, parameters):
    assert parse_content_type(header) == (media_type, parameters)


@given(st.text(max_size=200))
def test_no_content_type_breaks_the_parser(header):
    media_type, parameters = parse_content_type(header)
    assert media_type == media_type.strip().lower()
    assert all(name == name.lower() for name in parameters)
