"""Whole instances in Explicit VR Little Endian: every attribute's bytes, pixel data decoded."""

import zlib
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from app.dicom.explicit import explicit_instance, native_frames
from app.dicom.frames import PixelSource
from app.dicom.render import Code, NotRenderable
from tests.app.dicom.samples import encapsulated_file, file_of, image, pydicom_file, real_files

STACK = np.random.default_rng(4).integers(-900, 3000, (3, 60, 45), np.int16)


def explicit(file):
    return b"".join(explicit_instance(PixelSource(BytesIO(file))))


def sample(syntax=ExplicitVRLittleEndian):
    inner, item = Dataset(), Dataset()
    inner.CodeValue, inner.SmallestImagePixelValue = "T-1", 1
    inner["SmallestImagePixelValue"].VR = "SS"
    item.PatientComments, item.AnatomicRegionSequence = "within", [inner]
    dataset = image(STACK, PatientName="Wang^Xiao", SmallestImagePixelValue=-900, ReferencedImageSequence=[item])
    dataset["SmallestImagePixelValue"].VR = "SS"
    dataset.DataSetTrailingPadding = b"\0" * 8
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = STACK.byteswap().tobytes()
    if syntax in {RLELossless, JPEG2000Lossless}:
        dataset.compress(syntax)
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEG2000Lossless,
    ],
)
def test_it_is_the_same_instance_in_every_syntax(syntax):
    dataset = sample(syntax)
    got = dcmread(BytesIO(explicit(file_of(dataset))))
    assert got.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert got.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    assert np.array_equal(got.pixel_array, STACK)
    expected = sample()
    expected.SOPInstanceUID = dataset.SOPInstanceUID
    assert {element.tag: element.value for element in got} == {element.tag: element.value for element in expected}


def test_text_keeps_its_bytes_whatever_the_declared_character_set():
    dataset = image(STACK, SpecificCharacterSet="ISO_IR 100")
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    name = "王小明".encode("gbk")
    dataset.add_new(0x00100010, "PN", "X" * len(name))
    file = file_of(dataset).replace(b"X" * len(name), name)
    assert b"PN\x06\x00" + name in explicit(file)


def test_frames_of_one_bit_stay_packed_across_bytes():
    bits = np.random.default_rng(2).integers(0, 2, (3, 5, 7), np.uint8)
    dataset = image(bits)
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    planes = (np.packbits(plane.ravel(), bitorder="little").tobytes() for plane in bits)
    dataset.PixelData = encapsulate([zlib.compress(plane, wbits=-15) for plane in planes])
    got = dcmread(BytesIO(explicit(encapsulated_file(dataset, "1.2.840.10008.1.2.8.1"))))
    assert got.PixelData == np.packbits(bits.ravel(), bitorder="little").tobytes()


@pytest.mark.filterwarnings("ignore")
def test_lossy_colours_become_rgb_and_are_said_to_be_lossy():
    file = pydicom_file("examples_ybr_color.dcm").read_bytes()
    got = dcmread(BytesIO(explicit(file)))
    assert (got.PhotometricInterpretation, got.PlanarConfiguration) == ("RGB", 0)
    assert got.LossyImageCompression == "01"
    assert got.pixel_array.shape == (30, 240, 320, 3)


def test_an_object_without_pixels_is_given_too():
    got = dcmread(BytesIO(explicit(pydicom_file("rtplan.dcm").read_bytes())))
    expected = dcmread(pydicom_file("rtplan.dcm"))
    assert got.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert [element.tag for element in got] == [element.tag for element in expected if element.tag.element]


@pytest.mark.filterwarnings("ignore")
def test_no_published_file_loses_an_attribute():
    for path in [path for path in real_files() if path.stat().st_size < 300_000][::6]:
        file = path.read_bytes()
        try:
            got = dcmread(BytesIO(explicit(file)))
            expected = dcmread(BytesIO(file), force=True)
        except NotRenderable:
            continue
        dropped = {element.tag for element in expected} - {element.tag for element in got}
        assert not [tag for tag in dropped if tag.element and tag not in {0x7FE00001, 0x7FE00002}], path.name


def test_native_frames_are_little_endian_cells():
    for syntax in (ExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless):
        source = PixelSource(BytesIO(file_of(sample(syntax))))
        assert list(native_frames(source, [2, 0])) == [STACK[2].tobytes(), STACK[0].tobytes()]
        with pytest.raises(NotRenderable) as refusal:
            list(native_frames(source, [3]))
        assert refusal.value.code is Code.NO_SUCH_FRAME


def test_pixel_data_that_ends_early_is_refused():
    file = file_of(sample(ImplicitVRLittleEndian))
    with pytest.raises(NotRenderable):
        explicit(file[:-1000])
