"""Pictures against the formulas of the standard, computed value by value in another way."""

import io
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.dicom import render
from app.dicom.render import (
    KEY_IMAGE_LIMIT,
    PREVIEW_LIMIT,
    THUMBNAIL_LIMIT,
    ColourLook,
    GreyLook,
    Lut,
    PaletteLook,
    VoiFunction,
    Window,
    grey_levels,
    key_image,
    preview,
    render_frame,
    thumbnail,
)

CT = {"bits_stored": 16, "high_bit": 15, "signed": True}
BYTE = {"bits_stored": 8, "high_bit": 7, "signed": False}


def shade(x, window):
    """The pseudo-code of PS3.3 C.11.2.1.2 and C.11.2.1.3 for one value, to 0..255."""
    c, w = window.center, window.width
    if window.function is VoiFunction.SIGMOID:
        return 255 / (1 + math.exp(min(-4 * (x - c) / w, 700)))
    if window.function is VoiFunction.LINEAR_EXACT:
        return 0 if x <= c - w / 2 else 255 if x > c + w / 2 else ((x - c) / w + 0.5) * 255
    if x <= c - 0.5 - (w - 1) / 2:
        return 0
    return 255 if x > c - 0.5 + (w - 1) / 2 else ((x - (c - 0.5)) / (w - 1) + 0.5) * 255


windows = st.builds(
    Window, st.floats(-2000, 2000), st.floats(1, 5000) | st.just(1.0), st.sampled_from(list(VoiFunction))
)
stored_values = st.lists(st.integers(-32768, 32767), min_size=4, max_size=4)


@given(stored_values, windows, st.sampled_from([1.0, 0.5, 2.0]), st.integers(-1024, 0), st.booleans())
def test_grey_is_window_after_rescale_and_inverted_for_monochrome1(values, window, slope, intercept, inverted):
    look = GreyLook(**CT, slope=slope, intercept=intercept, window=window, inverted=inverted)
    levels = grey_levels(np.array(values, np.int16).reshape(2, 2), look).ravel()
    for value, level in zip(values, levels.tolist(), strict=True):
        expected = shade(value * slope + intercept, window)
        expected = 255 - expected if inverted else expected
        assert expected - 1 - 1e-6 <= level <= expected + 1e-6


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.float32, np.float64])
def test_tables_and_direct_maths_agree_for_every_kind_of_pixel(dtype):
    window = Window(20, 60)
    values = np.arange(0, 64, dtype=dtype).reshape(8, 8)
    bits = min(values.dtype.itemsize * 8, 32)
    look = GreyLook(bits_stored=bits, high_bit=bits - 1, signed=values.dtype.kind == "i", window=window)
    expected = [int(shade(float(value), window)) for value in values.ravel()]
    assert np.abs(grey_levels(values, look).ravel().astype(int) - expected).max() <= 1


def test_big_endian_pixels_are_the_same_picture():
    values = np.arange(-128, 128, dtype=np.int16).reshape(16, 16) * 100
    look = GreyLook(**CT, window=Window(0, 10000))
    assert render_frame(values.astype(">i2"), look).tobytes() == render_frame(values, look).tobytes()


def test_a_width_of_one_is_a_threshold():
    look = GreyLook(**BYTE, window=Window(10, 1))
    assert grey_levels(np.array([[8, 9, 10, 11]], np.uint8), look).tolist() == [[0, 0, 255, 255]]


def test_bits_above_high_bit_are_overlays_and_do_not_show():
    look = GreyLook(bits_stored=12, high_bit=11, signed=False, window=Window(2048, 4096))
    plain = np.array([[0, 1000, 4095]], np.uint16)
    assert grey_levels(plain | 0xF000, look).tolist() == grey_levels(plain, look).tolist()


def test_stored_bits_that_do_not_start_at_zero_are_shifted_and_sign_extended():
    look = GreyLook(bits_stored=8, high_bit=11, signed=True, window=Window(0, 256))
    values = np.array([[-128, -1, 0, 127]], np.int16)
    cells = ((values.astype(np.uint16) & 0xFF) << 4).view(np.int16)
    plain = GreyLook(bits_stored=16, high_bit=15, signed=True, window=Window(0, 256))
    assert grey_levels(cells, look).tolist() == grey_levels(values, plain).tolist()


def test_padding_is_black_and_not_part_of_the_range_even_outside_bits_stored():
    look = GreyLook(bits_stored=12, high_bit=11, signed=True, padding=(-2000, -2000), inverted=True)
    values = np.array([[-2000, 100, 200, 300]], np.int16)
    assert grey_levels(values, look).tolist() == [[0, 255, 127, 0]]
    far = GreyLook(bits_stored=12, high_bit=11, signed=True, padding=(-32768, -30000))
    assert grey_levels(np.array([[-32768, -31000, 100, 200]], np.int16), far).tolist() == [[0, 0, 0, 255]]


def test_without_a_window_the_range_of_the_frame_is_shown():
    look = GreyLook(**CT, slope=-1)
    assert grey_levels(np.array([[-1000, 0, 1000]], np.int16), look).tolist() == [[255, 127, 0]]
    wide = GreyLook(bits_stored=32, high_bit=31, signed=False)
    assert grey_levels(np.array([[10**6, 2 * 10**6, 3 * 10**6]], np.uint32), wide).tolist() == [[0, 127, 255]]


