"""The frames of an instance, decoded from its file one by one, in bounded memory.

References
----------
DICOM PS3.5 8 (pixel data), Annex A (transfer syntaxes, fragments), PS3.3 C.7.6.3 (Image Pixel).
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from itertools import islice
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames, get_frame
from pydicom.filereader import read_dataset, read_preamble
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.pixels.utils import as_pixel_options
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from rle.rle import decode_segment

from app.dicom.codecs import JPEG_SYNTAXES, decode_jpeg_12, jpeg_precision
from app.dicom.kinds import kind_of
from app.dicom.render import Code, NotRenderable, Pixels

MAX_FRAMES = 2_000
MAX_PIXELS = 100_000_000  # of one frame
_KEYWORDS = {
    (0x7FE0, 0x0008): "FloatPixelData",
    (0x7FE0, 0x0009): "DoubleFloatPixelData",
    (0x7FE0, 0x0010): "PixelData",
}
# The first decoder asked, where it is the faster or the safer one; any other that can is asked when it fails.
_FIRST_DECODER = {
    **dict.fromkeys((JPEG2000, JPEG2000Lossless, HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL), "pylibjpeg"),
    **dict.fromkeys((JPEGLSLossless, JPEGLSNearLossless), "pyjpegls"),
}
_JPEG_SYNTAXES = frozenset({JPEGBaseline8Bit, *JPEG_SYNTAXES})
_SIGNLESS = frozenset({JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless})
_DEFLATED_FRAMES, _ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.1.98"
_RLE_HEADER = 64  # bytes before the one segment of bit-packed cells (PS3.5 G.5)
_UNPACKED: dict[tuple[str, bool], Callable[[bytes], bytes]] = {  # fragments that hold native frames; True: of one bit
    **dict.fromkeys(((_ENCAPSULATED_UNCOMPRESSED, packed) for packed in (False, True)), bytes),
    **dict.fromkeys(((_DEFLATED_FRAMES, packed) for packed in (False, True)), lambda data: zlib.decompress(data, -15)),
    (RLELossless, True): lambda data: bytes(decode_segment(data[_RLE_HEADER:])),
}
_IMPLICIT_VRS = {"FloatPixelData": "OF", "DoubleFloatPixelData": "OD"}
_FLOATS = {"FloatPixelData": "f4", "DoubleFloatPixelData": "f8"}


@contextmanager
def refusals() -> Iterator[None]:
    """Turn whatever a decoder raises into `NotRenderable`, without what it says: that may quote the file."""
    try:
        yield
    except NotRenderable:
        raise
    except MemoryError:
        raise NotRenderable(Code.TOO_LARGE, "Decoding needs more memory than it may have.") from None
    except Exception as error:  # noqa: BLE001  (a decoder may raise anything)
        raise NotRenderable(Code.DECODER_FAILED, f"Decoding failed ({type(error).__name__}).") from None


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its cells before the modality LUT, of shape (rows, columns[, 3]), and what their samples mean.

    Bits that are not stored keep what the file has in them; bit-packed cells are 0 or 1, one byte each.
    """

    cells: Pixels
    photometric: str


class PixelElement(NamedTuple):
    """The element of the pixel data: its keyword and VR, the offset of its value in the file, its length in bytes."""

    keyword: str
    vr: str
    at: int
    length: int


