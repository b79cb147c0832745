"""Cells of frames, in every transfer syntax and arrangement."""

import warnings
import zlib
from io import BytesIO

import numpy as np
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended, fragment_frame, generate_frames, itemize_fragment
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from app.dicom.frames import PixelSource
from app.dicom.render import Code, NotRenderable
from tests.app.dicom.samples import encapsulated_file, file_of, image, pydicom_file

STACK = np.random.default_rng(4).integers(0, 4095, (3, 60, 45), np.uint16)
DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"


def cells(file, indices=None):
    return [frame.cells for frame in PixelSource(BytesIO(file)).frames(indices)]


def compressed(syntax):
    dataset = image(STACK, bits_stored=12)
    dataset.compress(syntax)
    return dataset


def codestreams(syntax):
    return list(generate_frames(compressed(syntax).PixelData, number_of_frames=3))


def packed(pixel_data, syntax=JPEG2000Lossless, **attributes):
    dataset = compressed(JPEG2000Lossless)
    dataset.PixelData = pixel_data
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return encapsulated_file(dataset, syntax)


def arrangements():
    frames = codestreams(JPEG2000Lossless)
    bare = b"\xfe\xff\0\xe0\0\0\0\0" + b"".join(
        itemize_fragment(part) for frame in frames for part in fragment_frame(frame, 3)
    )
    extended, offsets, lengths = encapsulate_extended(frames)
    return {
        "an offset table": packed(encapsulate(frames)),
        "an empty offset table": packed(encapsulate(frames, has_bot=False)),
        "several fragments a frame": packed(encapsulate(frames, fragments_per_frame=4)),
        "several fragments a frame without offsets": packed(bare + DELIMITER),
        "an extended offset table": packed(extended, ExtendedOffsetTable=offsets, ExtendedOffsetTableLengths=lengths),
        "no delimiter at the end": packed(encapsulate(frames)).removesuffix(DELIMITER),
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("arrangement", arrangements())
def test_fragments_are_put_together_in_every_arrangement(arrangement):
    file = arrangements()[arrangement]
    assert np.array_equal(cells(file), STACK)
    assert np.array_equal(cells(file, [2, 0]), STACK[[2, 0]])


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_lossless_syntaxes_give_every_value_back(syntax):
    assert np.array_equal(cells(file_of(compressed(syntax))), STACK)


@pytest.mark.parametrize("bits", [8, 10, 16])
def test_signed_values_keep_their_sign(bits):
    top = 1 << (bits - 1)
    dtype = np.int8 if bits == 8 else np.int16
    values = np.random.default_rng(bits).integers(-top, top, (48, 48), dtype)
    for syntax in (ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless, JPEGLSLossless):
        dataset = image(values, bits_stored=bits)
        if syntax != ExplicitVRLittleEndian:
            dataset.compress(syntax)
        assert np.array_equal(cells(file_of(dataset))[0], values), syntax


def test_frames_of_one_bit_need_no_byte_of_their_own():
    bits = np.random.default_rng(2).integers(0, 2, (3, 5, 7), np.uint8)
    dataset = image(bits, bits_stored=8)
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    data = np.packbits(bits.ravel(), bitorder="little").tobytes()
    dataset.PixelData = data + bytes(len(data) % 2)
    file = file_of(dataset)
    assert np.array_equal(cells(file), bits)
    second = np.packbits(bits[1].ravel(), bitorder="little").tobytes()
    assert PixelSource(BytesIO(file)).native_frame(1) == second


@pytest.mark.parametrize(
    ("syntax", "pack"),
    [
        ("1.2.840.10008.1.2.1.98", bytes),
        ("1.2.840.10008.1.2.8.1", lambda data: zlib.compress(data, wbits=-15)),
    ],
)
def test_fragments_may_hold_native_frames(syntax, pack):
    data = encapsulate([pack(frame.tobytes()) for frame in STACK])
    assert np.array_equal(cells(packed(data, syntax)), STACK)


def test_planes_of_colours_are_put_together():
    colours = np.random.default_rng(6).integers(0, 255, (6, 4, 3), np.uint8)
    dataset = image(colours, "RGB")
    dataset.PlanarConfiguration = 1
    dataset.PixelData = colours.transpose(2, 0, 1).tobytes()
    assert np.array_equal(cells(file_of(dataset))[0], colours)


def test_big_endian_words_are_turned_round():
    odd = np.random.default_rng(7).integers(0, 255, (3, 3, 5), np.uint8)
    dataset = image(odd)
    dataset.PixelData = np.frombuffer(odd.tobytes() + b"\0", ">u2").astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    file = file_of(dataset)
    assert np.array_equal(cells(file), odd)
    assert PixelSource(BytesIO(file)).native_frame(1) == odd[1].tobytes()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["JPGExtended.dcm", "JPEG-lossy.dcm"])
def test_jpeg_of_twelve_bits_is_decoded(name):
    (frame,) = cells(pydicom_file(name).read_bytes())
    assert (frame.dtype, int(frame.min()), int(frame.max())) == (np.uint16, 0, 264)  # as dcmdjpeg has it


@pytest.mark.parametrize(
    ("syntax", "code"),
    [
        ("1.2.840.10008.1.2.4.92", Code.UNSUPPORTED_TRANSFER_SYNTAX),
        ("1.2.840.10008.1.2.4.100", Code.UNSUPPORTED_TRANSFER_SYNTAX),
        ("1.2.840.10008.1.2.4.102", Code.UNSUPPORTED_TRANSFER_SYNTAX),
        ("1.2.840.10008.1.2.4.107", Code.UNSUPPORTED_TRANSFER_SYNTAX),
        ("1.2.840.10008.1.2.4.110", Code.UNSUPPORTED_TRANSFER_SYNTAX),
        ("1.2.840.113619.5.2", Code.UNSUPPORTED_TRANSFER_SYNTAX),
    ],
)
def test_what_is_not_decoded_here_is_named(syntax, code):
    with warnings.catch_warnings(), pytest.raises(NotRenderable) as refusal:
        warnings.simplefilter("ignore")
        cells(packed(encapsulate([b"ab"] * 3), syntax))
    assert refusal.value.code is code
    assert syntax in refusal.value.reason
