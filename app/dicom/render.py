"""Stored pixel values to a picture for a phone: modality LUT, VOI LUT, padding, inversion, proportions, JPEG.

References
----------
DICOM PS3.3 C.11.1 (Modality LUT), C.11.2 (VOI LUT), C.7.5.1.1.2 (Pixel Padding Value), C.7.6.3.1.2 (photometric
interpretations); PS3.18 8.3.5 (rendered resources).
"""

import io
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

MAX_EDGE = 1024  # pixels
SMALL_EDGE = 72  # pixels
THUMBNAIL_EDGE = 160  # pixels
KEY_IMAGE_LIMIT = 45_000  # bytes
SMALL_LIMIT = 1_000  # bytes
THUMBNAIL_LIMIT = 5_000  # bytes
PREVIEW_LIMIT = 20_000  # bytes for each 512 x 512 grey pixels: what lets 300 CT slices stay within 6 MB
_PREVIEW_QUALITIES = (80, 65, 50, 40, 30)
_SMALL_QUALITIES = (80, 65, 50, 35)
_SRGB = ImageCms.createProfile("sRGB")
_fitted_at: dict[str, int] = {}

Grey = NDArray[np.uint8]
Pixels = NDArray[Any]
Floats = NDArray[np.float64]


class Code(StrEnum):
    """Why an instance or a frame cannot be shown; stable, since stored and translated."""

    NO_PIXEL_DATA = "no_pixel_data"
    UNSUPPORTED_TRANSFER_SYNTAX = "unsupported_transfer_syntax"
    UNKNOWN_PHOTOMETRIC = "unknown_photometric_interpretation"
    DECODER_FAILED = "decoder_failed"
    TOO_LARGE = "too_large"
    OUT_OF_TIME = "out_of_time"
    PRESENTATION_STATE = "presentation_state"
    NO_SUCH_FRAME = "no_such_frame"
    VIDEO = "video"


class NotRenderable(Exception):
    """There is no picture, and why: a code for programs, a reason for people, free of patient data."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class VoiFunction(StrEnum):
    """VOI LUT Function (0028,1056)."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, slots=True)
class Window:
    """Window Center and Width, in units after the modality LUT."""

    center: float
    width: float
    function: VoiFunction = VoiFunction.LINEAR

    def apply(self, values: Floats) -> Floats:
        """Map values to 0..1 (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
        if self.function is VoiFunction.SIGMOID:
            exponent = np.clip(-4 * (values - self.center) / self.width, -500, 500)
            return np.asarray(1 / (1 + np.exp(exponent)), np.float64)
        if self.function is VoiFunction.LINEAR_EXACT:
            return np.clip((values - self.center) / self.width + 0.5, 0, 1)
        if self.width == 1:
            return np.asarray(values > self.center - 0.5, np.float64)
        return np.clip((values - (self.center - 0.5)) / (self.width - 1) + 0.5, 0, 1)


@dataclass(frozen=True, slots=True)
class Lut:
    """A look-up table: `entries` are for the inputs from `first` on; inputs outside take the nearest entry."""

    first: int
    entries: tuple[int, ...]
    bits: int

    def apply(self, values: Floats) -> Floats:
        """Map values to entries."""
        index = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1).astype(np.intp)
        return np.asarray(np.array(self.entries, np.float64)[index])


@dataclass(frozen=True, slots=True, kw_only=True)
class GreyLook:
    """How stored values of one sample a pixel become grey.

    `padding` is the first and last stored value that stands for no data: black, and left out of the range. Without
    `window` and `voi_lut` the range of the frame is shown; that of all possible values up to 8 bits.
    """

    bits_stored: int
    high_bit: int
    signed: bool
    slope: float = 1.0
    intercept: float = 0.0
    modality_lut: Lut | None = None
    window: Window | None = None
    voi_lut: Lut | None = None
    presentation_lut: Lut | None = None
    padding: tuple[float, float] | None = None
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class PaletteLook:
    """How stored values become colours: a table of `shape` (entries, 3), 8 bits, as bytes, from input 0 on.

    `profile` is the ICC profile by which colours are to become sRGB.
    """

    table: bytes
    profile: bytes | None = None


@dataclass(frozen=True, slots=True)
class ColourLook:
    """Three samples a pixel, RGB or YBR; `profile` is the ICC profile by which they are to become sRGB."""

    bits_stored: int
    high_bit: int
    profile: bytes | None = None


@dataclass(frozen=True, slots=True)
class SupplementedLook:
    """Grey, but stored values from `first` on are colours of the palette (PS3.3 C.7.6.23)."""

    grey: GreyLook
    palette: PaletteLook
    first: int


Look = GreyLook | PaletteLook | ColourLook | SupplementedLook


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A baseline JPEG without metadata; sizes in pixels."""

    data: bytes
    width: int
    height: int


