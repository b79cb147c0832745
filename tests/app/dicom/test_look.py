"""What data sets say about their look: windows, tables, padding, functional groups, words."""

from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from app.dicom.frames import PixelSource
from app.dicom.geometry import Edges
from app.dicom.look import Looks, Wishes, offered_presets
from app.dicom.render import (
    Code,
    GreyLook,
    Lut,
    NotRenderable,
    PaletteLook,
    VoiFunction,
    Window,
    frame_pixels,
    render_frame,
)
from app.dicom.windows import SOFT_TISSUE
from tests.app.dicom.samples import file_of, image

PIXELS = np.zeros((2, 2), np.int16)


def look_of(dataset, index=0):
    return Looks(dcmread(BytesIO(file_of(dataset)))).of_frame(index)


def item(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def table(first, entries, bits=16, **more):
    lut = item(LUTDescriptor=[len(entries), first, bits], **more)
    lut.add_new(0x00283006, "OW", np.array(entries, "<u2").tobytes())
    return lut


@pytest.mark.parametrize(
    ("attributes", "window"),
    [
        ({"WindowCenter": "40", "WindowWidth": "400"}, Window(40, 400)),
        ({"WindowCenter": ["-600", "40"], "WindowWidth": ["1500", "400"]}, Window(-600, 1500)),
        ({"WindowCenter": ["0", "40"], "WindowWidth": ["0", "400"]}, Window(40, 400)),
        ({"WindowCenter": "0", "WindowWidth": "0.5"}, None),
        (
            {"WindowCenter": "0", "WindowWidth": "0.5", "VOILUTFunction": "SIGMOID"},
            Window(0, 0.5, VoiFunction.SIGMOID),
        ),
        ({"WindowCenter": "0", "WindowWidth": "9", "VOILUTFunction": "OWN"}, None),
        ({"WindowCenter": "40"}, None),
        ({}, None),
    ],
)
def test_the_first_valid_window_of_the_file_counts(attributes, window):
    assert look_of(image(PIXELS, **attributes)).window == window


def test_a_ct_without_window_gets_soft_tissue_when_its_values_are_hounsfield_units():
    hounsfield = {"Modality": "CT", "RescaleIntercept": "-1024", "RescaleSlope": "1"}
    assert look_of(image(PIXELS, **hounsfield)).window == SOFT_TISSUE.window
    assert look_of(image(PIXELS, Modality="CT")).window is None
    assert look_of(image(PIXELS, **hounsfield | {"Modality": "PT"})).window is None


def test_a_window_goes_before_a_voi_lut_and_a_voi_lut_before_the_default():
    voi = {"VOILUTSequence": [table(0, [0, 65535])], "Modality": "CT", "RescaleIntercept": "0", "RescaleSlope": "1"}
    assert look_of(image(PIXELS, **voi)).look.voi_lut == Lut(0, (0, 65535), 16)
    assert look_of(image(PIXELS, **voi)).window is None
    both = look_of(image(PIXELS, **voi, WindowCenter="1", WindowWidth="2")).look
    assert (both.voi_lut, both.window) == (None, Window(1, 2))


@pytest.mark.parametrize(("syntax", "order"), [(ImplicitVRLittleEndian, "<u2"), (ExplicitVRBigEndian, ">u2")])
@pytest.mark.parametrize("vr", ["US", "OW"])
def test_tables_read_the_same_in_every_encoding(syntax, order, vr):
    lut = item(LUTDescriptor=[3, 5, 16])
    lut.add_new(0x00283006, vr, [1, 500, 65535] if vr == "US" else np.array([1, 500, 65535], order).tobytes())
    dataset = image(PIXELS, ModalityLUTSequence=[lut])
    dataset.file_meta.TransferSyntaxUID = syntax
    assert look_of(dataset).look.modality_lut == Lut(5, (1, 500, 65535), 16)


def test_a_table_may_start_below_zero_and_hold_eight_bits_an_entry():
    lut = item(LUTDescriptor=[4, 0, 8])
    lut.add_new(0x00283006, "OW", bytes([1, 2, 3, 4]))
    assert look_of(image(PIXELS, ModalityLUTSequence=[lut])).look.modality_lut == Lut(0, (1, 2, 3, 4), 8)
    below = table(0, [7, 8])
    below.add_new(0x00283002, "SS", [2, -1024, 16])
    assert look_of(image(PIXELS, ModalityLUTSequence=[below])).look.modality_lut == Lut(-1024, (7, 8), 16)


def test_per_frame_groups_beat_shared_ones_and_those_the_image():
    def groups(center, intercept, spacing, z):
        return item(
            FrameVOILUTSequence=[item(WindowCenter=str(center), WindowWidth="10")],
            PixelValueTransformationSequence=[
                item(RescaleIntercept=str(intercept), RescaleSlope="2", RescaleType="HU")
            ],
            PixelMeasuresSequence=[item(PixelSpacing=spacing)],
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, z])],
        )

    dataset = image(np.zeros((3, 2, 2), np.uint16), WindowCenter="1", WindowWidth="1")
    dataset.SharedFunctionalGroupsSequence = [groups(50, -1000, [1, 1], 0)]
    dataset.PerFrameFunctionalGroupsSequence = [groups(60, -5, [2, 1], 7), Dataset()]
    first, second, third = (look_of(dataset, index) for index in range(3))
    assert (first.window, first.look.intercept, first.look.slope) == (Window(60, 10), -5, 2)
    assert (first.aspect, first.slice_position, first.edges) == (2.0, 7.0, Edges("R", "L", "A", "P"))
    assert (second.window, second.look.intercept) == (Window(50, 10), -1000)
    assert third == second


