"""Encapsulated PDF documents: their pages are pictures; a document that is none, or too much, harms nobody."""

import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from app.dicom.decode_pool import DecodePool
from app.dicom.encapsulated import MAX_PAGES, PAGE_EDGE
from app.dicom.pictures import FramePicture, InstanceFacts
from app.dicom.render import Code
from tests import objects


@pytest.fixture(scope="module")
def pool():
    with DecodePool(1, memory_bytes=256 << 20, seconds_per_instance=10) as pool:
        yield pool


def rendered(pool, document):
    return pool.render(objects.file_of(objects.encapsulated(document)))


def pixels(frame):
    return np.asarray(Image.open(BytesIO(frame.preview.data)), int)


def test_each_page_is_a_picture_with_its_words(pool):
    result = rendered(pool, objects.pdf("A finding", ""))
    assert result.facts == InstanceFacts(number_of_frames=2, view="", burned_in_annotation=True, is_document=True)
    first, second = result.frames
    assert (first.preview.width, first.preview.height) == (round(PAGE_EDGE * 595 / 842), PAGE_EDGE)
    ink = pixels(first).min(axis=2) < 100
    rows = np.flatnonzero(ink.any(axis=1))
    assert 0.4 < rows.mean() / PAGE_EDGE < 0.55  # in the middle, upright
    assert not (pixels(second) < 200).any()
    assert first.thumbnail is not None
    assert second.thumbnail is None


@pytest.mark.parametrize(
    ("size", "expected"), [((200, 100), (800, 400)), ((14400, 14400), (1600, 1600)), ((14400, 3), (1600, 1))]
)
def test_pages_of_any_size_are_pictures_of_bounded_size(pool, size, expected):
    frame = rendered(pool, objects.pdf("x", size=size)).frames[0]
    assert (frame.preview.width, frame.preview.height) == expected


def test_of_a_document_without_end_the_first_pages_are_shown(pool):
    result = rendered(pool, objects.pdf(*["page"] * (MAX_PAGES + 2), size=(50, 50)))
    assert sum(isinstance(frame, FramePicture) for frame in result.frames) == MAX_PAGES
    assert [frame.code for frame in result.frames[MAX_PAGES:]] == [Code.TOO_LARGE] * 2


@pytest.mark.parametrize("document", [b"no document" * 100, b"%PDF-1.7\n%%EOF\n", objects.pdf("cut short")[:300]])
def test_what_is_no_document_says_so(pool, document):
    (frame,) = rendered(pool, document).frames
    assert frame.code is Code.DECODER_FAILED


def test_an_empty_document_says_so(pool):
    dataset = objects.encapsulated(b"")
    assert pool.render(objects.file_of(dataset)).frames[0].code is Code.NO_PIXEL_DATA


def bomb(size):
    """Make a page that draws an image of which 1 kB inflates to a thousand times as much, again and again."""
    data = bytes(size * size)
    for _ in range(2):
        data = zlib.compress(data, 9)
    image = (
        f"<< /Type /XObject /Subtype /Image /Width {size} /Height {size} /ColorSpace /DeviceGray /BitsPerComponent 8"
        f" /Filter [/FlateDecode /FlateDecode] /Length {len(data)} >>\nstream\n"
    )
    body = image.encode("latin-1") + data + b"\nendstream"
    plain = objects.pdf("x").replace(b"/Font << /F1 3 0 R >>", b"/XObject << /I 9 0 R >>")
    plain = plain.replace(b"(x) Tj ET", b"ET /I Do")
    return plain.replace(b"xref\n", b"9 0 obj\n" + body + b"\nendobj\nxref\n", 1)


def test_a_page_that_inflates_without_end_is_bounded_and_the_next_document_is_shown(pool):
    (frame,) = rendered(pool, bomb(30_000)).frames
    assert isinstance(frame, FramePicture) or frame.code in {Code.DECODER_FAILED, Code.TOO_LARGE, Code.OUT_OF_TIME}
    assert isinstance(rendered(pool, objects.pdf("after")).frames[0], FramePicture)