def render_frame(
    stored: Pixels, look: Look, *, aspect: float = 1.0, max_edge: int = MAX_EDGE, ybr: bool = False
) -> Image.Image:
    """Render one frame as a picture in true proportions.

    Parameters
    ----------
    stored : numpy.ndarray, shape (rows, columns) or (rows, columns, 3)
        Stored values before the modality LUT; signedness as Pixel Representation (0028,0103).
    look : GreyLook or PaletteLook or ColourLook or SupplementedLook
        What the data set says about them.
    aspect : float
        Height of a pixel in units of its width.
    max_edge : int
        Longest output edge, in pixels. Smaller frames keep their size, but for pixels that are not square.
    ybr : bool
        Whether three samples are YBR_FULL (PS3.3 C.7.6.3.1.2), not RGB.

    Returns
    -------
    PIL.Image.Image
        Mode L or RGB.

    References
    ----------
    DICOM PS3.3 C.11.2 (VOI LUT, applied after C.11.1 Modality LUT); PS3.18 8.3.5.
    """
    pixels = frame_pixels(stored, look, ybr=ybr)
    return proportioned(Image.fromarray(pixels), aspect, max_edge)


def frame_pixels(stored: Pixels, look: Look, *, ybr: bool = False) -> Grey:
    """Give the grey levels or RGB of a frame, 8 bits a sample; parameters as of `render_frame`."""
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    if isinstance(look, GreyLook):
        return grey_levels(stored, look)
    if isinstance(look, SupplementedLook):
        grey = np.repeat(grey_levels(stored, look.grey)[..., None], 3, axis=-1)
        values = _values(_unsigned(stored).astype(np.int64), look.grey)
        return np.where(values[..., None] >= look.first, frame_pixels(stored, look.palette), grey)
    if isinstance(look, PaletteLook):
        table = np.frombuffer(look.table, np.uint8).reshape(-1, 3)
        pixels = table[np.minimum(_unsigned(stored), len(table) - 1)]
    else:
        pixels = np.ascontiguousarray(_eight_bits(stored, look))
        if ybr:
            pixels = np.asarray(Image.fromarray(pixels, "YCbCr").convert("RGB"))
    return to_srgb(pixels, look.profile) if look.profile else pixels


def grey_levels(stored: Pixels, look: GreyLook) -> Grey:
    """Map stored values to grey levels 0..255, black to white.

    Up to 16 bits, the whole chain is one table, built once for a look and taken for each pixel.
    """
    if look.window is None and look.voi_lut is None:
        look = _with_range(stored, look)
    if stored.dtype.kind == "f" or stored.dtype.itemsize > 2:
        return _levels(np.nan_to_num(_wide_values(stored, look)), stored, look)
    table = _table(look, stored.dtype.itemsize * 8)
    return table.take(_unsigned(stored), mode="wrap")  # "wrap" is far faster than to check each


def _wide_values(stored: Pixels, look: GreyLook) -> Floats:
    if stored.dtype.kind != "f" and look.bits_stored < stored.dtype.itemsize * 8:
        stored = _values(stored.astype(np.int64), look)
    return stored.astype(np.float64)


def _unsigned(stored: Pixels) -> Pixels:
    return stored.view(f"u{stored.dtype.itemsize}")


@lru_cache(maxsize=16)
def _table(look: GreyLook, bits_allocated: int) -> Grey:
    """Give the grey level of every bit pattern of a cell; bits that are not stored (overlays) do not count."""
    cells = np.arange(1 << bits_allocated, dtype=np.int64)
    return _levels(_values(cells, look).astype(np.float64), _whole(cells, bits_allocated, look), look)


def _values(cells: Pixels, look: GreyLook) -> Pixels:
    return stored_values(cells, look.bits_stored, look.high_bit, signed=look.signed)


def _whole(cells: Pixels, bits_allocated: int, look: GreyLook) -> Pixels:
    """Give the value of all bits of a cell: a padding value may lie outside Bits Stored."""
    return stored_values(cells, bits_allocated, bits_allocated - 1, signed=look.signed)


def stored_values(cells: Pixels, bits_stored: int, high_bit: int, *, signed: bool) -> Pixels:
    """Take the stored bits out of their cells (PS3.5 8.1.1).

    Parameters
    ----------
    cells : numpy.ndarray of int64
        The bit patterns of cells of Bits Allocated bits.
    """
    values = cells >> (high_bit + 1 - bits_stored) & ((1 << bits_stored) - 1)
    return np.where(values >> (bits_stored - 1) & signed, values - (1 << bits_stored), values)


def _levels(values: Floats, cells: Pixels, look: GreyLook) -> Grey:
    values = _modality(values, look)
    if look.window is not None:
        shades = look.window.apply(values)
    else:
        assert look.voi_lut is not None
        shades = look.voi_lut.apply(values) / ((1 << look.voi_lut.bits) - 1)
    if look.presentation_lut is not None:
        lut = look.presentation_lut
        shades = lut.apply(lut.first + np.clip(shades, 0, 1) * (len(lut.entries) - 1)) / ((1 << lut.bits) - 1)
    if look.inverted:
        shades = 1 - shades
    # Cut off, not rounded, as the common renderers do: pictures can be compared with theirs to the last grey level.
    levels = (np.clip(shades, 0, 1) * 255 + 1e-9).astype(np.uint8)
    if look.padding:
        levels[_is_padding(cells, look)] = 0
    return levels


