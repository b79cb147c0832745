"""Hostile files, generated: bombs, sizes that no machine holds, lying code streams, tables and nestings, polyglots."""

import zlib
from collections.abc import Iterator
from struct import pack

from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from tests.hostile.encoding import (
    ITEM,
    ITEM_END,
    PIXEL_DATA,
    SEQUENCE_END,
    UNDEFINED,
    Place,
    Stranger,
    compressed,
    element,
    encapsulated,
    image,
    item,
    native,
    number,
    overwritten,
    places,
    ramp,
)

EARLY, LATE = 0x00081140, 0x00400260
"""A sequence before the UIDs that the scan of a head wants, and one after them."""
DEPTH = 20_000
_SOF_LENGTH, _SIZ_X, _SIZ_TILE, _SIZ_COMPONENTS = 2, 8, 24, 40


def strangers(study: str) -> Iterator[Stranger]:
    """Give all of them, each in a series of its own of one study."""
    place = places(study)
    for make in (_bombs, _sizes, _lying_jpeg_2000, _lying_jpeg, _lying_rle, _nestings, _lengths, _polyglots):
        yield from make(place)


def _plain(name: str, place: Place, data: bytes, *, readable: bool = True) -> Stranger:
    return Stranger(name, place.instance, ExplicitVRLittleEndian, data, readable)


