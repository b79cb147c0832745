"""Whole instances: real files in many transfer syntaxes, compared with an independent renderer's pictures."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from app.dicom.frames import MAX_FRAMES
from app.dicom.instance import parse_header
from app.dicom.pictures import FramePicture, InstanceFacts, pictures
from app.dicom.render import Code, NotRenderable
from tests.app.dicom.samples import file_of, image, pydicom_file

pytestmark = pytest.mark.filterwarnings("ignore")

# Made with DCMTK 3.6.7: dcm2pnm, dcmj2pnm or dcml2pnm with "+ob -O" and, where the file has a window, "+Wi 1"; the
# means of 4 x 4 blocks (of each pixel, below 8 x 8), grey or RGB.
DCMTK = json.loads((Path(__file__).parent / "dcmtk_pictures.json").read_text(encoding="ascii"))
DIFFERENT_UPSAMPLING = {"SC_ybr_full_422_uncompressed.dcm"}  # DCMTK interpolates chroma


def rendered(file):
    facts, *frames = pictures(io.BytesIO(file))
    assert isinstance(facts, InstanceFacts)
    return facts, frames


def refusal_of(file):
    with pytest.raises(NotRenderable) as refusal:
        list(pictures(io.BytesIO(file)))
    return refusal.value


def pixels_of(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg.data)).convert("RGB"), float)


def blocks(pixels):
    height, width = pixels.shape[:2]
    if min(height, width) < 8:
        return pixels
    rows = [np.array_split(pixels, [height * n // 4 for n in (1, 2, 3)])[n] for n in range(4)]
    columns = [width * n // 4 for n in (1, 2, 3)]
    return np.array([[part.reshape(-1, 3).mean(0) for part in np.array_split(row, columns, axis=1)] for row in rows])


@pytest.mark.parametrize("name", DCMTK)
def test_pictures_are_those_of_dcmtk(name, monkeypatch):
    kept = []
    monkeypatch.setattr("app.dicom.pictures.preview", lambda picture: kept.append(picture) or _no_jpeg(picture))
    rendered(pydicom_file(name).read_bytes())
    expected = np.array(DCMTK[name])
    expected = expected if expected.ndim == 3 else np.repeat(expected[..., None], 3, axis=-1)
    difference = np.abs(blocks(np.asarray(kept[0].convert("RGB"), float)) - expected)
    assert difference.max() < (1.0 if name in DIFFERENT_UPSAMPLING else 0.06)


def _no_jpeg(picture):
    from app.dicom.render import Jpeg

    return Jpeg(b"", *picture.size)


def test_one_image_is_the_same_picture_in_every_transfer_syntax():
    names = ["", "_implicit", "_bigendian", "_expb", "_RLE", "_jp2klossless", "_jpeg_ls_lossless", "_padded"]
    jpegs = {rendered(pydicom_file(f"MR_small{name}.dcm").read_bytes())[1][0].preview.data for name in names}
    assert len(jpegs) == 1


@pytest.mark.parametrize(
    "name", ["693_J2KI.dcm", "JPEG2000.dcm", "GDCMJ2K_TextGBR.dcm", "examples_jpeg2k.dcm", "J2K_pixelrep_mismatch.dcm"]
)
def test_jpeg_2000_files_have_pictures(name):
    file = pydicom_file(name)
    dataset = dcmread(file)
    _, (frame,) = rendered(file.read_bytes())
    assert pixels_of(frame.preview).std() > 5
    assert max(frame.preview.width, frame.preview.height) == max(dataset.Rows, dataset.Columns)


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_frames_come_in_order_in_every_syntax(syntax, dtype):
    top = min(np.iinfo(dtype).max, 4000)
    stack = np.stack([np.full((16, 24), top * n // 4, dtype) for n in range(5)])
    dataset = image(stack, WindowCenter=str(top // 2), WindowWidth=str(top))
    if syntax == RLELossless:
        dataset.compress(syntax, encoding_plugin="pylibjpeg")
    if syntax == ExplicitVRBigEndian:  # words of 16 bits are swapped, also those that hold 8-bit pixels
        dataset.PixelData = np.frombuffer(dataset.PixelData, ">u2").astype("<u2").tobytes()
        dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = syntax
    facts, frames = rendered(file_of(dataset))
    assert facts.number_of_frames == 5
    means = [pixels_of(frame.preview).mean() for frame in frames]
    assert means == pytest.approx([0, 63, 127, 191, 255], abs=2)
    assert [frame.thumbnail is not None for frame in frames] == [False, False, True, False, False]


def test_a_key_image_is_made_where_the_preview_is_too_large_for_one():
    noise = np.random.default_rng(1).integers(0, 256, (1024, 1024), np.uint8)
    _, (frame,) = rendered(file_of(image(noise)))
    assert len(frame.preview.data) > 45_000 >= len(frame.key_image.data)
    _, (small,) = rendered(file_of(image(noise[:64, :64])))
    assert small.key_image is None
    assert len(small.thumbnail.data) <= 5_000


def test_facts_are_said():
    mammogram = image(np.zeros((8, 8), np.uint16), ViewPosition="CC", ImageLaterality="R", BurnedInAnnotation="YES")
    facts, _ = rendered(file_of(mammogram))
    assert facts == InstanceFacts(number_of_frames=1, view="CC R", burned_in_annotation=True)
    assert rendered(pydicom_file("examples_ybr_color.dcm").read_bytes())[0].number_of_frames == 30


def test_float_pixel_data_is_shown():
    dataset = image(np.zeros((4, 4), np.uint16), WindowCenter="0.5", WindowWidth="1", VOILUTFunction="LINEAR_EXACT")
    for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        del dataset[keyword]
    dataset.BitsAllocated = 32
    dataset.FloatPixelData = np.linspace(0, 1, 16, dtype="<f4").tobytes()
    _, (frame,) = rendered(file_of(dataset))
    assert pixels_of(frame.preview)[0, 0, 0] < 40
    assert pixels_of(frame.preview)[3, 3, 0] > 215


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("test-SR.dcm", "structured report"),
        ("rtplan.dcm", "radiotherapy object"),
        ("rtstruct.dcm", "radiotherapy object"),
        ("no_meta.dcm", "other object"),
    ],
)
def test_objects_without_pixels_say_what_they_are(name, reason):
    refusal = refusal_of(pydicom_file(name).read_bytes())
    assert (refusal.code, refusal.reason) == (Code.NO_PIXEL_DATA, reason)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_an_image_without_its_pixel_data_says_so(syntax):
    dataset = image(np.zeros((4, 4), np.uint8), syntax=syntax)
    del dataset.PixelData
    assert refusal_of(file_of(dataset)).code is Code.NO_PIXEL_DATA


def test_a_video_is_named_as_not_supported():
    dataset = image(np.zeros((4, 4), np.uint8))
    file = file_of(dataset).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4.102\0"[:20])
    refusal = refusal_of(file)
    assert refusal.code in {Code.UNSUPPORTED_TRANSFER_SYNTAX, Code.DECODER_FAILED}


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"NumberOfFrames": MAX_FRAMES + 1}, Code.TOO_LARGE),
        ({"Rows": 65535, "Columns": 65535}, Code.TOO_LARGE),
        ({"NumberOfFrames": 2}, Code.DECODER_FAILED),
        ({"Rows": 400}, Code.DECODER_FAILED),
        ({"Rows": 0}, Code.DECODER_FAILED),
        ({"SamplesPerPixel": 3}, Code.DECODER_FAILED),
        ({"BitsStored": 40}, Code.DECODER_FAILED),
        ({"PhotometricInterpretation": "HSV"}, Code.UNKNOWN_PHOTOMETRIC),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, Code.DECODER_FAILED),
    ],
)
def test_an_image_that_lies_is_refused_with_its_code(attributes, code):
    refusal = refusal_of(file_of(image(np.zeros((4, 4), np.uint16), **attributes)))
    assert refusal.code is code
    assert refusal.reason


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_an_image_that_does_not_say_its_transfer_syntax_is_shown(syntax):
    file = file_of(image(np.full((8, 8), 200, np.uint8), syntax=syntax))
    bare = file[parse_header(file, complete=True).dataset_offset :]
    _, (frame,) = rendered(bare)
    assert pixels_of(frame.preview).mean() == pytest.approx(200, abs=1)


def test_memory_that_runs_out_is_told(monkeypatch):
    def no_memory(*_, **__):
        raise MemoryError

    monkeypatch.setattr("app.dicom.drawing.frame_pixels", no_memory)
    assert refusal_of(file_of(image(np.zeros((4, 4), np.uint8)))).code is Code.TOO_LARGE


def test_frames_before_a_broken_one_are_given():
    dataset = image(np.zeros((3, 8, 8), np.uint8))
    dataset.compress(RLELossless, encoding_plugin="pylibjpeg")
    file = file_of(dataset)
    last = file.rindex(b"\xfe\xff\x00\xe0")
    broken = file[: last + 8] + b"\xff" * 64 + file[last + 72 :]
    given = []
    with pytest.raises(NotRenderable) as refusal:
        given.extend(frame for frame in pictures(io.BytesIO(broken)) if isinstance(frame, FramePicture))
    assert refusal.value.code is Code.DECODER_FAILED


def test_no_refusal_repeats_what_the_file_says():
    dataset = image(np.zeros((4, 4), np.uint16), PatientName="Geheim^Ganz", WindowCenter="1")
    broken = file_of(dataset).replace(b"DS\x02\x001 ", b"DS\x02\x00ZZ")
    try:
        list(pictures(io.BytesIO(broken)))
    except NotRenderable as refusal:
        assert "Geheim" not in str(refusal)
        assert "ZZ" not in str(refusal)