class PixelSource:
    """The pixel data of a PS3.10 file.

    `file` has its data set, inflated; `dataset` the attributes before the pixel data, `syntax` how both are encoded.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.dataset = dcmread(file, stop_before_pixels=True, force=True)
        self.syntax = UID(self.dataset.file_meta.get("TransferSyntaxUID") or _assumed_syntax(self.dataset))
        if self.syntax == DeflatedExplicitVRLittleEndian:  # the file is no place to read from: inflate all
            file = _inflated(file)
            self.dataset = dcmread(file, stop_before_pixels=True, force=True)
        self.file = file
        self.bits_allocated = int(self.dataset.get("BitsAllocated") or 0)
        self.samples = int(self.dataset.get("SamplesPerPixel") or 1)
        self.photometric = str(self.dataset.get("PhotometricInterpretation", "")).strip()
        self._element_at = file.tell()

    @cached_property
    def number_of_frames(self) -> int:
        """How many frames there are.

        Raises
        ------
        NotRenderable
            When there can be none, or they are too many or too large to be decoded.
        """
        return _checked_frames(self.dataset)

    @cached_property
    def element(self) -> PixelElement | None:
        """Where the pixel data is; None where the data set has none."""
        implicit, little = self.dataset.original_encoding
        self.file.seek(self._element_at)
        head = self.file.read(12)
        order: Literal["little", "big"] = "little" if little else "big"
        keyword = _KEYWORDS.get((int.from_bytes(head[:2], order), int.from_bytes(head[2:4], order)))
        if not keyword:
            return None
        explicit = not implicit and b"AA" <= head[4:6] <= b"ZZ"  # some writers change to implicit on the way
        length = int.from_bytes(head[8:] if explicit else head[4:8], order)
        vr = head[4:6].decode() if explicit else _IMPLICIT_VRS.get(keyword, "OW")
        return PixelElement(keyword, vr, self._element_at + (12 if explicit else 8), length)

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Frame]:
        """Decode frames, counted from 0, in the order asked; all without `indices`."""
        self._located()
        if self.is_native:
            wanted = range(self.number_of_frames) if indices is None else indices
            yield from (self._of_cells(*self._native_bytes(index)) for index in wanted)
        elif unpack := _UNPACKED.get((self.syntax, self.bits_allocated == 1)):
            yield from (self._of_cells(unpack(data), 0) for data in self._encoded(indices))
        elif self.syntax in _JPEG_SYNTAXES:
            yield from map(self._of_jpeg, self._encoded(indices))
        else:
            yield from self._decoded(indices)

    @property
    def is_native(self) -> bool:
        """Whether the pixel data is neither compressed nor in fragments; unknown syntaxes are taken for compressed."""
        return self.syntax.is_transfer_syntax and not self.syntax.is_encapsulated

    def native_frame(self, index: int) -> bytes:
        """Give a frame of native pixel data as it stands in the file, but little endian and from a first bit on."""
        data, first_bit = self._native_bytes(index)
        if first_bit or self.bits_allocated == 1:
            return np.packbits(self._of_cells(data, first_bit).cells, bitorder="little").tobytes()
        return data

    @property
    def swapped_bytes(self) -> int:
        """How many bytes of native pixel data must be turned round together to be little endian; 1 for none."""
        if self.syntax != ExplicitVRBigEndian:
            return 1
        if self._located().vr == "OW":
            return 2  # words are swapped, whatever lies in them: the lower word of a wide cell comes first
        return max(self.bits_allocated // 8, 1) if self._located().vr != "OB" else 1

    def _located(self) -> PixelElement:
        if self.element is None or not self.number_of_frames:
            raise NotRenderable(Code.NO_PIXEL_DATA, kind_of(str(self.dataset.get("SOPClassUID", ""))))
        return self.element

    @cached_property
    def _shape(self) -> tuple[int, int]:
        return int(self.dataset.Rows), int(self.dataset.Columns)

    def _native_bytes(self, index: int) -> tuple[bytes, int]:
        """Read a native frame; the second number tells at which bit of the first byte it begins."""
        samples = 2 if self.photometric == "YBR_FULL_422" else self.samples
        bits = self._shape[0] * self._shape[1] * samples * self.bits_allocated
        first, end = index * bits // 8, -(-(index + 1) * bits // 8)
        size = self.swapped_bytes
        start = first - first % size  # pairs of 8-bit cells are swapped in words (PS3.5 7.3)
        data = self._read(start, end + -end % size)
        if size > 1:
            data = np.frombuffer(data, f"u{size}").byteswap().tobytes()[first - start :][: end - first]
        return data, index * bits % 8

    def _read(self, first: int, end: int) -> bytes:
        self.file.seek(self._located().at + first)
        data = self.file.read(end - first)
        if len(data) < end - first:
            raise ValueError("The pixel data ends early.")
        return data

    def _of_cells(self, data: bytes, first_bit: int) -> Frame:
        """Shape the bytes of native cells, little endian."""
        rows, columns = self._shape
        if self.bits_allocated == 1:
            bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
            return Frame(bits[first_bit : first_bit + rows * columns].reshape(rows, columns), self.photometric)
        sign = "i" if self.dataset.get("PixelRepresentation") else "u"
        cells = np.frombuffer(data, f"<{_FLOATS.get(self._located().keyword) or f'{sign}{self.bits_allocated // 8}'}")
        if self.photometric == "YBR_FULL_422":
            return Frame(_without_subsampling(cells).reshape(rows, columns, 3), "YBR_FULL")
        count = rows * columns * self.samples
        if self.samples > 1 and self.dataset.get("PlanarConfiguration") == 1:
            planes = cells[:count].reshape(self.samples, rows, columns)
            return Frame(planes.transpose(1, 2, 0), self.photometric)
        shape = (rows, columns, self.samples) if self.samples > 1 else (rows, columns)
        return Frame(cells[:count].reshape(shape), self.photometric)

    def _encoded(self, indices: Sequence[int] | None) -> Iterator[bytes]:
        """Give the joined fragments of frames."""
        offsets = self._extended_offsets()
        self.file.seek(self._located().at)
        if indices is None:
            frames = generate_frames(self.file, number_of_frames=self.number_of_frames, extended_offsets=offsets)
            yield from islice(frames, self.number_of_frames)
            return
        for index in indices:
            self.file.seek(self._located().at)
            yield get_frame(self.file, index, number_of_frames=self.number_of_frames, extended_offsets=offsets)

    def _extended_offsets(self) -> tuple[bytes, bytes] | None:
        offsets, lengths = (self.dataset.get(f"ExtendedOffsetTable{name}") for name in ("", "Lengths"))
        return (offsets, lengths) if offsets and lengths else None

    def _of_jpeg(self, data: bytes) -> Frame:
        """Decode a lossy JPEG; its markers and component numbers go before what the data set says of its colours."""
        if jpeg_precision(data) == 12 and self.samples == 1:
            return Frame(decode_jpeg_12(data, *self._shape, str(self.syntax)), self.photometric)
        image = Image.open(BytesIO(data), formats=["JPEG"])
        said = {"adobe_transform", "jfif"} & image.info.keys()
        if image.mode == "RGB" and self.photometric == "RGB" and not said:
            image.draft("YCbCr", image.size)  # no conversion: these three samples are RGB already
        cells = np.asarray(image)
        return Frame(cells, "RGB") if cells.ndim == 3 else Frame(self._widened(cells), self.photometric)

    def _decoded(self, indices: Sequence[int] | None) -> Iterator[Frame]:
        """Decode frames with pydicom's decoders; where the preferred one fails, any other one goes on."""
        decoder = _decoder(self.syntax)
        options = as_pixel_options(self.dataset, transfer_syntax_uid=self.syntax, pixel_keyword="PixelData")
        options |= {"raw": True, "correct_unused_bits": False, "apply_jls_sign_correction": False}
        if offsets := self._extended_offsets():
            options["extended_offsets"] = offsets
        preferred = _FIRST_DECODER.get(self.syntax, "")
        wanted: Sequence[int] = range(self.number_of_frames) if indices is None else indices
        done = 0
        for plugin in dict.fromkeys((preferred, "")):
            self.file.seek(self._located().at)
            rest = None if indices is None and not done else wanted[done:]  # all in one go need no search for each
            frames = decoder.iter_array(self.file, indices=rest, decoding_plugin=plugin, **options)
            try:
                for cells, properties in islice(frames, len(wanted) - done):
                    yield Frame(self._widened(cells), str(properties["photometric_interpretation"]))
                    done += 1
                return
            except (AttributeError, RuntimeError, TypeError, ValueError):
                if not plugin:
                    raise

    def _widened(self, cells: Pixels) -> Pixels:
        """Give cells of Bits Allocated, where the codestream says fewer, and their sign, where it has none."""
        wide = np.dtype(f"{cells.dtype.kind}{max(self.bits_allocated // 8, 1)}")
        if cells.dtype.itemsize < wide.itemsize:
            cells = cells.astype(wide)
        unused = cells.dtype.itemsize * 8 - int(self.dataset.get("BitsStored") or 0)
        if self.syntax in _SIGNLESS and cells.dtype.kind == "i" and unused > 0:
            cells = cells << unused >> unused
        return cells


