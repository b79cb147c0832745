"""A frame to a picture, step by step: look, display shutter, overlay planes.

References
----------
DICOM PS3.4 N.2 (order of the transformations).
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from app.dicom.frames import Frame, PixelSource
from app.dicom.look import Looks, Wishes
from app.dicom.planes import overlay_groups, read_overlay, read_shutter
from app.dicom.render import Grey, frame_pixels

_OVERLAY_LEVEL = 255


class Drawing:
    """Draws the frames of one instance.

    Parameters
    ----------
    source : PixelSource
        The instance.
    wishes : Wishes
        What is asked of the look.
    overlays : bool
        Whether the image's own overlay planes are drawn in; those that a presentation state activates always are.

    Raises
    ------
    NotRenderable
        When the photometric interpretation or the bits are none that we can show truly.
    """

    def __init__(self, source: PixelSource, wishes: Wishes, *, overlays: bool = False) -> None:
        self.looks = Looks(source.dataset, wishes)
        self._dataset, self.state, self._overlays = source.dataset, wishes.state, overlays
        shuttered = wishes.state.dataset if wishes.state else source.dataset
        self._shutter = read_shutter(shuttered, int(source.dataset.Rows), int(source.dataset.Columns))

    def draw(self, frame: Frame, index: int) -> Image.Image:
        """Draw a frame, counted from 0, pixel by pixel."""
        pixels = frame_pixels(frame.cells, self.looks.look_of(index), ybr=frame.photometric == "YBR_FULL")
        return Image.fromarray(self._covered(pixels, frame, index))

    def placed(self, picture: Image.Image, index: int) -> tuple[Image.Image, float]:
        """Cut, turn and flip a picture as the presentation state says; with the height of its pixels in widths."""
        aspect = self.looks.aspect_of(index)
        if self.state is None:
            return picture, aspect
        moved = self.state.moved(picture, self._dataset, index + 1)
        return moved, 1 / aspect if self.state.turns_sideways else aspect

    def _covered(self, pixels: Grey, frame: Frame, index: int) -> Grey:
        covers = [(self._shutter.hidden, self._shutter.level)] if self._shutter else []
        covers += [
            (read_overlay(dataset, group, index, frame.cells), _OVERLAY_LEVEL) for dataset, group in self._planes()
        ]
        if covers:
            pixels = pixels.copy()
        for mask, level in covers:
            pixels[mask] = level
        return np.ascontiguousarray(pixels)

    def _planes(self) -> Iterator[tuple[Dataset, int]]:
        if self.state:
            yield from self.state.overlay_groups(self._dataset)
        elif self._overlays:
            yield from ((self._dataset, group) for group in overlay_groups(self._dataset))