def _deflated(data: bytes, zeros: int = 0) -> bytes:
    """Deflate data and then MiBs of zeros, of which each is a block that is made once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * zeros + packer.flush()


def _bombs(place: Iterator[Place]) -> Iterator[Stranger]:
    syntax = DeflatedExplicitVRLittleEndian
    for megabytes in (512, 1600):
        here = next(place)
        body = image(here, native(b"", megabytes << 20))
        yield Stranger(f"deflated {megabytes} MiB", here.instance, syntax, _deflated(body, megabytes))
    here = next(place)
    body = element(0x00080001, b"UN", length=1600 << 20)
    yield Stranger("deflated head", here.instance, syntax, _deflated(body, 1600), readable=False)
    here = next(place)
    whole = _deflated(image(here, native(ramp().tobytes())))
    yield Stranger("deflate stream cut", here.instance, syntax, whole[:-40])
    here = next(place)
    yield Stranger("deflate stream broken", here.instance, syntax, b"\xff" * 4096, readable=False)
    here = next(place)
    runs = b"\x81\0" * (9_000 * 9_000 // 128)
    yield _rle("run-length bomb", here, pack("<16I", 1, 64, *[0] * 14) + runs, rows=9_000, columns=9_000)


def _sizes(place: Iterator[Place]) -> Iterator[Stranger]:
    here = next(place)
    yield _plain("65,535 squared", here, image(here, native(bytes(100)), rows=65_535, columns=65_535))
    here = next(place)
    yield _plain(
        "65,535 squared, length too", here, image(here, native(bytes(100), 4294836224), rows=65535, columns=65535)
    )
    for frames in (b"2147483647", b"2147483648", b"999999999999", b"-1", b"0", b"1e9", b"2000"):
        here = next(place)
        data = image(here, native(ramp().tobytes()), t00280008=element(0x00280008, b"IS", frames))
        yield _plain(f"{frames.decode()} frames", here, data)
    for bits in ((0, 0, 0), (1, 1, 0), (7, 5, 6), (8, 9, 8), (65_535, 65_535, 65_534)):
        here = next(place)
        tags = (0x00280100, 0x00280101, 0x00280102)
        lies = {f"t{tag:08X}": number(tag, value) for tag, value in zip(tags, bits, strict=True)}
        yield _plain(f"bits {bits}", here, image(here, native(ramp().tobytes()), **lies))
    for samples in (0, 2, 65_535):
        here = next(place)
        data = image(here, native(ramp().tobytes()), t00280002=number(0x00280002, samples))
        yield _plain(f"{samples} samples", here, data)
    for rows in (0, 1):
        here = next(place)
        yield _plain(f"{rows} rows", here, image(here, native(ramp().tobytes()), rows=rows))
    here = next(place)
    spacing = element(0x00280030, b"DS", b"1e300\\1e-300")
    yield _plain("endless pixel", here, image(here, native(ramp().tobytes()), t00280030=spacing))
    here = next(place)
    window = element(0x00281050, b"DS", b"1e308") + element(0x00281051, b"DS", b"1e308")
    yield _plain("endless window", here, image(here, native(ramp().tobytes()), t00281050=window))


def _of(syntax: str, name: str, place: Iterator[Place], stream: bytes, **changes: object) -> Stranger:
    here = next(place)
    return Stranger(name, here.instance, syntax, image(here, encapsulated(stream), **changes))


def _lying_jpeg_2000(place: Iterator[Place]) -> Iterator[Stranger]:
    stream = compressed("JPEG2000", no_jp2=True)
    lies = {
        "65,535 squared": overwritten(stream, _SIZ_X, pack(">II", 65_535, 65_535)),
        "2^32 squared": overwritten(stream, _SIZ_X, pack(">II", UNDEFINED, UNDEFINED)),
        "tiles of one pixel": overwritten(stream, _SIZ_TILE, pack(">II", 1, 1)),
        "65,535 squared in tiles of one": overwritten(
            overwritten(stream, _SIZ_X, pack(">II", 65_535, 65_535)), _SIZ_TILE, pack(">II", 1, 1)
        ),
        "huge tiles": overwritten(stream, _SIZ_TILE, pack(">II", UNDEFINED, UNDEFINED)),
        "16,384 components": overwritten(stream, _SIZ_COMPONENTS, pack(">H", 16_384)),
        "no component": overwritten(stream, _SIZ_COMPONENTS, pack(">H", 0)),
        "precision 38": overwritten(stream, _SIZ_COMPONENTS + 2, b"\x25"),
        "precision 16, signed": overwritten(stream, _SIZ_COMPONENTS + 2, b"\x8f"),
        "subsampled 255": overwritten(stream, _SIZ_COMPONENTS + 3, b"\xff\xff"),
        "cut in half": stream[: len(stream) // 4 * 2],
        "head alone": stream[:60],
        "marker alone": stream[:2],
        "nothing": b"",
    }
    for syntax in (JPEG2000Lossless, JPEG2000):
        for name, lie in lies.items():
            yield _of(syntax, f"JPEG 2000, {name}, {syntax}", place, lie)
    for name, changes in {
        "65,535 squared": {"rows": 65_535, "columns": 65_535},
        "10,000 squared": {"rows": 10_000, "columns": 10_000},
        "16 rows": {"rows": 16},
        "three samples": {"t00280002": number(0x00280002, 3)},
        "16 bits": {"t00280100": number(0x00280100, 16)},
    }.items():
        yield _of(JPEG2000Lossless, f"JPEG 2000 under a data set of {name}", place, stream, **changes)


def _lying_jpeg(place: Iterator[Place]) -> Iterator[Stranger]:
    stream = compressed("JPEG")
    frame = stream.index(b"\xff\xc0") + _SOF_LENGTH
    lies = {
        "65,535 squared": overwritten(stream, frame + 3, pack(">HH", 65_535, 65_535)),
        "no rows": overwritten(stream, frame + 3, pack(">HH", 0, 64)),
        "precision 12": overwritten(stream, frame + 2, b"\x0c"),
        "255 components": overwritten(stream, frame + 7, b"\xff"),
        "lossless": overwritten(stream, frame - 1, b"\xc3"),
        "arithmetic": overwritten(stream, frame - 1, b"\xc9"),
        "cut in half": stream[: len(stream) // 4 * 2],
        "a stranger's tables": stream.replace(b"\xff\xdb", b"\xff\xfe", 1),
        "endless restart markers": stream[:-2] + b"\xff\xd0\xff\xd1" * 10_000,
    }
    for name, lie in lies.items():
        yield _of(JPEGBaseline8Bit, f"JPEG, {name}", place, lie)
    yield _of(JPEGBaseline8Bit, "JPEG under 65,535 squared", place, stream, rows=65_535, columns=65_535)
    yield _of(JPEGBaseline8Bit, "JPEG under a JPEG 2000 name", place, compressed("JPEG2000", no_jp2=True))
    here = next(place)
    frames = element(0x00280008, b"IS", b"2000")
    many = image(here, encapsulated(stream, offsets=bytes(4 * 2000)), t00280008=frames)
    yield Stranger("one JPEG as 2,000 frames", here.instance, JPEGBaseline8Bit, many)


def _rle(name: str, here: Place, stream: bytes, **changes: object) -> Stranger:
    return Stranger(name, here.instance, RLELossless, image(here, encapsulated(stream), **changes))


def _lying_rle(place: Iterator[Place]) -> Iterator[Stranger]:
    runs = b"\x81\x55" * 32
    for name, table in {
        "no segment": pack("<16I", *[0] * 16),
        "15 segments at one place": pack("<16I", 15, *[64] * 15),
        "2^32 segments": pack("<16I", UNDEFINED, *[64] * 15),
        "a segment beyond the end": pack("<16I", 1, 1 << 31, *[0] * 14),
        "a segment in the table": pack("<16I", 1, 4, *[0] * 14),
        "segments backwards": pack("<16I", 2, 96, 64, *[0] * 13),
    }.items():
        yield _rle(f"RLE, {name}", next(place), table + runs)
    table = pack("<16I", 1, 64, *[0] * 14)
    yield _rle("RLE, a copy beyond the end", next(place), table + b"\x7f\x55" * 4)
    yield _rle("RLE, more than a frame", next(place), table + b"\x81\x55" * 100_000)
    yield _rle("RLE, table cut", next(place), table[:30])


def _nested(tag: int, depth: int, *, defined: bool) -> bytes:
    """Encode sequences within each other; lengths count from the inside."""
    if not defined:
        down = element(tag, b"SQ", length=UNDEFINED) + item(ITEM, UNDEFINED)
        return down * depth + (item(ITEM_END) + item(SEQUENCE_END)) * depth
    heads = [element(tag, b"SQ", length=20 * inside + 8) + item(ITEM, 20 * inside) for inside in range(depth)]
    return b"".join(reversed(heads))


def _nestings(place: Iterator[Place]) -> Iterator[Stranger]:
    for tag, when in ((EARLY, "early"), (LATE, "late")):
        for defined in (True, False):
            here, kind = next(place), "defined" if defined else "undefined"
            data = image(here, native(ramp().tobytes()), **{f"t{tag:08X}": _nested(tag, DEPTH, defined=defined)})
            readable = defined or tag == LATE
            yield _plain(f"{DEPTH} deep, {when}, {kind}", here, data, readable=readable)
    for tag in (EARLY, LATE):
        here = next(place)
        wide = element(tag, b"SQ", length=UNDEFINED) + item() * 200_000 + item(SEQUENCE_END)
        yield _plain(
            f"200,000 items at {tag:08X}", here, image(here, native(ramp().tobytes()), **{f"t{tag:08X}": wide})
        )
    here = next(place)
    many = b"".join(element(0x00090000 | n & 0xFFFF, b"LO") for n in range(0x1000, 0xFFFF)) * 8
    yield _plain("500,000 empty elements", here, image(here, native(ramp().tobytes()), t00091000=many))


def _lengths(place: Iterator[Place]) -> Iterator[Stranger]:
    beyond = element(EARLY, b"SQ", length=UNDEFINED) + item(ITEM, 1 << 31)
    lies = {
        ("item beyond the end", EARLY): beyond,
        ("sequence beyond the end", EARLY): element(EARLY, b"SQ", length=UNDEFINED - 1),
        ("delimiter missing", EARLY): element(EARLY, b"SQ", length=UNDEFINED) + item(ITEM, UNDEFINED),
        ("text beyond the end", 0x00081030): element(0x00081030, b"UT", b"x", length=UNDEFINED - 1),
    }
    for (name, tag), lie in lies.items():
        here = next(place)
        data = image(here, native(ramp().tobytes()), **{f"t{tag:08X}": lie})
        yield _plain(name, here, data, readable=False)
    here = next(place)
    late = element(LATE, b"SQ", length=UNDEFINED) + item(ITEM, 1 << 31)
    yield _plain("late item beyond the end", here, image(here, native(ramp().tobytes()), t00400260=late))
    here = next(place)
    yield _plain("pixels beyond the end", here, image(here, native(bytes(10), UNDEFINED - 1)))
    here = next(place)
    fragment = element(PIXEL_DATA, b"OB", length=UNDEFINED) + item() + item(ITEM, UNDEFINED - 1) + b"xx"
    yield Stranger("fragment beyond the end", here.instance, JPEGBaseline8Bit, image(here, fragment))
    here = next(place)
    fragments = encapsulated(*[b""] * 200_000)
    yield Stranger("200,000 empty fragments", here.instance, JPEGBaseline8Bit, image(here, fragments))
    here = next(place)
    offsets = encapsulated(compressed("JPEG"), offsets=pack("<3I", UNDEFINED, 1 << 31, 7))
    yield Stranger("lying offset table", here.instance, JPEGBaseline8Bit, image(here, offsets))


def _polyglots(place: Iterator[Place]) -> Iterator[Stranger]:
    markup = b"<html><script>alert('zq7')</script>"
    for name, before in {
        "PE": b"MZ" + bytes(58) + pack("<I", 64) + b"PE\0\0",
        "ELF": b"\x7fELF\2\1\1" + bytes(9) + pack("<HHI", 2, 62, 1),
        "HTML": markup,
        "ZIP": b"PK\3\4",
        "PDF": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(7))>>>>endobj",
        "shell": b"#!/bin/sh\ntouch /tmp/zq7\n",
        "GIF": b"GIF89a",
        "a second prefix": b"DICM" * 32,
    }.items():
        here = next(place)
        data = image(here, native(ramp().tobytes()))
        tail = element(0x7FE10010, b"UN", markup + b"PK\5\6" + bytes(18))
        yield Stranger(f"polyglot {name}", here.instance, ExplicitVRLittleEndian, data, before=before, after=tail)