def _modality(values: Floats, look: GreyLook) -> Floats:
    if look.modality_lut is not None:
        return look.modality_lut.apply(values)
    return values * look.slope + look.intercept


def _is_padding(cells: Pixels, look: GreyLook) -> NDArray[np.bool_]:
    if look.padding is None:
        return np.zeros(cells.shape, np.bool_)
    low, high = look.padding
    return (cells >= low) & (cells <= high)


def _with_range(stored: Pixels, look: GreyLook) -> GreyLook:
    """Add the window from the lowest to the highest value that is no padding."""
    values = _modality(_values_present(stored, look), look)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    width = (high - low) or 1.0
    return replace(look, window=Window(low + width / 2, width, VoiFunction.LINEAR_EXACT))


def _values_present(stored: Pixels, look: GreyLook) -> Floats:
    if stored.dtype.kind == "f" or stored.dtype.itemsize > 2:
        return _wide_values(stored, look)[~_is_padding(stored, look)]
    bits = stored.dtype.itemsize * 8
    if look.bits_stored <= 8:  # a screen shot, a mask: made to be shown as it is
        cells = np.arange(1 << look.bits_stored) << (look.high_bit + 1 - look.bits_stored)
        return _values(cells, look).astype(np.float64)
    cells = np.flatnonzero(np.bincount(_unsigned(stored).ravel(), minlength=1 << bits))
    return _values(cells[~_is_padding(_whole(cells, bits, look), look)], look).astype(np.float64)


def _eight_bits(colours: Pixels, look: ColourLook) -> Grey:
    if look.bits_stored == 8 and colours.dtype.itemsize == 1:
        return colours.view(np.uint8)
    highest = (1 << look.bits_stored) - 1
    values = (_unsigned(colours) >> (look.high_bit + 1 - look.bits_stored)) & highest
    return (values * (255 / highest)).round().astype(np.uint8)


def to_srgb(pixels: Grey, profile: bytes) -> Grey:
    """Convert RGB by an ICC profile; colours stay as they are where it is no profile of RGB."""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    try:
        converted = ImageCms.profileToProfile(picture, io.BytesIO(profile), _SRGB)
    except ImageCms.PyCMSError:
        return pixels
    return np.asarray(converted)


def proportioned(picture: Image.Image, aspect: float, max_edge: int = MAX_EDGE) -> Image.Image:
    """Stretch the coarser axis until pixels are square, then shrink to `max_edge`."""
    width, height = picture.width * max(1 / aspect, 1), picture.height * max(aspect, 1)
    return _resized(picture, width, height, min(1.0, max_edge / max(width, height)))


def _resized(picture: Image.Image, width: float, height: float, scale: float) -> Image.Image:
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if size == picture.size:
        return picture
    return picture.resize(size, Image.Resampling.HAMMING, reducing_gap=2.0)


def preview(picture: Image.Image) -> Jpeg:
    """Encode the picture of a frame; noise is paid for with quality, so that a series stays within its size."""
    areas = max(1.0, picture.width * picture.height / 512**2)
    colour = 2 if picture.mode == "RGB" else 1
    return _encoded("preview", picture, _PREVIEW_QUALITIES, int(areas * colour * PREVIEW_LIMIT))


def key_image(picture: Image.Image) -> Jpeg:
    """Encode a picture for the first view of a page, in at most `KEY_IMAGE_LIMIT` bytes."""
    return _fitted("key image", picture, MAX_EDGE, KEY_IMAGE_LIMIT)


def small(picture: Image.Image) -> Jpeg:
    """Encode the picture that stands in, blurred, while its preview is on its way: about 1 kB."""
    return _fitted("small", picture, SMALL_EDGE, SMALL_LIMIT)


def thumbnail(picture: Image.Image) -> Jpeg:
    """Encode a small picture for a list, in at most `THUMBNAIL_LIMIT` bytes."""
    return _fitted("thumbnail", picture, THUMBNAIL_EDGE, THUMBNAIL_LIMIT)


def _fitted(use: str, picture: Image.Image, edge: int, limit: int) -> Jpeg:
    """Lower the quality, then the size, until the JPEG fits; 16 pixels always do."""
    while True:
        scale = min(1.0, edge / max(picture.size))
        jpeg = _encoded(use, _resized(picture, *picture.size, scale), _SMALL_QUALITIES, limit)
        if len(jpeg.data) <= limit or edge <= 16:
            return jpeg
        edge = edge * 3 // 4


def _encoded(use: str, picture: Image.Image, qualities: tuple[int, ...], limit: int) -> Jpeg:
    """Encode with the first quality that gives at most `limit` bytes, or with the last.

    The search begins where the last picture for the same use fitted, since the slices of a series are alike.
    """
    at = _fitted_at.get(use, 0)
    data = _jpeg(picture, qualities[at])
    if len(data) <= limit:
        while at and len(better := _jpeg(picture, qualities[at - 1])) <= limit:
            at, data = at - 1, better
    while len(data) > limit and at + 1 < len(qualities):
        at += 1
        data = _jpeg(picture, qualities[at])
    _fitted_at[use] = at
    return Jpeg(data, *picture.size)


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
