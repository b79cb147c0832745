"""Edge words, slice positions and pixel shapes, against planes worked out by hand and by numpy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dicom.geometry import Edges, edge_words, edges_of_projection, pixel_aspect, slice_position

AXIAL = [1, 0, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("orientation", "edges"),
    [
        (AXIAL, Edges("R", "L", "A", "P")),
        ([0, 1, 0, 0, 0, -1], Edges("A", "P", "H", "F")),  # sagittal
        ([1, 0, 0, 0, 0, -1], Edges("R", "L", "H", "F")),  # coronal
        ([-1, 0, 0, 0, -1, 0], Edges("L", "R", "P", "A")),  # prone
        ([0.8, 0.6, 0, -0.6, 0.8, 0], Edges("R", "L", "A", "P")),  # turned by 37 degrees
    ],
)
def test_words_of_the_common_planes(orientation, edges):
    assert edge_words(orientation) == edges


def test_no_word_where_two_directions_are_equally_near():
    half = math.sqrt(0.5)
    assert edge_words([half, half, 0, 0, 0, -1]) == Edges(None, None, "H", "F")


@pytest.mark.parametrize(
    "broken",
    [
        [],
        [1, 0, 0],
        [1, 0, 0, 1, 0, 0],
        [2, 0, 0, 0, 1, 0],
        [0] * 6,
        [math.nan, 0, 0, 0, 1, 0],
        [1, 0, 0, 0.1, 0.99, 0],
    ],
)
def test_numbers_that_are_no_plane_give_no_words(broken):
    assert edge_words(broken) is None
    assert slice_position(broken, [0, 0, 0]) is None


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        (["L", "F"], Edges("R", "L", "H", "F")),
        (["AL", "FL"], Edges("P", "A", "H", "F")),
        (["P", "FR"], Edges("A", "P", "H", "F")),
        (["LEFT"], None),
        (["X", "F"], None),
        (["", ""], None),
        ([], None),
    ],
)
def test_words_of_projections_come_from_patient_orientation(values, edges):
    assert edges_of_projection(values) == edges


angles = st.floats(-math.pi, math.pi)


@given(angles, angles, angles, st.lists(st.floats(-500, 500), min_size=3, max_size=3))
def test_position_is_along_the_normal_of_any_plane(a, b, c, position):
    z = np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    y = np.array([[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]])
    x = np.array([[1, 0, 0], [0, math.cos(c), -math.sin(c)], [0, math.sin(c), math.cos(c)]])
    turn = z @ y @ x
    row, column = turn[:, 0], turn[:, 1]
    found = slice_position([*row, *column], position)
    assert found == pytest.approx(float(np.cross(row, column) @ np.array(position)), abs=1e-6)
    words = edge_words([*row, *column])
    nearest = "LPH"[int(np.argmax(np.abs(row)))]
    if words.right:
        assert nearest in {words.left, words.right}
        assert np.max(np.abs(row)) >= math.cos(math.radians(41))


def test_axial_slices_sort_from_feet_to_head():
    assert slice_position(AXIAL, [-10, 20, 35.5]) == 35.5
    assert slice_position(AXIAL, [0, 0]) is None
    assert slice_position(AXIAL, [0, 0, math.inf]) is None


@pytest.mark.parametrize(
    ("spacing", "ratio", "aspect"),
    [
        ([0.5, 0.5], [], 1.0),
        ([1.0, 0.5], [], 2.0),
        ([], [4, 3], 4 / 3),
        ([0.0, 1.0], [], 1.0),
        ([0.5], [2, 1], 2.0),
        ([], [], 1.0),
        ([math.nan, 1], [0, 1], 1.0),
    ],
)
def test_pixel_shapes(spacing, ratio, aspect):
    assert pixel_aspect(spacing, ratio) == aspect