def _without_subsampling(cells: Pixels) -> Pixels:
    """Give each pixel its own colour differences: Y1 Y2 B R becomes Y1 B R Y2 B R (PS3.3 C.7.6.3.1.2)."""
    pairs = cells.reshape(-1, 4)
    return pairs[:, [0, 2, 3, 1, 2, 3]]


def _decoder(syntax: UID) -> Decoder:
    try:
        return get_decoder(syntax)
    except NotImplementedError:
        raise NotRenderable(Code.UNSUPPORTED_TRANSFER_SYNTAX, f"Transfer syntax {syntax}.") from None


def _inflated(file: BinaryIO) -> BinaryIO:
    """Give the data set of a deflated file, in memory (PS3.5 A.5)."""
    file.seek(0)
    read_preamble(file, force=True)
    read_dataset(file, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, *_: tag.group != 2)
    return BytesIO(zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read()))


def _checked_frames(dataset: Dataset) -> int:
    """Give the number of frames, when they can be decoded within the limits."""
    if "Rows" not in dataset or "Columns" not in dataset:
        raise NotRenderable(Code.NO_PIXEL_DATA, kind_of(str(dataset.get("SOPClassUID", ""))))
    count = max(int(dataset.get("NumberOfFrames") or 1), 1)
    if count > MAX_FRAMES:
        raise NotRenderable(Code.TOO_LARGE, f"More than {MAX_FRAMES} frames.")
    if not int(dataset.Rows) * int(dataset.Columns):
        raise NotRenderable(Code.DECODER_FAILED, "A frame has no pixels.")
    if int(dataset.Rows) * int(dataset.Columns) > MAX_PIXELS:
        raise NotRenderable(Code.TOO_LARGE, f"More than {MAX_PIXELS} pixels in a frame.")
    return count


def _assumed_syntax(dataset: Dataset) -> str:
    implicit, little = dataset.original_encoding
    return ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