@pytest.mark.parametrize(
    ("attributes", "padding"),
    [
        ({"PixelPaddingValue": -2000}, (-2000, -2000)),
        ({"PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1900}, (-2000, -1900)),
        ({"PixelPaddingValue": 5, "PixelPaddingRangeLimit": 0}, (0, 5)),
        ({}, None),
    ],
)
def test_padding_is_a_range_whatever_its_order(attributes, padding):
    assert look_of(image(PIXELS, PixelRepresentation=1, **attributes)).look.padding == padding


def test_padding_written_as_unsigned_in_signed_pixels_is_understood():
    dataset = image(PIXELS)
    dataset.add_new(0x00280120, "US", 63536)
    assert look_of(dataset).look.padding == (-2000, -2000)


@pytest.mark.parametrize(
    ("photometric", "kind"), [("MONOCHROME1", GreyLook), ("MONOCHROME2", GreyLook), ("PALETTE COLOR", PaletteLook)]
)
def test_single_sample_photometrics(photometric, kind):
    dataset = image(PIXELS.astype(np.uint8), PhotometricInterpretation=photometric)
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [2, 0, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", np.array([0, 0xFFFF], "<u2").tobytes())
    look = look_of(dataset).look
    assert isinstance(look, kind)
    assert getattr(look, "inverted", False) == (photometric == "MONOCHROME1")


@pytest.mark.parametrize("photometric", ["HSV", "ARGB", "CMYK", "XYZ", ""])
def test_an_unknown_photometric_interpretation_is_not_guessed(photometric):
    with pytest.raises(NotRenderable) as refusal:
        look_of(image(PIXELS, PhotometricInterpretation=photometric))
    assert refusal.value.code is Code.UNKNOWN_PHOTOMETRIC


@pytest.mark.parametrize(("stored", "high"), [(0, 0), (17, 16), (12, 10), (12, 16)])
def test_bits_that_contradict_each_other_are_refused(stored, high):
    with pytest.raises(NotRenderable) as refusal:
        look_of(image(PIXELS, BitsStored=stored, HighBit=high))
    assert refusal.value.code is Code.DECODER_FAILED


def palette(entries, descriptor, pixels, bits=16, segmented="", **attributes):
    dataset = image(pixels, PhotometricInterpretation="PALETTE COLOR", **attributes)
    for colour, shift in (("Red", 0), ("Green", 1), ("Blue", 2)):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", descriptor)
        data = np.array([entry + shift for entry in entries], f"<u{bits // 8}").tobytes()
        dataset.add_new(f"{segmented}{colour}PaletteColorLookupTableData", "OW", data)
    return np.asarray(render_frame(pixels, look_of(dataset).look)).tolist()


def test_palettes_of_sixteen_bits_give_their_high_byte():
    pixels = np.array([[0, 10, 11, 255]], np.uint8)
    assert palette([0x1000, 0x2000], [2, 10, 16], pixels) == [[[0x10] * 3, [0x10] * 3, [0x20] * 3, [0x20] * 3]]


def test_palettes_of_eight_bits_in_either_cell_are_taken_as_they_are():
    pixels = np.array([[0, 1]], np.uint8)
    expected = [[[5, 6, 7], [9, 10, 11]]]
    assert palette([5, 9], [2, 0, 8], pixels, bits=8) == expected
    assert palette([5, 9], [2, 0, 8], pixels, bits=16) == expected


def test_a_palette_of_eight_bits_serves_pixels_of_sixteen():
    entries = [0] * 299 + [200]
    pixels = np.array([[299, 298, 5000]], np.uint16)
    assert palette(entries, [300, 0, 8], pixels, bits=8) == [[[200, 201, 202], [0, 1, 2], [200, 201, 202]]]


def test_segmented_palettes_are_expanded():
    # PS3.3 C.7.9.2: a discrete segment of one entry, then a linear one of three up to 0x4000
    entries = [0, 1, 0x1000, 1, 3, 0x4000]
    pixels = np.array([[0, 1, 2, 3]], np.uint8)
    dataset = image(pixels, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [4, 0, 16])
        dataset.add_new(f"Segmented{colour}PaletteColorLookupTableData", "OW", np.array(entries, "<u2").tobytes())
    shown = np.asarray(render_frame(pixels, look_of(dataset).look))[0, :, 0].tolist()
    assert shown == [0x10, 0x20, 0x30, 0x40]


def test_a_palette_image_without_palette_is_refused():
    dataset = image(PIXELS.astype(np.uint8), PhotometricInterpretation="PALETTE COLOR")
    with pytest.raises((NotRenderable, AttributeError, KeyError)):
        look_of(dataset)


@pytest.mark.parametrize("lut", [table(0, [1, 2], bits=0), table(0, [1, 2], bits=17), table(0, [])])
def test_a_table_that_cannot_be_right_is_refused(lut):
    with pytest.raises(NotRenderable) as refusal:
        look_of(image(PIXELS, ModalityLUTSequence=[lut]))
    assert refusal.value.code is Code.DECODER_FAILED


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("bits_allocated", [1, 32])
def test_a_palette_for_cells_of_other_sizes_is_refused(bits_allocated):
    dataset = image(
        PIXELS, PhotometricInterpretation="PALETTE COLOR", BitsAllocated=bits_allocated, BitsStored=1, HighBit=0
    )
    with pytest.raises(NotRenderable, match="8 or 16 bits"):
        look_of(dataset)


def test_a_segmented_palette_of_many_eight_bit_entries_is_refused():
    dataset = image(PIXELS.view(np.uint16), PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [300, 0, 8])
        dataset.add_new(f"Segmented{colour}PaletteColorLookupTableData", "OW", bytes([0, 1, 5, 0]))
    with pytest.raises(NotRenderable, match="segmented palette"):
        look_of(dataset)


def test_animals_get_no_words_and_projections_get_theirs():
    axial = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    assert look_of(image(PIXELS, **axial)).edges == Edges("R", "L", "A", "P")
    assert look_of(image(PIXELS, AnatomicalOrientationType="QUADRUPED", **axial)).edges is None
    assert look_of(image(PIXELS, PatientOrientation=["L", "F"])).edges == Edges("R", "L", "H", "F")
    assert look_of(image(PIXELS, PatientOrientation="L")).edges is None


def test_spacing_of_the_detector_serves_where_there_is_no_other():
    assert look_of(image(PIXELS, ImagerPixelSpacing=[0.2, 0.1])).aspect == 2.0
    assert look_of(image(PIXELS, PixelAspectRatio=["1", "2"])).aspect == 0.5
    assert look_of(image(PIXELS, PixelSpacing=[1, 1], PixelAspectRatio=["1", "2"])).aspect == 1.0


def shown(dataset, index=0):
    """Draw a frame of a data set."""
    source = PixelSource(BytesIO(file_of(dataset)))
    (frame,) = source.frames([index])
    return frame_pixels(frame.cells, Looks(source.dataset).look_of(index)).tolist()


def test_a_window_of_width_zero_asks_for_the_range_of_the_frame():
    pixels = np.array([[-100, 0], [50, 100]], np.int16)
    hounsfield = {"Modality": "CT", "RescaleIntercept": "0", "RescaleSlope": "1"}
    assert shown(image(pixels, WindowCenter="0", WindowWidth="0", **hounsfield)) == [[0, 127], [191, 255]]


@pytest.mark.parametrize(("bits", "high"), [(12, 11), (12, 15), (10, 12), (9, 8)])
@pytest.mark.parametrize("signed", [False, True])
def test_stored_bits_lie_where_the_high_bit_says_and_the_others_do_not_count(bits, high, signed):
    first = -(1 << (bits - 1)) if signed else 0
    values = np.array([[first, first + 1], [first + (1 << (bits - 1)), first + (1 << bits) - 1]])
    mask = (1 << bits) - 1
    cells = ((values & mask) << (high + 1 - bits)) | (0xFFFF ^ (mask << (high + 1 - bits)))
    dataset = image(cells.astype(np.uint16), PixelRepresentation=int(signed), BitsStored=bits, HighBit=high)
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = first + mask / 2, mask, "LINEAR_EXACT"
    expected = [[255 * (value - first) // mask for value in row] for row in values.tolist()]
    assert shown(dataset) == expected


def test_cells_of_thirty_two_bits_may_store_fewer():
    cells = np.array([[0, 0xFF0FFFFF]], np.uint32)
    dataset = image(cells.astype(np.uint16), WindowCenter="524287.5", WindowWidth="1048575", BitsAllocated=32)
    dataset.BitsStored, dataset.HighBit, dataset.VOILUTFunction = 20, 19, "LINEAR_EXACT"
    dataset.PixelData = cells.tobytes()
    assert shown(dataset) == [[0, 255]]


def test_float_padding_is_black_and_left_out_of_the_range():
    dataset = image(np.zeros((1, 4), np.uint16))
    for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        del dataset[keyword]
    dataset.BitsAllocated, dataset.FloatPixelPaddingValue = 32, -99.0
    dataset.FloatPixelData = np.array([-99, 0, 0.5, 1], "<f4").tobytes()
    assert shown(dataset) == [[0, 0, 127, 255]]


def test_values_of_a_supplemental_palette_are_colours_among_grey():
    dataset = image(np.array([[0, 99, 100, 101]], np.uint16), PixelPresentation="COLOR", WindowCenter="50")
    dataset.WindowWidth, dataset.VOILUTFunction = "100", "LINEAR_EXACT"
    for colour, entries in (("Red", [0xFF00, 0]), ("Green", [0, 0xFF00]), ("Blue", [0, 0x8000])):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [2, 100, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", np.array(entries, "<u2").tobytes())
    assert shown(dataset) == [[[0] * 3, [252] * 3, [255, 0, 0], [0, 255, 128]]]


def test_windows_are_offered_beside_the_default_one():
    dataset = image(PIXELS, Modality="CT", RescaleIntercept="0", RescaleSlope="1", BodyPartExamined="CHEST")
    dataset.WindowCenter, dataset.WindowWidth = ["40", "-500"], ["400", "1400"]
    dataset.WindowCenterWidthExplanation = ["STANDARD", "LUNGE"]
    offered = [(preset.name, preset.label) for preset in offered_presets(dataset)]
    assert offered == [("file-2", "LUNGE"), ("lung", ""), ("bone", "")]
    stored = dcmread(BytesIO(file_of(dataset)))
    assert Looks(stored, Wishes(preset="file-2")).of_frame(0).window == Window(-500, 1400)
    assert Looks(stored, Wishes(preset="lung")).of_frame(0).window == Window(-600, 1500)
    assert Looks(stored, Wishes(preset="brain")).of_frame(0).window == Window(40, 400)


def test_body_parts_are_read_from_chinese_words_under_a_false_character_set():
    dataset = image(PIXELS, Modality="CT", RescaleIntercept="0", RescaleSlope="1", SpecificCharacterSet="ISO_IR 100")
    words = "胸部平扫".encode("gbk")
    dataset.StudyDescription = "X" * len(words)
    stored = dcmread(BytesIO(file_of(dataset).replace(b"X" * len(words), words)))
    assert [preset.name for preset in offered_presets(stored)] == ["lung", "bone"]
