"""Where a picture lies in the patient: the words at its edges, the order of slices, the shape of a pixel.

References
----------
DICOM PS3.3 C.7.6.2.1.1 (Image Position and Orientation), C.7.6.1.1.1 (Patient Orientation), 10.7.1.3 (spacing).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_HONEST_COSINE = math.cos(math.radians(40))  # past 40 degrees the next axis is nearly as near: no word is better
_TOLERANCE = 0.01  # direction cosines are written with few digits
_AXES = (("R", "L"), ("A", "P"), ("F", "H"))  # towards minus and plus x, y and z of the patient
_OPPOSITE = {"R": "L", "L": "R", "A": "P", "P": "A", "H": "F", "F": "H"}


@dataclass(frozen=True, slots=True)
class Edges:
    """What lies towards each edge: R, L, A, P, H or F; None where no word would be honest."""

    left: str | None
    right: str | None
    top: str | None
    bottom: str | None


def edge_words(image_orientation_patient: Sequence[float]) -> Edges | None:
    """Give the words for the edges of a slice.

    Parameters
    ----------
    image_orientation_patient : sequence of 6 float
        Direction cosines of the first row, then of the first column.

    Returns
    -------
    Edges or None
        None when the six numbers are no pair of orthogonal unit vectors.
    """
    directions = _directions(image_orientation_patient)
    if directions is None:
        return None
    (left, right), (top, bottom) = (_ends(vector) for vector in directions)
    return Edges(left, right, top, bottom)


def edges_of_projection(patient_orientation: Sequence[str]) -> Edges | None:
    """Give the words for the edges of a projection (CR, DX, MG) from its Patient Orientation (0020,0020).

    The first letter of each value is the main direction: towards the right edge, and towards the bottom.
    """
    if len(patient_orientation) != 2:
        return None
    right, bottom = (value[:1] for value in patient_orientation)
    if right not in _OPPOSITE or bottom not in _OPPOSITE:
        return None
    return Edges(_OPPOSITE[right], right, _OPPOSITE[bottom], bottom)


def slice_position(orientation: Sequence[float], position: Sequence[float]) -> float | None:
    """Give the distance, in mm, of a slice from the origin along the normal of its plane.

    Parameters
    ----------
    orientation : sequence of 6 float
        Image Orientation (Patient) (0020,0037).
    position : sequence of 3 float
        Image Position (Patient) (0020,0032), in mm.
    """
    directions = _directions(orientation)
    if directions is None or len(position) != 3 or not all(map(math.isfinite, position)):
        return None
    (a, b, c), (d, e, f) = directions
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    return _dot(normal, position)


def pixel_aspect(spacing: Sequence[float], ratio: Sequence[int]) -> float:
    """Give the height of a pixel in units of its width.

    Parameters
    ----------
    spacing : sequence of float
        Row spacing, then column spacing, in mm (Pixel Spacing, Imager Pixel Spacing); may be empty.
    ratio : sequence of int
        Pixel Aspect Ratio (0028,0034), vertical then horizontal; used without a spacing; may be empty.
    """
    for pair in (spacing, ratio):
        if len(pair) == 2 and all(math.isfinite(value) and value > 0 for value in pair):
            return float(pair[0]) / float(pair[1])
    return 1.0


def _directions(cosines: Sequence[float]) -> tuple[Sequence[float], Sequence[float]] | None:
    if len(cosines) != 6 or not all(map(math.isfinite, cosines)):
        return None
    row, column = cosines[:3], cosines[3:]
    unit = all(abs(_dot(vector, vector) - 1) < 2 * _TOLERANCE for vector in (row, column))
    return (row, column) if unit and abs(_dot(row, column)) < _TOLERANCE else None


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _ends(vector: Sequence[float]) -> tuple[str | None, str | None]:
    """Give the words for where a vector comes from and where it points to."""
    axis = max(range(3), key=lambda index: abs(vector[index]))
    if abs(vector[axis]) < _HONEST_COSINE:
        return None, None
    minus, plus = _AXES[axis]
    return (minus, plus) if vector[axis] > 0 else (plus, minus)
