"""What a data set says about the look of its frames: the bridge from attributes to `render` and `geometry`.

References
----------
DICOM PS3.3 C.7.6.3 (Image Pixel), C.7.6.16 (Multi-frame Functional Groups: per frame beats shared beats the image).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydicom.dataset import Dataset

from app.dicom.charset import character_sets, decode_text
from app.dicom.geometry import Edges, edge_words, edges_of_projection, pixel_aspect, slice_position
from app.dicom.luts import read_lut, read_palette
from app.dicom.presentation import PresentationState
from app.dicom.render import Code, ColourLook, GreyLook, Look, NotRenderable, PaletteLook, SupplementedLook, Window
from app.dicom.windows import SOFT_TISSUE, Preset, file_windows, number, numbers, presets

_COLOURS = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What may be asked of a look: the name of a preset, a window or the place of one, a presentation state, ICC."""

    preset: str | None = None
    window: Window | None = None
    window_index: int = 0
    state: PresentationState | None = None
    to_srgb: bool = True


_NO_WISHES = Wishes()


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

    def __init__(self, dataset: Dataset, wishes: Wishes = _NO_WISHES) -> None:
        self._dataset, self._wishes = dataset, wishes
        self._photometric = str(dataset.get("PhotometricInterpretation", "")).strip()
        self._bits_stored, self._high_bit = _bits(dataset)
        self._byte_order = ">" if dataset.original_encoding[1] is False else "<"
        self._colour = self._colour_look()

    def of_frame(self, index: int) -> FrameLook:
        """Give the look of a frame, counted from 0, and where it lies."""
        groups = _Groups(self._dataset, index)
        look = self.look_of(index)
        grey = look.grey if isinstance(look, SupplementedLook) else look
        orientation = numbers(groups.value("PlaneOrientationSequence", "ImageOrientationPatient"))
        position = numbers(groups.value("PlanePositionSequence", "ImagePositionPatient"))
        return FrameLook(
            look=look,
            aspect=self.aspect_of(index),
            window=grey.window if isinstance(grey, GreyLook) else None,
            edges=self._edges(orientation),
            slice_position=slice_position(orientation, position),
        )

    def look_of(self, index: int) -> Look:
        """Give only the look of a frame."""
        if self._colour:
            return self._colour
        grey = self._grey_look(_Groups(self._dataset, index), index)
        return SupplementedLook(grey, *self._supplement) if self._supplement else grey

    def aspect_of(self, index: int) -> float:
        """Give the height of a frame's pixels in units of their width."""
        spacing = _Groups(self._dataset, index).value("PixelMeasuresSequence", "PixelSpacing")
        spacing = spacing or self._dataset.get("ImagerPixelSpacing")
        return pixel_aspect(numbers(spacing), [int(v) for v in numbers(self._dataset.get("PixelAspectRatio"))])

    @cached_property
    def _supplement(self) -> tuple[PaletteLook, int] | None:
        """The palette that some values of a grey image have, such as a perfusion map, and the first of them."""
        dataset = self._dataset
        descriptor = dataset.get("RedPaletteColorLookupTableDescriptor")
        if dataset.get("PixelPresentation") not in {"COLOR", "MIXED"} or descriptor is None:
            return None
        table = read_palette(dataset, self._byte_order, self._bits_stored, self._high_bit)
        return PaletteLook(table), int(descriptor[1])

    def _edges(self, orientation: Sequence[float]) -> Edges | None:
        if self._dataset.get("AnatomicalOrientationType", "BIPED") != "BIPED":
            return None
        words = self._dataset.get("PatientOrientation") or ()
        return edge_words(orientation) or edges_of_projection([words] if isinstance(words, str) else list(words))

    def _colour_look(self) -> Look | None:
        if self._photometric in {"MONOCHROME1", "MONOCHROME2"}:
            return None
        profile = icc_profile(self._dataset) if self._wishes.to_srgb else None
        if self._photometric in _COLOURS:
            return ColourLook(self._bits_stored, self._high_bit, profile)
        if self._photometric == "PALETTE COLOR":
            table = read_palette(self._dataset, self._byte_order, self._bits_stored, self._high_bit)
            return PaletteLook(table, profile)
        raise NotRenderable(Code.UNKNOWN_PHOTOMETRIC, "The photometric interpretation is missing or not one we know.")

    def _grey_look(self, groups: "_Groups", index: int) -> GreyLook:
        if not groups.levels:
            index = -1
        return self._grey_looks.get(index) or self._grey_looks.setdefault(index, self._new_grey_look(groups, index))

    @cached_property
    def _grey_looks(self) -> dict[int, GreyLook]:
        """Looks made already; -1 stands for all frames that are alike."""
        return {}

    def _new_grey_look(self, groups: "_Groups", index: int) -> GreyLook:
        dataset, state = self._dataset, self._wishes.state
        signed = bool(dataset.get("PixelRepresentation", 0))
        modality = state.dataset if state else groups.item("PixelValueTransformationSequence")
        voi = state.voi_of(dataset, index + 1) if state else groups.item("FrameVOILUTSequence")
        intercept = number(modality.get("RescaleIntercept"), 0.0)
        window = self._window(voi, modality)
        negative = signed or intercept < 0
        lut = None if window else read_lut(voi.get("VOILUTSequence"), self._byte_order, signed=negative)
        look = GreyLook(
            bits_stored=self._bits_stored,
            high_bit=self._high_bit,
            signed=signed,
            slope=number(modality.get("RescaleSlope"), 1.0),
            intercept=intercept,
            modality_lut=read_lut(
                (state.dataset if state else dataset).get("ModalityLUTSequence"), self._byte_order, signed=signed
            ),
            window=window if lut or window else self._default_window(voi, modality),
            voi_lut=lut,
            padding=_padding(dataset, signed=signed),
            inverted=self._photometric == "MONOCHROME1",
        )
        return state.applied(look) if state else look

    def _window(self, voi: Dataset, modality: Dataset) -> Window | None:
        """Choose a window: the one wished for, else the first valid one of the file."""
        wishes, own = self._wishes, list(file_windows(voi))
        if wishes.window:
            return wishes.window
        offered = [*own, *_unit_presets(self._dataset, modality)] if wishes.preset else []
        if found := next((preset for preset in offered if preset.name == wishes.preset), None):
            return found.window
        chosen = own[wishes.window_index : wishes.window_index + 1] or own[:1]
        return chosen[0].window if chosen else None

    def _default_window(self, voi: Dataset, modality: Dataset) -> Window | None:
        """Choose where the file has no window: soft tissue for Hounsfield units, else the range of the frame.

        A window of width 0 asks for that range, too.
        """
        asks_for_range = "WindowCenter" in voi or self._wishes.state
        return SOFT_TISSUE.window if not asks_for_range and _unit_presets(self._dataset, modality) else None


