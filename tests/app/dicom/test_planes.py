"""Shutters and overlay planes, pixel by pixel."""

from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread

from app.dicom.planes import overlay_groups, read_overlay, read_shutter
from tests.app.dicom.samples import file_of, image

CELLS = np.zeros((4, 6), np.uint16)


def stored(**attributes):
    return dcmread(BytesIO(file_of(image(CELLS, **attributes))))


def hidden(dataset, rows=4, columns=6):
    return read_shutter(dataset, rows, columns).hidden.astype(int).tolist()


def test_a_rectangular_shutter_shows_from_edge_to_edge():
    dataset = stored(
        ShutterShape="RECTANGULAR",
        ShutterLeftVerticalEdge=2,
        ShutterRightVerticalEdge=4,
        ShutterUpperHorizontalEdge=2,
        ShutterLowerHorizontalEdge=3,
        ShutterPresentationValue=0x8000,
    )
    assert hidden(dataset) == [[1] * 6, [1, 0, 0, 0, 1, 1], [1, 0, 0, 0, 1, 1], [1] * 6]
    assert read_shutter(dataset, 4, 6).level == 0x80


def test_a_circular_shutter_shows_what_is_within_its_radius():
    dataset = stored(ShutterShape="CIRCULAR", CenterOfCircularShutter=[2, 3], RadiusOfCircularShutter=1)
    assert hidden(dataset) == [[1, 1, 0, 1, 1, 1], [1, 0, 0, 0, 1, 1], [1, 1, 0, 1, 1, 1], [1] * 6]


def test_shutters_of_two_shapes_show_what_is_inside_both():
    dataset = stored(
        ShutterShape=["CIRCULAR", "POLYGONAL"],
        CenterOfCircularShutter=[2, 3],
        RadiusOfCircularShutter=1,
        VerticesOfThePolygonalShutter=[1, 3, 1, 6, 4, 6, 4, 3],
    )
    assert hidden(dataset) == [[1, 1, 0, 1, 1, 1], [1, 1, 0, 0, 1, 1], [1, 1, 0, 1, 1, 1], [1] * 6]


def test_an_image_without_shutter_has_none():
    assert read_shutter(stored(), 4, 6) is None


def with_overlay(bits, rows, columns, origin=(1, 1), frames=None, first=None):
    dataset = image(CELLS)
    for element, vr, value in (
        (0x0010, "US", rows),
        (0x0011, "US", columns),
        (0x0015, "IS", frames),
        (0x0040, "CS", "G"),
        (0x0050, "SS", list(origin)),
        (0x0051, "US", first),
        (0x0100, "US", 1),
        (0x0102, "US", 0),
        (0x3000, "OW", np.packbits(np.pad(bits, (0, -len(bits) % 16)), bitorder="little").tobytes()),
    ):
        if value is not None:
            dataset.add_new((0x6002, element), vr, value)
    return dcmread(BytesIO(file_of(dataset)))


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ((1, 1), [[1, 0], [1, 1]]),
        ((3, 5), None),
        ((0, 0), [[1, 0], [0, 0]]),
    ],
)
def test_an_overlay_lies_where_its_origin_says(origin, expected):
    dataset = with_overlay([1, 0, 1, 1], 2, 2, origin)
    mask = read_overlay(dataset, 0x6002, 0, CELLS).astype(int)
    assert list(overlay_groups(dataset)) == [0x6002]
    if expected is None:
        assert mask[2:, 4:].tolist() == [[1, 0], [1, 1]]
        assert mask.sum() == 3
    else:
        assert mask[:2, :2].tolist() == expected


def test_planes_of_several_frames_are_packed_without_gaps():
    dataset = with_overlay([1, 1, 1, 0, 0, 1, 0, 1, 0], 1, 3, frames=3, first=2)
    rows = [read_overlay(dataset, 0x6002, index, CELLS)[0, :3].astype(int).tolist() for index in range(5)]
    assert rows == [[0, 0, 0], [1, 1, 1], [0, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_an_overlay_may_lie_in_bits_that_are_not_stored():
    dataset = image(CELLS, bits_stored=12)
    dataset.add_new((0x6000, 0x0010), "US", 4)
    dataset.add_new((0x6000, 0x0011), "US", 6)
    dataset.add_new((0x6000, 0x0100), "US", 16)
    dataset.add_new((0x6000, 0x0102), "US", 15)
    cells = CELLS.copy()
    cells[1, 2] = 0x8FFF
    assert np.argwhere(read_overlay(dataset, 0x6000, 0, cells)).tolist() == [[1, 2]]
