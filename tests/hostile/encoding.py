"""Data sets written by hand, for what no library agrees to write: lengths, counts and tables that lie."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from struct import pack

import numpy as np
from PIL import Image
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from app.dicom.part10 import file_meta

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
_LONG = {b"OB", b"OW", b"SQ", b"UN", b"UT"}


@dataclass(frozen=True)
class Stranger:
    """A data set to be sent. `readable` says whether its head gives the UIDs, so that it is to be stored."""

    name: str
    uid: str
    syntax: str
    data_set: bytes
    readable: bool = True
    before: bytes = bytes(128)
    after: bytes = b""

    @property
    def file(self) -> bytes:
        """The PS3.10 file."""
        meta = file_meta(CTImageStorage, self.uid, self.syntax)
        return self.before.ljust(128, b"\0")[:128] + meta[128:] + self.data_set + self.after


@dataclass(frozen=True)
class Place:
    """Where a hostile instance claims to belong: a series of its own in the study of a patient who waits for it."""

    study: str
    number: int
    patient_id: str = "P-1"
    accession: str = "A-1"

    @property
    def series(self) -> str:
        """The Series Instance UID."""
        return f"{self.study}.{self.number}"

    @property
    def instance(self) -> str:
        """The SOP Instance UID."""
        return f"{self.series}.1"


def tagged(tag: int) -> bytes:
    """Encode a tag in little endian."""
    return pack("<HH", tag >> 16, tag & 0xFFFF)


def element(tag: int, vr: bytes, value: bytes = b"", length: int | None = None) -> bytes:
    """Encode an element in Explicit VR Little Endian; `length` may lie."""
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    size = len(value) if length is None else length
    return tagged(tag) + vr + (pack("<HI", 0, size) if vr in _LONG else pack("<H", size)) + value


def item(tag: int = ITEM, length: int = 0) -> bytes:
    """Encode the head of an item, or a delimiter."""
    return tagged(tag) + pack("<I", length)


def number(tag: int, value: int) -> bytes:
    """Encode an element of VR US."""
    return element(tag, b"US", pack("<H", value))


def encapsulated(*fragments: bytes, offsets: bytes = b"") -> bytes:
    """Encode pixel data in fragments (PS3.5 A.4), `offsets` being the Basic Offset Table."""
    pieces = b"".join(item(ITEM, len(piece)) + piece for piece in (offsets, *fragments))
    return element(PIXEL_DATA, b"OB", length=UNDEFINED) + pieces + item(SEQUENCE_END)


def native(pixels: bytes, length: int | None = None) -> bytes:
    """Encode uncompressed pixel data."""
    return element(PIXEL_DATA, b"OW", pixels, length)


def image(place: Place, pixel_data: bytes, *, rows: int = 64, columns: int = 64, **changes: bytes) -> bytes:
    """Encode a grey image of 8 bits. A change goes by its tag, such as `t00280008`, and is a whole element."""
    elements = {
        0x00080005: element(0x00080005, b"CS", b"ISO_IR 192"),
        0x00080016: element(0x00080016, b"UI", CTImageStorage.encode()),
        0x00080018: element(0x00080018, b"UI", place.instance.encode()),
        0x00080050: element(0x00080050, b"SH", place.accession.encode()),
        0x00080060: element(0x00080060, b"CS", b"CT"),
        0x00100010: element(0x00100010, b"PN", b"Wang^Xiaoming"),
        0x00100020: element(0x00100020, b"LO", place.patient_id.encode()),
        0x0020000D: element(0x0020000D, b"UI", place.study.encode()),
        0x0020000E: element(0x0020000E, b"UI", place.series.encode()),
        0x00200011: element(0x00200011, b"IS", str(place.number).encode()),
        0x00200013: element(0x00200013, b"IS", b"1"),
        0x00280002: number(0x00280002, 1),
        0x00280004: element(0x00280004, b"CS", b"MONOCHROME2"),
        0x00280010: number(0x00280010, rows),
        0x00280011: number(0x00280011, columns),
        0x00280100: number(0x00280100, 8),
        0x00280101: number(0x00280101, 8),
        0x00280102: number(0x00280102, 7),
        0x00280103: number(0x00280103, 0),
        PIXEL_DATA: pixel_data,
    }
    elements |= {int(name.removeprefix("t"), 16): whole for name, whole in changes.items()}
    return b"".join(elements[tag] for tag in sorted(elements))


def ramp(edge: int = 64) -> Image.Image:
    """A picture that is no single colour."""
    return Image.fromarray((np.add.outer(np.arange(edge), np.arange(edge)) % 256).astype(np.uint8))


def compressed(form: str, edge: int = 64, **options: object) -> bytes:
    """Encode the ramp as JPEG or as a bare JPEG 2000 code stream."""
    buffer = BytesIO()
    ramp(edge).save(buffer, form, **options)
    data = buffer.getvalue()
    return data + b"\0" * (len(data) % 2)


def overwritten(data: bytes, at: int, *values: bytes) -> bytes:
    """Put bytes over others."""
    new = b"".join(values)
    return data[:at] + new + data[at + len(new) :]


def good(study: str, number: int) -> Stranger:
    """Give a neighbour: an instance that nothing is wrong with."""
    place = Place(study, number)
    data = image(place, native(ramp().tobytes()))
    return Stranger(f"neighbour {number}", place.instance, ExplicitVRLittleEndian, data)


def places(study: str, first: int = 1) -> Iterator[Place]:
    """Give a place for each stranger in turn."""
    number = first
    while True:
        yield Place(study, number)
        number += 1