def offered_presets(dataset: Dataset) -> tuple[Preset, ...]:
    """Give the windows that an instance can be shown in beside its default."""
    groups = _Groups(dataset, 0)
    own = list(file_windows(groups.item("FrameVOILUTSequence")))
    default = own[0].window if own else SOFT_TISSUE.window
    others = [*own[1:], *_unit_presets(dataset, groups.item("PixelValueTransformationSequence"))]
    return tuple(preset for preset in others if preset.window != default)


def _unit_presets(dataset: Dataset, modality: Dataset) -> tuple[Preset, ...]:
    """Give the presets that the unit of the values allows: Hounsfield units alone have some."""
    if "RescaleIntercept" not in modality or str(modality.get("RescaleType") or "HU") not in {"HU", "US"}:
        return ()
    words = " ".join(_text(dataset, tag) for tag in (0x00081030, 0x0008103E))
    return presets(str(dataset.get("Modality", "")), str(dataset.get("BodyPartExamined") or ""), words)


def _text(dataset: Dataset, tag: int) -> str:
    element: Any = dataset.get_item(tag, keep_deferred=True)
    if element is None or not isinstance(element.value, bytes):
        return ""
    charset = dataset.get("SpecificCharacterSet") or ""
    declared = "\\".join([charset] if isinstance(charset, str) else charset)
    return decode_text(element.value, character_sets(declared.encode("ascii", "replace")), "LO")


def icc_profile(dataset: Dataset) -> bytes | None:
    """Give the ICC profile of the colours, which a slide has for each optical path (PS3.3 C.11.15, C.8.12.5)."""
    paths = dataset.get("OpticalPathSequence") or ()
    found = dataset.get("ICCProfile") or next((path.get("ICCProfile") for path in paths), None)
    return bytes(found) if found else None


class _Groups:
    """The functional groups of one frame."""

    def __init__(self, dataset: Dataset, index: int) -> None:
        frames = dataset.get("PerFrameFunctionalGroupsSequence") or ()
        shared = dataset.get("SharedFunctionalGroupsSequence") or ()
        self.levels = [*frames[index : index + 1], *shared[:1]]
        self._dataset = dataset

    def item(self, keyword: str) -> Dataset:
        """Give the item of a functional group macro; the data set itself where it has none."""
        for level in self.levels:
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


def _padding(dataset: Dataset, *, signed: bool) -> tuple[float, float] | None:
    for kind in ("Float", "DoubleFloat"):
        if (value := dataset.get(f"{kind}PixelPaddingValue")) is not None:
            ends = sorted((float(value), float(dataset.get(f"{kind}PixelPaddingRangeLimit", value))))
            return ends[0], ends[1]
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return None
    ends = [value, dataset.get("PixelPaddingRangeLimit", value)]
    wrap = 1 << int(dataset.BitsAllocated)
    low, high = sorted(int(end) - wrap if signed and int(end) >= wrap // 2 else int(end) for end in ends)
    return low, high
