"""The anatomy of the phantom: an idealised chest in Hounsfield units, drawn slice by slice.

Shapes are ellipses, ellipsoids and tubes in millimetres, painted one over the other with edges one pixel soft. It is a
figure to try software with, not a model of anybody.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

COLUMNS = 512
PIXEL = 360 / COLUMNS
"""Millimetres; rows and columns alike."""
SLICES = 140
INTERVAL = 2.0
"""Millimetres from one slice to the next."""
EDGE = -(COLUMNS - 1) / 2 * PIXEL
"""x and y of the centre of the first pixel: the middle of the plane is the origin."""
NODULE = (-95.0, 30.0, 20.0)
"""Centre of the nodule in the right lung, 4 mm across: seen on one thin slice."""

_AIR, _LUNG, _FAT, _MUSCLE, _BLOOD, _LIVER, _DISC, _MARROW, _CORTEX = -1000, -860, -95, 55, 42, 60, 80, 190, 700
_RIB_DISTANCE = 26.0
_VERTEBRA = 24.0

Plane = NDArray[np.float32]
_AXIS: Plane = (EDGE + PIXEL * np.arange(COLUMNS)).astype(np.float32)
_Point = NDArray[np.float64]


def height(index: int) -> float:
    """Return z of a slice, in millimetres; slice 0 is nearest the feet."""
    return (index - SLICES // 2) * INTERVAL


def volume() -> NDArray[np.int16]:
    """Draw the chest: Hounsfield units, shape (slices, rows, columns), feet first, front and right first."""
    hu = np.empty((SLICES, COLUMNS, COLUMNS), np.int16)
    cage = _Cage()
    vessels = _vessels(np.random.default_rng(7))
    for index in range(SLICES):
        hu[index] = _draw(height(index), cage, vessels)
    return hu


def _draw(z: float, cage: "_Cage", vessels: NDArray[np.float64]) -> Plane:
    canvas = _Canvas(z)
    girth = 1 - 0.05 * z / 140
    canvas.ellipse(0, 0, 168 * girth, 118 * girth, _FAT)
    canvas.ellipse(0, 2, 154 * girth, 104 * girth, _MUSCLE)
    cage.paint_ribs(canvas)
    right = canvas.ellipsoid(-68, 0, -15, 62, 84, 150, _LUNG)
    left = canvas.ellipsoid(68, 0, -15, 60, 84, 150, _LUNG)
    lungs = np.maximum(right, left)
    _paint_vessels(canvas, vessels, lungs)
    _paint_middle(canvas, z)
    _paint_spine(canvas, z)
    return canvas.plane


def _paint_middle(canvas: "_Canvas", z: float) -> None:
    canvas.ellipse(0, -5, 24, 52, _FAT)  # mediastinum
    canvas.ellipsoid(26, -22, -45, 55, 48, 58, _BLOOD)  # heart
    canvas.ellipsoid(14, -20, -42, 24, 30, 40, _BLOOD + 6)
    canvas.ellipsoid(-68, 4, -150, 72, 92, 82, _LIVER)
    canvas.ellipsoid(66, 8, -160, 66, 84, 76, _LIVER - 12)  # spleen and stomach
    canvas.ellipse(20, 40, 12.5, 12.5, _BLOOD)  # descending aorta
    if z > 0:
        canvas.ellipse(-8 + 0.1 * z, -18, 14, 14, _BLOOD)  # ascending aorta, then the arch
        canvas.ellipse(-26, -12, 9, 9, _BLOOD)  # superior vena cava
    if z > 20:
        canvas.ellipse(0, 12, 10.5, 10.5, _MUSCLE)
        canvas.ellipse(0, 12, 9, 9, _AIR)  # trachea
    else:
        for side in (-1, 1):  # main bronchi, below the carina
            reach = 0.9 * (20 - z)
            if reach < 45:
                canvas.ellipse(side * (6 + reach), 12, 7.5, 7.5, _MUSCLE)
                canvas.ellipse(side * (6 + reach), 12, 6, 6, _AIR)
    canvas.ellipse(0, -97, 18, 7, _CORTEX - 300)  # sternum
    canvas.ellipse(0, -97, 15, 4.5, _MARROW)


def _paint_spine(canvas: "_Canvas", z: float) -> None:
    offset = abs((z % _VERTEBRA) - _VERTEBRA / 2)
    disc = offset > _VERTEBRA / 2 - 2.5
    canvas.ellipse(0, 62, 20, 16, _DISC if disc else _CORTEX)
    if not disc:
        canvas.ellipse(0, 62, 18, 14, _MARROW)
    canvas.ellipse(0, 87, 14, 11, _CORTEX)
    canvas.ellipse(0, 86, 9, 8, 25)  # the canal
    if offset < 7:
        canvas.ellipse(0, 100, 3.5, 12, _CORTEX - 150)  # spinous process
        canvas.ellipse(-24, 86, 14, 4.5, _CORTEX - 200)
        canvas.ellipse(24, 86, 14, 4.5, _CORTEX - 200)


class _Canvas:
    """One plane and the pencil to paint it with."""

    def __init__(self, z: float) -> None:
        self.z = z
        self.plane: Plane = np.full((COLUMNS, COLUMNS), _AIR, np.float32)

    def ellipse(self, x: float, y: float, a: float, b: float, hu: float) -> Plane:
        """Paint an ellipse of semi-axes `a` (across) and `b`; returns its coverage, 0 to 1, of the whole plane."""
        rows, columns = _span(y, b), _span(x, a)
        across = ((_AXIS[columns] - x) / a) ** 2
        down = ((_AXIS[rows] - y) / b) ** 2
        # 1 - q falls off twice as fast as the distance from the edge does, counted in shorter semi-axes.
        inside = (1 - across - down[:, np.newaxis]) * (min(a, b) / (2 * PIXEL)) + 0.5
        coverage = np.zeros_like(self.plane)
        coverage[rows, columns] = np.clip(inside, 0, 1)
        window = self.plane[rows, columns]
        window += coverage[rows, columns] * (hu - window)
        return coverage

    def ellipsoid(self, x: float, y: float, z: float, a: float, b: float, c: float, hu: float) -> Plane:
        """Paint what this plane cuts out of an ellipsoid; returns its coverage."""
        cut = 1 - ((self.z - z) / c) ** 2
        if cut <= 0:
            return np.zeros_like(self.plane)
        return self.ellipse(x, y, a * cut**0.5, b * cut**0.5, hu)


def _span(centre: float, radius: float) -> slice:
    first = int(np.floor((centre - radius - EDGE) / PIXEL)) - 1
    last = int(np.ceil((centre + radius - EDGE) / PIXEL)) + 2
    return slice(max(first, 0), max(min(last, COLUMNS), 0))


class _Cage:
    """The ribs: arcs of an elliptical ring that slope down from the spine to the breastbone."""

    def __init__(self) -> None:
        x, y = _AXIS[np.newaxis, :], _AXIS[:, np.newaxis] - 2
        self._q = (x / 138) ** 2 + (y / 95) ** 2
        # 0 at the spine, 1 at the breastbone.
        self._forward = np.arccos(y / np.maximum(np.hypot(x, y), 1)) / np.pi

    def paint_ribs(self, canvas: _Canvas) -> None:
        """Paint the parts of all ribs that this plane cuts."""
        scale = 1 - (max(canvas.z, 0) / 190) ** 2
        distance = (np.sqrt(self._q / scale) - 1) * 95  # millimetres outside the pleura, near enough
        along = (canvas.z + 95 * self._forward) % _RIB_DISTANCE - _RIB_DISTANCE / 2
        depth = np.minimum(4.0 - np.abs(distance - 1), 5.0 - np.abs(along))
        cartilage = self._forward > 0.86
        bone = np.where(cartilage, 110, np.where(depth > 1.6, 280, _CORTEX)).astype(np.float32)
        coverage = np.clip(depth / PIXEL + 0.5, 0, 1)
        canvas.plane += coverage * (bone - canvas.plane)


def _vessels(random: np.random.Generator) -> NDArray[np.float64]:
    """Grow two trees of vessels from the hila; returns balls (x, y, z, radius), shape (n, 4), sorted by z."""
    balls = [np.array([[*NODULE, 2.0]])]
    for side in (-1, 1):
        hilum = np.array([side * 30.0, 8.0, -5.0])
        for _ in range(22):
            direction = np.array([side * random.uniform(0.1, 1), random.uniform(-1, 1), random.uniform(-1.3, 1.3)])
            balls += _branch(random, hilum, direction, radius=4.0)
    every = np.concatenate(balls)
    return every[np.argsort(every[:, 2])]


def _branch(random: np.random.Generator, start: _Point, direction: _Point, *, radius: float) -> Iterator[_Point]:
    direction = direction / np.linalg.norm(direction)
    length = 9 * radius + 4
    steps = np.arange(0, length, max(radius * 0.6, 0.8))[:, np.newaxis]
    yield np.hstack([start + steps * direction, np.full_like(steps, radius)])
    if radius > 0.8:
        for _ in range(2):
            turned = direction + random.normal(0, 0.5, 3)
            yield from _branch(random, start + length * direction, turned, radius=radius * 0.7)


def _paint_vessels(canvas: _Canvas, vessels: NDArray[np.float64], lungs: Plane) -> None:
    first, last = np.searchsorted(vessels[:, 2], (canvas.z - 4, canvas.z + 4))
    for x, y, z, radius in vessels[first:last]:
        cut = radius**2 - (canvas.z - z) ** 2
        if cut <= 0:
            continue
        rows, columns = _span(y, radius), _span(x, radius)
        distance = np.hypot(_AXIS[columns] - x, (_AXIS[rows] - y)[:, np.newaxis])
        coverage = np.clip((cut**0.5 - distance) / PIXEL + 0.5, 0, 1) * lungs[rows, columns]
        window = canvas.plane[rows, columns]
        np.maximum(window, _LUNG + coverage * (_BLOOD - _LUNG), out=window)
