"""What lies over an image: display shutters and overlay planes, as masks over its pixels.

References
----------
DICOM PS3.3 C.7.6.11 (Display Shutter), C.7.6.15 (Bitmap Display Shutter), C.9.2 (Overlay Plane); PS3.5 8.1.2.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from app.dicom.render import Grey, Pixels
from app.dicom.windows import numbers

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Shutter:
    """What is hidden, and the grey level, 0 to 255, that hides it."""

    hidden: Mask
    level: int


def read_shutter(dataset: Dataset, rows: int, columns: int) -> Shutter | None:
    """Read the display shutters of an image or a presentation state; what lies outside any of them is hidden.

    Parameters
    ----------
    dataset : pydicom.Dataset
        With the attributes 0018,1600 to 0018,1623; for a bitmap, the overlay plane too.
    rows, columns : int
        Size of the image.
    """
    shapes = dataset.get("ShutterShape") or ()
    masks = [
        _HIDDEN[shape](dataset, rows, columns)
        for shape in ([shapes] if isinstance(shapes, str) else shapes)
        if shape in _HIDDEN
    ]
    if not masks:
        return None
    return Shutter(np.logical_or.reduce(masks), int(dataset.get("ShutterPresentationValue") or 0) >> 8)


def _outside_rectangle(dataset: Dataset, rows: int, columns: int) -> Mask:
    hidden = np.ones((rows, columns), np.bool_)
    left, right, upper, lower = (
        int(dataset.get(f"Shutter{edge}Edge", default))
        for edge, default in (
            ("LeftVertical", 1),
            ("RightVertical", columns),
            ("UpperHorizontal", 1),
            ("LowerHorizontal", rows),
        )
    )
    hidden[max(upper - 1, 0) : max(lower, 0), max(left - 1, 0) : max(right, 0)] = False
    return hidden


def _outside_circle(dataset: Dataset, rows: int, columns: int) -> Mask:
    row, column = numbers(dataset.CenterOfCircularShutter)
    radius = float(dataset.RadiusOfCircularShutter)
    y, x = np.ogrid[1 : rows + 1, 1 : columns + 1]
    outside: Mask = (y - row) ** 2 + (x - column) ** 2 > radius**2
    return outside


def _outside_polygon(dataset: Dataset, rows: int, columns: int) -> Mask:
    vertices = numbers(dataset.VerticesOfThePolygonalShutter)
    picture = Image.new("1", (columns, rows), 1)
    points = [(column - 1, row - 1) for row, column in zip(vertices[::2], vertices[1::2], strict=True)]
    ImageDraw.Draw(picture).polygon(points, fill=0)
    return np.array(picture, np.bool_)


def _bitmap(dataset: Dataset, rows: int, columns: int) -> Mask:
    return read_overlay(dataset, int(dataset.ShutterOverlayGroup), 0, np.zeros((rows, columns), np.uint8))


_HIDDEN = {
    "RECTANGULAR": _outside_rectangle,
    "CIRCULAR": _outside_circle,
    "POLYGONAL": _outside_polygon,
    "BITMAP": _bitmap,
}


def overlay_groups(dataset: Dataset) -> Iterator[int]:
    """Give the groups of the overlay planes that a data set has."""
    yield from (group for group in range(0x6000, 0x6020, 2) if (group, 0x0010) in dataset)


def read_overlay(dataset: Dataset, group: int, index: int, cells: Pixels) -> Mask:
    """Give the pixels of a frame that an overlay plane covers.

    Parameters
    ----------
    dataset : pydicom.Dataset
        Whose plane it is.
    group : int
        0x6000 to 0x601E.
    index : int
        Frame of the image, from 0.
    cells : numpy.ndarray, shape (rows, columns[, 3])
        The cells of the frame, with all bits: a plane may lie in those that are not stored.
    """
    rows, columns = cells.shape[:2]
    mask = np.zeros((rows, columns), np.bool_)
    if (group, 0x3000) not in dataset:
        if cells.ndim == 2 and cells.dtype.kind in "iu":
            mask = cells.view(f"u{cells.itemsize}") >> _number(dataset, group, 0x0102, 0) & 1 > 0
        return mask
    frame = index + 1 - _number(dataset, group, 0x0051, 1)
    height, width = _number(dataset, group, 0x0010, rows), _number(dataset, group, 0x0011, columns)
    count = _number(dataset, group, 0x0015, 1)
    if count > 1 and not 0 <= frame < count:
        return mask
    plane = _bits(dataset, group, (frame if count > 1 else 0) * height * width, height * width)
    top, left = (int(value) - 1 for value in np.atleast_1d(_value(dataset, group, 0x0050, (1, 1))))
    _paste(mask, plane.reshape(height, width), top, left)
    return mask


def _bits(dataset: Dataset, group: int, first: int, count: int) -> Grey:
    """Give bits of the overlay data, which is packed across the boundaries of frames (PS3.5 8.1.2)."""
    data = np.frombuffer(dataset[group, 0x3000].value, np.uint8)
    if dataset[group, 0x3000].VR == "OW" and dataset.original_encoding[1] is False:
        data = data[: data.size // 2 * 2].view(np.uint16).byteswap().view(np.uint8)
    start = first // 8
    bits = np.unpackbits(data[start : start + count // 8 + 2], bitorder="little")[first - start * 8 :][:count]
    return np.pad(bits, (0, count - bits.size))


def _paste(mask: Mask, plane: Pixels, top: int, left: int) -> None:
    """Put a plane on the mask, whose corner may lie outside."""
    rows, columns = mask.shape
    bottom, right = min(top + plane.shape[0], rows), min(left + plane.shape[1], columns)
    if bottom > max(top, 0) and right > max(left, 0):
        mask[max(top, 0) : bottom, max(left, 0) : right] = plane[
            max(-top, 0) : bottom - top, max(-left, 0) : right - left
        ]


def _value(dataset: Dataset, group: int, element: int, default: Any) -> Any:
    found = dataset[group, element].value if (group, element) in dataset else None
    return default if found is None or found == "" else found


def _number(dataset: Dataset, group: int, element: int, default: int) -> int:
    return int(_value(dataset, group, element, default))
