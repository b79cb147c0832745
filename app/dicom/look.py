"""What a data set says about the look of its frames: the bridge from attributes to `render` and `geometry`.

References
----------
DICOM PS3.3 C.7.6.3 (Image Pixel), C.7.6.16 (Multi-frame Functional Groups: per frame beats shared beats the image).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.sequence import Sequence as Items

from app.dicom.geometry import Edges, edge_words, edges_of_projection, pixel_aspect, slice_position
from app.dicom.render import (
    Code,
    ColourLook,
    GreyLook,
    Look,
    Lut,
    NotRenderable,
    PaletteLook,
    VoiFunction,
    Window,
    stored_values,
)

CT_SOFT_TISSUE = Window(40, 400)  # HU: where a CT file has no window of its own
_FUNCTIONS = {function.value: function for function in VoiFunction}
_COLOURS = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
_KINDS = {
    "1.2.840.10008.5.1.4.1.1.88.59": "key object selection",
    "1.2.840.10008.5.1.4.1.1.88.": "structured report",
    "1.2.840.10008.5.1.4.1.1.104.": "encapsulated document",
    "1.2.840.10008.5.1.4.1.1.11.": "presentation state",
    "1.2.840.10008.5.1.4.1.1.9.": "waveform",
    "1.2.840.10008.5.1.4.1.1.481.": "radiotherapy object",
    "1.2.840.10008.5.1.4.1.1.66": "raw or derived data",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameLook:
    """One frame: how to render it, and what to say beside it.

    `window` is what `look` applies, None where it is the range of the frame, a VOI LUT or colour; `aspect` is the
    height of a pixel in units of its width; `slice_position` is in mm.
    """

    look: Look
    aspect: float
    window: Window | None
    edges: Edges | None
    slice_position: float | None


def kind_of(sop_class_uid: str) -> str:
    """Name what an object without pixel data is."""
    return next((kind for prefix, kind in _KINDS.items() if sop_class_uid.startswith(prefix)), "other object")


class Looks:
    """The looks of all frames of one data set.

    Parameters
    ----------
    dataset : pydicom.Dataset
        The attributes before the pixel data.

    Raises
    ------
    NotRenderable
        When the photometric interpretation or the bits are none that we can show truly.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._photometric = str(dataset.get("PhotometricInterpretation", "")).strip()
        self._bits_stored, self._high_bit = _bits(dataset)
        self._byte_order = ">" if dataset.original_encoding[1] is False else "<"
        self._colour = self._colour_look()

    def of_frame(self, index: int) -> FrameLook:
        """Give the look of a frame, counted from 0."""
        groups = _Groups(self._dataset, index)
        look = self._colour or self._grey_look(groups)
        orientation = _numbers(groups.value("PlaneOrientationSequence", "ImageOrientationPatient"))
        position = _numbers(groups.value("PlanePositionSequence", "ImagePositionPatient"))
        return FrameLook(
            look=look,
            aspect=self._aspect(groups),
            window=look.window if isinstance(look, GreyLook) else None,
            edges=self._edges(orientation),
            slice_position=slice_position(orientation, position),
        )

    def _edges(self, orientation: Sequence[float]) -> Edges | None:
        if self._dataset.get("AnatomicalOrientationType", "BIPED") != "BIPED":
            return None
        words = self._dataset.get("PatientOrientation") or ()
        return edge_words(orientation) or edges_of_projection([words] if isinstance(words, str) else list(words))

    def _aspect(self, groups: "_Groups") -> float:
        spacing = groups.value("PixelMeasuresSequence", "PixelSpacing") or self._dataset.get("ImagerPixelSpacing")
        return pixel_aspect(_numbers(spacing), [int(v) for v in _numbers(self._dataset.get("PixelAspectRatio"))])

    def _colour_look(self) -> Look | None:
        if self._photometric in {"MONOCHROME1", "MONOCHROME2"}:
            return None
        if self._photometric in _COLOURS:
            return ColourLook(self._bits_stored)
        if self._photometric == "PALETTE COLOR":
            return PaletteLook(_palette(self._dataset, self._byte_order, self._bits_stored, self._high_bit))
        raise NotRenderable(Code.UNKNOWN_PHOTOMETRIC, "The photometric interpretation is missing or not one we know.")

    def _grey_look(self, groups: "_Groups") -> GreyLook:
        dataset = self._dataset
        signed = bool(dataset.get("PixelRepresentation", 0))
        transform = groups.item("PixelValueTransformationSequence")
        voi = groups.item("FrameVOILUTSequence")
        window = next(_windows(voi), None)
        voi_lut = None if window else _lut(voi.get("VOILUTSequence"), self._byte_order, signed=signed)
        if not window and not voi_lut and dataset.get("Modality") == "CT" and "RescaleIntercept" in transform:
            window = CT_SOFT_TISSUE
        return GreyLook(
            bits_stored=self._bits_stored,
            high_bit=self._high_bit,
            signed=signed,
            slope=_number(transform.get("RescaleSlope"), 1.0),
            intercept=_number(transform.get("RescaleIntercept"), 0.0),
            modality_lut=_lut(dataset.get("ModalityLUTSequence"), self._byte_order, signed=signed),
            window=window,
            voi_lut=voi_lut,
            padding=_padding(dataset, signed=signed),
            inverted=self._photometric == "MONOCHROME1",
        )


