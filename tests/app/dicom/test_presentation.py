"""Presentation states: whose they are, and what they do to a picture."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from app.dicom.frames import PixelSource
from app.dicom.presentation import PresentationState
from app.dicom.render import Code, NotRenderable
from app.dicom.rendition import Rendition, rendition
from tests.app.dicom.samples import file_of, image

PIXELS = np.array([[0, 100, 200], [300, 400, 500]], np.uint16)


def item(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def state(uid="1.2.3.4", **attributes):
    """Make a presentation state of one image."""
    dataset = image(np.zeros((1, 1), np.uint8))
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(dataset, keyword)
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.11.1", "1.2.3.9"
    reference = item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID=uid)
    dataset.ReferencedSeriesSequence = [item(SeriesInstanceUID="1.2.3.1", ReferencedImageSequence=[reference])]
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return file_of(dataset)


def shown(presentation_state, **attributes):
    file = file_of(image(PIXELS, SOPInstanceUID="1.2.3.4", WindowCenter="1", WindowWidth="1", **attributes))
    asked = Rendition(media_type="image/png", presentation_state=presentation_state)
    picture = rendition(PixelSource(BytesIO(file)), asked)
    return np.asarray(Image.open(BytesIO(picture))).tolist()


def voi(center, width):
    return [item(WindowCenter=str(center), WindowWidth=str(width), VOILUTFunction="LINEAR_EXACT")]


def test_the_window_of_the_state_counts_and_that_of_the_image_does_not():
    assert shown(state(SoftcopyVOILUTSequence=voi(250, 500))) == [[0, 51, 102], [153, 204, 255]]


def test_the_modality_lut_of_the_state_counts_and_that_of_the_image_does_not():
    presentation_state = state(SoftcopyVOILUTSequence=voi(500, 1000), RescaleSlope="2", RescaleIntercept="0")
    assert shown(presentation_state, RescaleSlope="77", RescaleIntercept="5")[1][2] == 255


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_the_presentation_lut_decides_what_is_white(photometric):
    inverse = state(SoftcopyVOILUTSequence=voi(250, 500), PresentationLUTShape="INVERSE")
    assert shown(inverse, PhotometricInterpretation=photometric) == [[255, 204, 153], [102, 51, 0]]


def test_a_presentation_lut_maps_what_the_voi_lut_gives():
    table = item(LUTDescriptor=[2, 0, 8])
    table.add_new(0x00283006, "OW", bytes([255, 0]))
    picture = shown(state(SoftcopyVOILUTSequence=voi(250, 500), PresentationLUTSequence=[table]))
    assert picture == [[255, 255, 255], [0, 0, 0]]


def test_without_a_voi_lut_all_values_that_there_can_be_are_shown():
    assert shown(state(), BitsStored=9, HighBit=8) == [[0, 49, 99], [149, 199, 249]]


def test_a_picture_is_turned_before_it_is_flipped():
    turned = state(SoftcopyVOILUTSequence=voi(250, 500), ImageRotation=90, ImageHorizontalFlip="N")
    assert shown(turned) == [[153, 0], [204, 51], [255, 102]]
    flipped = state(SoftcopyVOILUTSequence=voi(250, 500), ImageRotation=90, ImageHorizontalFlip="Y")
    assert shown(flipped) == [[0, 153], [51, 204], [102, 255]]


def test_the_displayed_area_is_cut_out():
    area = item(DisplayedAreaTopLeftHandCorner=[2, 1], DisplayedAreaBottomRightHandCorner=[3, 2])
    picture = shown(state(SoftcopyVOILUTSequence=voi(250, 500), DisplayedAreaSelectionSequence=[area]))
    assert picture == [[51, 102], [204, 255]]


def test_a_shutter_of_the_state_covers_the_image():
    shutter = {
        "ShutterShape": "RECTANGULAR",
        "ShutterLeftVerticalEdge": 2,
        "ShutterRightVerticalEdge": 3,
        "ShutterUpperHorizontalEdge": 1,
        "ShutterLowerHorizontalEdge": 1,
        "ShutterPresentationValue": 0xFFFF,
    }
    assert shown(state(SoftcopyVOILUTSequence=voi(250, 500), **shutter)) == [[255, 51, 102], [255, 255, 255]]


def test_a_state_of_other_images_is_refused():
    with pytest.raises(NotRenderable) as refusal:
        shown(state(uid="1.2.3.5"))
    assert refusal.value.code is Code.PRESENTATION_STATE


def test_what_is_no_grayscale_presentation_state_is_refused():
    with pytest.raises(NotRenderable) as refusal:
        PresentationState(file_of(image(PIXELS)))
    assert refusal.value.code is Code.PRESENTATION_STATE
