"""Grayscale Softcopy Presentation States: how somebody wanted images to be seen.

References
----------
DICOM PS3.3 A.33.1, C.11.10 (Presentation State Relationship), C.11.8 (Softcopy VOI LUT), C.11.6 (Softcopy Presentation
LUT), C.10.4 (Displayed Area), C.10.6 (Spatial Transformation); PS3.4 N.2.
"""

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset

from app.dicom.luts import read_lut
from app.dicom.render import Code, GreyLook, NotRenderable, VoiFunction, Window

_GRAYSCALE = "1.2.840.10008.5.1.4.1.1.11.1"
_QUARTER_TURNS = {
    90: Image.Transpose.ROTATE_270,  # Pillow turns the other way round
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


class PresentationState:
    """One presentation state.

    Parameters
    ----------
    file : bytes
        A PS3.10 file.

    Raises
    ------
    NotRenderable
        When it is no Grayscale Softcopy Presentation State (`Code.PRESENTATION_STATE`).
    """

    def __init__(self, file: bytes) -> None:
        self.dataset = dcmread(io.BytesIO(file), force=True)
        if self.dataset.get("SOPClassUID") != _GRAYSCALE:
            raise NotRenderable(Code.PRESENTATION_STATE, "It is no Grayscale Softcopy Presentation State.")

    def check(self, image: Dataset, frame: int) -> None:
        """Refuse an image or frame (from 1) that the presentation state does not refer to."""
        if not self.concerns(image, frame):
            raise NotRenderable(Code.PRESENTATION_STATE, "The presentation state is one of other images.")

    def concerns(self, image: Dataset, frame: int) -> bool:
        """Tell whether the presentation state refers to an image and a frame of it, from 1."""
        series = self.dataset.get("ReferencedSeriesSequence") or ()
        images = [item for one in series for item in one.get("ReferencedImageSequence") or ()]
        return any(_refers(item, image, frame) for item in images)

    def voi_of(self, image: Dataset, frame: int) -> Dataset:
        """Give the item that holds the VOI LUT for a frame, from 1; an empty one where all values are shown."""
        return self._item_for("SoftcopyVOILUTSequence", image, frame)

    def _item_for(self, keyword: str, image: Dataset, frame: int) -> Dataset:
        """Give the item for a frame; one without references is for all."""
        for item in self.dataset.get(keyword) or ():
            images = item.get("ReferencedImageSequence") or ()
            if not images or any(_refers(one, image, max(frame, 1)) for one in images):
                found: Dataset = item
                return found
        return Dataset()

    def applied(self, look: GreyLook) -> GreyLook:
        """Give the look with the presentation LUT; the photometric interpretation does not count (PS3.3 C.11.6)."""
        byte_order = "<" if self.dataset.original_encoding[1] else ">"
        lut = read_lut(self.dataset.get("PresentationLUTSequence"), byte_order, signed=False)
        look = replace(
            look, inverted=self.dataset.get("PresentationLUTShape") == "INVERSE", padding=None, presentation_lut=lut
        )
        return look if look.window or look.voi_lut else replace(look, window=_whole_range(look))

    def moved(self, picture: Image.Image, image: Dataset, frame: int) -> Image.Image:
        """Cut out the displayed area, then turn and flip (PS3.3 C.10.4 and C.10.6)."""
        area = self._item_for("DisplayedAreaSelectionSequence", image, frame)
        corners = [area.get(f"DisplayedArea{at}HandCorner") for at in ("TopLeft", "BottomRight")]
        if all(corner is not None and len(corner) == 2 for corner in corners):
            (left, right), (top, bottom) = (sorted(int(corner[at]) for corner in corners) for at in (0, 1))
            picture = picture.crop((left - 1, top - 1, right, bottom))
        if turn := _QUARTER_TURNS.get(int(self.dataset.get("ImageRotation") or 0)):
            picture = picture.transpose(turn)
        if self.dataset.get("ImageHorizontalFlip") == "Y":
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return picture

    @property
    def turns_sideways(self) -> bool:
        """Whether rows become columns."""
        return int(self.dataset.get("ImageRotation") or 0) in {90, 270}

    def overlay_groups(self, image: Dataset) -> Iterator[tuple[Dataset, int]]:
        """Give the overlay planes that are activated: of the state itself, or of the image (PS3.3 C.11.7)."""
        for group in range(0x6000, 0x6020, 2):
            if (group, 0x1001) in self.dataset and self.dataset[group, 0x1001].value:
                yield (self.dataset if (group, 0x3000) in self.dataset else image), group


def _refers(item: Dataset, image: Dataset, frame: int) -> bool:
    if item.get("ReferencedSOPInstanceUID") != image.get("SOPInstanceUID"):
        return False
    frames = item.get("ReferencedFrameNumber")
    return not frames or frame in np.atleast_1d(frames).astype(int)


def _whole_range(look: GreyLook) -> Window:
    """Give the window of all values that there can be after the modality LUT."""
    if look.modality_lut:
        low, high = 0.0, float((1 << look.modality_lut.bits) - 1)
    else:
        first = -(1 << look.bits_stored - 1) if look.signed else 0
        ends = [value * look.slope + look.intercept for value in (first, first + (1 << look.bits_stored) - 1)]
        low, high = min(ends), max(ends)
    return Window((low + high) / 2, (high - low) or 1.0, VoiFunction.LINEAR_EXACT)