class _Groups:
    """The functional groups of one frame."""

    def __init__(self, dataset: Dataset, index: int) -> None:
        frames = dataset.get("PerFrameFunctionalGroupsSequence") or ()
        shared = dataset.get("SharedFunctionalGroupsSequence") or ()
        self._levels = [*frames[index : index + 1], *shared[:1]]
        self._dataset = dataset

    def item(self, keyword: str) -> Dataset:
        """Give the item of a functional group macro; the data set itself where it has none."""
        for level in self._levels:
            if items := level.get(keyword):
                first: Dataset = items[0]
                return first
        return self._dataset

    def value(self, keyword: str, attribute: str) -> Any:
        return self.item(keyword).get(attribute)


def _bits(dataset: Dataset) -> tuple[int, int]:
    if "BitsStored" not in dataset:  # float pixel data has none
        return 0, 0
    allocated, stored = int(dataset.get("BitsAllocated") or 0), int(dataset.get("BitsStored") or 0)
    high = dataset.get("HighBit")
    high = stored - 1 if high is None else int(high)
    if not 1 <= stored <= allocated or not stored - 1 <= high < allocated:
        raise NotRenderable(Code.DECODER_FAILED, "Bits Allocated, Bits Stored and High Bit contradict each other.")
    return stored, high


def _numbers(value: Any) -> list[float]:
    """Give a DS, FD or IS value of any multiplicity as finite numbers, empty when one is none."""
    values = [] if value is None or value == "" else list(value) if isinstance(value, Sequence | Items) else [value]
    try:
        numbers = [float(item) for item in values]
    except (TypeError, ValueError):
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def _number(value: Any, default: float) -> float:
    numbers = _numbers(value)
    return numbers[0] if numbers else default


def _windows(voi: Dataset) -> Iterator[Window]:
    """Give the windows that are valid (PS3.3 C.11.2.1.2: width at least 1, or above 0), in the order of the file."""
    function = _FUNCTIONS.get(str(voi.get("VOILUTFunction") or "LINEAR"))
    for center, width in zip(_numbers(voi.get("WindowCenter")), _numbers(voi.get("WindowWidth")), strict=False):
        if function and (width >= 1 or (width > 0 and function is not VoiFunction.LINEAR)):
            yield Window(center, width, function)


def _lut(items: Any, byte_order: str, *, signed: bool) -> Lut | None:
    """Read a LUT: number of entries (0 for 65,536), first input, bits an entry (PS3.3 C.11.1.1.1)."""
    if not items:
        return None
    count, first, bits = (int(value) for value in items[0].LUTDescriptor)
    count = count or 1 << 16
    raw = items[0].get("LUTData") or b""
    entries = _entries(raw, count, byte_order) if isinstance(raw, bytes) else np.array(raw, np.int64) & 0xFFFF
    if not entries.size or not 1 <= bits <= 16:
        raise NotRenderable(Code.DECODER_FAILED, "A look-up table is empty or its descriptor is wrong.")
    first -= 1 << 16 if signed and first >= 1 << 15 else 0
    return Lut(first, tuple(entries[:count].tolist()), bits)


def _entries(raw: bytes, count: int, byte_order: str) -> NDArray[Any]:
    """Read the entries of a table, of 8 or 16 bits as its length says."""
    wide = len(raw) >= 2 * count
    return np.frombuffer(raw[: 2 * count if wide else count], byte_order + "u2" if wide else "u1")


def _padding(dataset: Dataset, *, signed: bool) -> tuple[int, int] | None:
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return None
    ends = [value, dataset.get("PixelPaddingRangeLimit", value)]
    wrap = 1 << int(dataset.BitsAllocated)
    low, high = sorted(int(end) - wrap if signed and int(end) >= wrap // 2 else int(end) for end in ends)
    return low, high


def _palette(dataset: Dataset, byte_order: str, bits_stored: int, high_bit: int) -> bytes:
    """Give the colour of every bit pattern of a cell, 8 bits each (PS3.3 C.7.6.3.1.5 and C.7.9)."""
    if int(dataset.BitsAllocated) not in {8, 16}:
        raise NotRenderable(Code.DECODER_FAILED, "A palette goes with 8 or 16 bits allocated.")
    signed = bool(dataset.get("PixelRepresentation", 0))
    count, first, bits = (int(value) for value in dataset.RedPaletteColorLookupTableDescriptor)
    count = count or 1 << 16
    first -= 1 << 16 if signed and first >= 1 << 15 else 0
    if "SegmentedRedPaletteColorLookupTableData" in dataset:
        entries = _expanded(dataset, np.arange(first, first + count), bits)
    else:
        raw = (dataset[f"{colour}PaletteColorLookupTableData"].value for colour in ("Red", "Green", "Blue"))
        entries = np.stack([_entries(channel, count, byte_order) for channel in raw], axis=-1)
    if entries.max() > 255:  # else they are of 8 bits, whatever the descriptor says
        entries = entries >> 8
    values = stored_values(np.arange(1 << int(dataset.BitsAllocated)), bits_stored, high_bit, signed=signed)
    colours: NDArray[Any] = entries[np.clip(values - first, 0, len(entries) - 1)]
    return colours.astype(np.uint8).tobytes()


def _expanded(dataset: Dataset, inputs: NDArray[Any], bits: int) -> NDArray[Any]:
    if bits == 8 and len(inputs) > 256:
        raise NotRenderable(Code.DECODER_FAILED, "A segmented palette of 8 bits has at most 256 entries here.")
    return apply_color_lut(inputs, dataset)[..., :3]