def test_up_to_eight_bits_without_a_window_all_possible_values_are_shown():
    assert grey_levels(np.array([[3, 200]], np.uint8), GreyLook(**BYTE)).tolist() == [[3, 200]]
    mask = GreyLook(bits_stored=1, high_bit=0, signed=False)
    assert grey_levels(np.array([[0, 1]], np.uint8), mask).tolist() == [[0, 255]]


def test_float_pixels_with_values_that_are_no_numbers_make_a_picture():
    look = GreyLook(bits_stored=0, high_bit=0, signed=False)
    assert grey_levels(np.array([[np.nan, 0.0, 0.5, 1.0]], np.float32), look).tolist() == [[0, 0, 127, 255]]


@pytest.mark.parametrize("value", [0, 7, -300])
def test_a_constant_frame_is_black(value):
    assert grey_levels(np.full((2, 2), value, np.int16), GreyLook(**CT)).tolist() == [[0, 0], [0, 0]]


def test_a_frame_of_nothing_but_padding_is_black():
    assert grey_levels(np.full((2, 2), -5, np.int16), GreyLook(**CT, padding=(-5, -5))).max() == 0


def test_look_up_tables_map_first_and_clip_outside():
    modality = Lut(10, (0, 1000, 2000, 3000), 16)
    voi = Lut(1000, (0, 2048, 4095), 12)
    look = GreyLook(bits_stored=16, high_bit=15, signed=False, modality_lut=modality, voi_lut=voi)
    values = np.array([[0, 10, 11, 12, 13, 99]], np.uint16)
    # modality: 0 0 1000 2000 3000 3000; VOI: entry 0 below 1000, entry 2 from 1002 on
    assert grey_levels(values, look).tolist() == [[0, 0, 0, 255, 255, 255]]
    assert Lut(-1, (5, 6, 7), 8).apply(np.array([-9.0, -1, 0, 0.6, 9])).tolist() == [5, 5, 6, 7, 7]


def test_a_palette_maps_each_input():
    table = bytes(range(12))
    picture = render_frame(np.array([[0, 3, 200]], np.uint8), PaletteLook(table))
    assert [picture.getpixel((x, 0)) for x in range(3)] == [(0, 1, 2), (9, 10, 11), (9, 10, 11)]


@pytest.mark.parametrize(("bits", "dtype", "half"), [(8, np.uint8, 128), (12, np.uint16, 2048), (16, np.uint16, 32768)])
def test_colour_of_any_depth_keeps_its_shades(bits, dtype, half):
    colours = np.array([[[0, half, (1 << bits) - 1]]], dtype)
    assert render_frame(colours, ColourLook(bits, bits - 1)).getpixel((0, 0)) == (0, 128, 255)


@pytest.mark.parametrize(
    ("shape", "aspect", "size"),
    [
        ((100, 200), 1.0, (200, 100)),
        ((100, 200), 2.0, (200, 200)),
        ((100, 200), 0.5, (400, 100)),
        ((2048, 1024), 1.0, (512, 1024)),
        ((1500, 3000), 1.0, (1024, 512)),
        ((2000, 10), 1.0, (5, 1024)),
        ((5000, 1), 1.0, (1, 1024)),
    ],
)
def test_pictures_have_true_proportions_and_fit_the_edge(shape, aspect, size):
    picture = render_frame(np.zeros(shape, np.uint8), GreyLook(**BYTE), aspect=aspect)
    assert picture.size == size


def test_shrinking_averages_and_does_not_pick():
    stripes = np.zeros((2048, 2048), np.uint8)
    stripes[:, ::2] = 200
    shrunk = np.asarray(render_frame(stripes, GreyLook(**BYTE)))
    assert shrunk[8:-8, 8:-8].min() > 80
    assert shrunk[8:-8, 8:-8].max() < 120


NOISE = np.random.default_rng(7).integers(0, 256, (1024, 1024), np.uint8)


def test_key_image_and_thumbnail_fit_even_noise():
    for pixels in (NOISE, np.dstack([NOISE, NOISE.T, NOISE[::-1]])):
        picture = Image.fromarray(pixels)
        key, small = key_image(picture), thumbnail(picture)
        assert len(key.data) <= KEY_IMAGE_LIMIT
        assert len(small.data) <= THUMBNAIL_LIMIT
        assert max(small.width, small.height) <= 160
        for jpeg in (key, small):
            opened = Image.open(io.BytesIO(jpeg.data))
            assert (opened.format, opened.size, opened.info.get("exif")) == ("JPEG", (jpeg.width, jpeg.height), None)


def test_a_preview_pays_for_noise_with_quality_and_a_calm_one_does_not():
    calm = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (512, 2)))
    noisy = Image.fromarray(((NOISE[:512, :512].astype(int) - 128) // 6 + 128).astype(np.uint8))
    assert len(preview(noisy).data) <= PREVIEW_LIMIT
    assert np.abs(np.asarray(Image.open(io.BytesIO(preview(calm).data)), int) - np.asarray(calm, int)).mean() < 1


def test_a_preview_is_the_same_whichever_picture_went_before():
    def noise(strength: int) -> Image.Image:
        return Image.fromarray(((NOISE[:512, :512].astype(int) - 128) // strength + 128).astype(np.uint8))

    pictures = [Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (512, 2))), noise(6), noise(3)]
    alone = []
    for picture in pictures:
        render._fitted_at.clear()
        alone.append(preview(picture).data)
    for before, after in itertools.permutations(range(3), 2):
        preview(pictures[before])
        assert preview(pictures[after]).data == alone[after]
