import uuid
from datetime import datetime
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.pixels import apply_rescale

from demo import chest
from demo.patients import XIAOMING
from demo.phantom import chest_study

TAKEN = datetime(2026, 3, 1, 9, 30)  # noqa: DTZ001  DICOM dates and times carry no zone here


@pytest.fixture(scope="module")
def study():
    return list(chest_study(XIAOMING, seed=uuid.UUID(int=5), taken_at=TAKEN))


def series(study, number):
    return [image for image in study if image.SeriesNumber == number]


def hounsfield(image, x, y, z):
    """Read the value at a point of the patient, through the geometry that the file states."""
    orientation = np.array(image.ImageOrientationPatient, float)
    offset = np.array([x, y, z]) - np.array(image.ImagePositionPatient, float)
    column, row = (offset @ orientation[:3], offset @ orientation[3:]) / np.float64(image.PixelSpacing[0])
    return apply_rescale(image.pixel_array, image)[round(row), round(column)]


def nearest(images, axis, place):
    return min(images, key=lambda image: abs(image.ImagePositionPatient[axis] - place))


def test_three_series_of_236_instances_in_one_study(study):
    assert [len(series(study, number)) for number in (1, 2, 3)] == [140, 56, 40]
    assert len({image.SOPInstanceUID for image in study}) == 236
    assert len({image.SeriesInstanceUID for image in study}) == 3
    assert len({(image.StudyInstanceUID, image.FrameOfReferenceUID) for image in study}) == 1


def test_another_seed_makes_another_study(study):
    other = next(chest_study(XIAOMING, seed=uuid.UUID(int=6), taken_at=TAKEN))
    for uid in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"):
        assert other[uid].value != study[0][uid].value
        assert other[uid].value.startswith("2.25.")


def test_name_is_written_in_gb18030_and_reads_back(study):
    buffer = BytesIO()
    dcmwrite(buffer, study[0], enforce_file_format=True)
    assert "王^小明".encode("gb18030") in buffer.getvalue()
    buffer.seek(0)
    assert dcmread(buffer).PatientName.ideographic == "王^小明"


def test_slices_are_evenly_placed_as_the_spacing_says(study):
    for number, axis in ((1, 2), (2, 2), (3, 0)):
        images = series(study, number)
        steps = np.diff([image.ImagePositionPatient[axis] for image in images])
        assert np.allclose(steps, images[0].SpacingBetweenSlices, atol=1e-4)


@pytest.mark.parametrize(
    ("point", "low", "high"),
    [
        ((0, -140, 0), -1024, -900),  # in front of the body
        ((62, 0, 90), -960, -700),  # left lung
        ((26, -22, -46), 0, 90),  # heart
        ((0, 62, -11), 120, 260),  # marrow of a vertebra
        ((-68, 4, -110), 10, 110),  # liver
    ],
)
def test_a_point_has_the_same_tissue_in_every_series_that_shows_it(study, point, low, high):
    values = [hounsfield(nearest(series(study, number), 2, point[2]), *point) for number in (1, 2)]
    if abs(point[0]) < 90:
        values.append(hounsfield(nearest(series(study, 3), 0, point[0]), *point))
    assert all(low <= value <= high for value in values), values


def test_nodule_of_4_mm_is_on_one_thin_slice(study):
    values = {
        image.ImagePositionPatient[2]: hounsfield(image, *chest.NODULE[:2], image.ImagePositionPatient[2])
        for image in series(study, 1)
        if abs(image.ImagePositionPatient[2] - chest.NODULE[2]) <= 6
    }
    assert [z for z, value in values.items() if value > -400] == [chest.NODULE[2]]


def test_every_series_has_the_window_it_is_read_in(study):
    assert [(s[0].WindowCenter, s[0].WindowWidth) for s in (series(study, n) for n in (1, 2, 3))] == [
        (-600, 1500),
        (40, 400),
        (300, 1500),
    ]
