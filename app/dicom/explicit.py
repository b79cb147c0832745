"""An instance in Explicit VR Little Endian, whatever it came in: attributes byte for byte, pixel data decoded.

References
----------
DICOM PS3.5 7 (data set), 8.2 (native pixel data), A.2; PS3.3 C.7.6.3 (Image Pixel), C.7.6.1.1.5 (lossy compression).
"""

from collections.abc import Iterable, Iterator, Sequence
from io import SEEK_CUR
from itertools import chain
from struct import pack, unpack
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.datadict import dictionary_VR, private_dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from app.dicom.frames import Frame, PixelSource
from app.dicom.part10 import file_meta
from app.dicom.render import Code, NotRenderable, Pixels

_EXPLICIT = "1.2.840.10008.1.2.1"
_ITEM = pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
_ITEM_END, _SEQUENCE_END = pack("<HHI", 0xFFFE, 0xE00D, 0), pack("<HHI", 0xFFFE, 0xE0DD, 0)
_LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_NUMBER_BYTES = {  # which are swapped from big endian (PS3.5 7.3)
    **dict.fromkeys(("US", "SS", "OW", "AT"), 2),
    **dict.fromkeys(("UL", "SL", "FL", "OF", "OL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
_LOSSY = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81"})
_DROPPED = frozenset({0x7FE00001, 0x7FE00002})  # Extended Offset Table: of fragments that are no more
_CHARACTER_SET = 0x00080005
_BLOCK = 1 << 20  # bytes
Changes = dict[int, tuple[str, bytes]]


def explicit_instance(source: PixelSource) -> Iterator[bytes]:
    """Give an instance as a PS3.10 file in Explicit VR Little Endian, block by block.

    Attributes keep their bytes: no text is decoded, so that none can come back different. Pixel data that was
    compressed becomes native, colour by pixel; JPEG and JPEG 2000 colours become RGB.

    Raises
    ------
    NotRenderable
        When the pixel data cannot be decoded.
    """
    source.file.seek(0)
    dataset = dcmread(source.file, stop_before_pixels=True, force=True)  # anew: its values are still bytes
    class_uid, instance_uid = (str(source.dataset.get(f"SOP{name}UID", "")) for name in ("Class", "Instance"))
    yield file_meta(class_uid, instance_uid, _EXPLICIT)
    signed = _is_signed(source)
    if source.element is None:
        yield from _encoded(dataset, {}, signed=signed)
    elif source.is_native:
        yield from _encoded(dataset, {}, signed=signed)
        yield _head(_pixel_tag(source), source.element.vr, source.element.length)
        yield from _native_value(source)
        yield from _tail(source, source.element.at + source.element.length)
    else:
        yield from _decompressed(source, dataset)


def native_frames(source: PixelSource, indices: Sequence[int]) -> Iterator[bytes]:
    """Give frames, counted from 0, as native cells in little endian.

    Raises
    ------
    NotRenderable
        When one cannot be decoded, or is not there (`Code.NO_SUCH_FRAME`).
    """
    if not all(0 <= index < source.number_of_frames for index in indices):
        raise NotRenderable(Code.NO_SUCH_FRAME, f"The instance has {source.number_of_frames} frames.")
    if source.is_native:
        yield from map(source.native_frame, indices)
    else:
        pack_one = source.bits_allocated == 1
        for frame in source.frames(indices):
            yield b"".join(_packed([frame.cells])) if pack_one else _little_endian(frame.cells)


def _decompressed(source: PixelSource, dataset: Dataset) -> Iterator[bytes]:
    frames = source.frames()
    first = next(frames)
    bits = 1 if source.bits_allocated == 1 else first.cells.itemsize * 8
    size = -(-first.cells.size * source.number_of_frames * bits // 8)
    yield from _encoded(dataset, _changes(source, first), signed=_is_signed(source))
    yield _head(0x7FE00010, "OW" if first.cells.dtype.itemsize > 1 else "OB", size + size % 2)
    blocks = (frame.cells for frame in chain([first], frames))
    yield from _padded(_packed(blocks) if bits == 1 else map(_little_endian, blocks), size)
    yield from _tail(source, _end_of_fragments(source))


def _little_endian(cells: Pixels) -> bytes:
    return cells.astype(cells.dtype.newbyteorder("<"), copy=False).tobytes()


def _packed(frames: Iterable[Pixels]) -> Iterator[bytes]:
    """Pack cells of one bit; a frame begins where the one before ends, within a byte (PS3.5 8.1.1)."""
    left: Pixels = np.zeros(0, np.uint8)
    for cells in frames:
        bits = np.concatenate([left, cells.ravel()])
        whole = bits.size - bits.size % 8
        yield np.packbits(bits[:whole], bitorder="little").tobytes()
        left = bits[whole:]
    yield np.packbits(left, bitorder="little").tobytes()


def _padded(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Give the blocks, which must be of `size` in all, and a byte more where that is odd."""
    left = size
    for block in blocks:
        left -= len(block)
        yield block
    yield bytes(size % 2)
    if left:
        raise NotRenderable(Code.DECODER_FAILED, "The pixel data has fewer frames than it should.")


def _changes(source: PixelSource, frame: Frame) -> Changes:
    """Give the attributes that decoding changes (PS3.5 8.2, PS3.3 C.7.6.3.1 and C.7.6.1.1.5)."""
    changes: Changes = {0x00280004: ("CS", _text(frame.photometric))}
    if frame.cells.ndim == 3:
        changes[0x00280006] = ("US", pack("<H", 0))
    if source.bits_allocated > 1 and frame.cells.dtype.itemsize * 8 != source.bits_allocated:
        changes[0x00280100] = ("US", pack("<H", frame.cells.dtype.itemsize * 8))
    if source.syntax in _LOSSY and not source.dataset.get("LossyImageCompression"):
        changes[0x00282110] = ("CS", b"01")
    return changes


def _text(value: str) -> bytes:
    return value.encode("ascii") + b" " * (len(value) % 2)


def _native_value(source: PixelSource) -> Iterator[bytes]:
    """Give the value of native pixel data, its cells swapped where the file is big endian."""
    assert source.element is not None
    size = source.swapped_bytes
    source.file.seek(source.element.at)
    left = source.element.length
    while left:
        block = source.file.read(min(left, _BLOCK))
        if not block:
            raise NotRenderable(Code.DECODER_FAILED, "The pixel data ends early.")
        left -= len(block)
        yield _swapped(block, size)


def _swapped(data: bytes, size: int) -> bytes:
    if size == 1 or len(data) % size:
        return data
    return np.frombuffer(data, f"u{size}").byteswap().tobytes()


def _pixel_tag(source: PixelSource) -> int:
    assert source.element is not None
    return int(tag_for_keyword(source.element.keyword) or 0)


def _is_signed(source: PixelSource) -> bool:
    return bool(source.dataset.get("PixelRepresentation"))


def _tail(source: PixelSource, at: int) -> Iterator[bytes]:
    """Give the elements after the pixel data."""
    source.file.seek(at)
    yield from _encoded(read_dataset(source.file, *source.dataset.original_encoding), {}, signed=_is_signed(source))


def _end_of_fragments(source: PixelSource) -> int:
    assert source.element is not None
    source.file.seek(source.element.at)
    while len(head := source.file.read(8)) == 8:
        group, element, length = unpack("<HHI", head)
        if (group, element) != (0xFFFE, 0xE000):
            break
        source.file.seek(length, SEEK_CUR)
    return source.file.tell()


def _encoded(dataset: Dataset, changes: Changes, *, signed: bool) -> Iterator[bytes]:
    """Encode a data set whose elements are raw, and those changed."""
    # All at once: to read a sequence turns Pixel Representation into a number. "Deferred" are empty ones.
    raws = {int(tag): dataset.get_item(tag, keep_deferred=True) for tag in list(dataset.keys())}
    for tag in sorted({*raws, *changes}):
        if tag & 0xFFFF == 0 or tag in _DROPPED:  # group lengths are retired, and would be wrong (PS3.5 7.2)
            continue
        if tag in changes:
            vr, value = changes[tag]
            yield _head(tag, vr, len(value)) + value
        else:
            yield from _element(dataset, raws[tag], signed=signed)


def _element(dataset: Dataset, raw: Any, *, signed: bool) -> Iterator[bytes]:
    tag = int(raw.tag)
    vr = raw.VR or _implicit_vr(dataset, raw.tag, signed=signed)
    if vr == "SQ":
        yield _head(tag, "SQ", 0xFFFFFFFF)
        for item in dataset[tag].value:
            yield _ITEM
            yield from _encoded(item, {}, signed=signed)
            yield _ITEM_END
        yield _SEQUENCE_END
        return
    value = raw.value or b""
    if tag == _CHARACTER_SET:  # has been read, since the others depend on it
        value = value if isinstance(value, bytes) else _text("\\".join([value] if isinstance(value, str) else value))
    elif not raw.is_little_endian:
        value = _swapped(value, _NUMBER_BYTES.get(vr, 1))
    if len(value) > 0xFFFF and vr not in _LONG_VRS:
        vr = "UN"  # PS3.5 6.2.2
    yield _head(tag, vr, len(value)) + value


def _implicit_vr(dataset: Dataset, tag: BaseTag, *, signed: bool) -> str:
    """Look up a VR; where there is a choice, that of PS3.5 A.1 and of Pixel Representation (PS3.3 C.7.6.3.1)."""
    try:
        if tag.is_private:
            creator: Any = dataset.get_item((tag.group << 16) | (tag.element >> 8), keep_deferred=True)
            return private_dictionary_VR(tag, creator.value.decode("ascii").strip(" \0"))
        vr = dictionary_VR(tag)
    except (AttributeError, KeyError, UnicodeDecodeError):
        return "UN"
    if "OW" in vr:
        return "OW"
    if vr == "US or SS":
        return "SS" if signed else "US"
    return vr


def _head(tag: int, vr: str, length: int) -> bytes:
    if vr in _LONG_VRS:
        return pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)
    return pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), length)
