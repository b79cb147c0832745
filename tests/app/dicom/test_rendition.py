"""One frame as a client asks for it: region, size, window, overlays, colours."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from app.dicom.frames import PixelSource
from app.dicom.render import Code, NotRenderable, VoiFunction, Window
from app.dicom.rendition import Rendition, Viewport, rendition
from tests.app.dicom.samples import file_of, image

PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10


def drawn(dataset, **asked):
    picture = Image.open(BytesIO(rendition(PixelSource(BytesIO(file_of(dataset))), Rendition(**asked))))
    picture.load()
    return picture


def png(dataset, **asked):
    return np.asarray(drawn(dataset, media_type="image/png", **asked))


def test_without_wishes_it_is_the_middle_frame_pixel_for_pixel():
    stack = np.stack([PIXELS, PIXELS + 1, PIXELS + 2])
    assert png(image(stack)).tolist() == (PIXELS + 1).tolist()
    assert png(image(stack), frame=3).tolist() == (PIXELS + 2).tolist()
    assert drawn(image(stack)).format == "JPEG"


@pytest.mark.parametrize("frame", [0, -1, 4])
def test_a_frame_that_is_not_there_is_told(frame):
    with pytest.raises(NotRenderable) as refusal:
        png(image(np.stack([PIXELS] * 3)), frame=frame)
    assert refusal.value.code is Code.NO_SUCH_FRAME


@pytest.mark.parametrize(
    ("viewport", "size"),
    [
        (Viewport(width=3, height=3), (3, 2)),
        (Viewport(width=12, height=100), (12, 8)),
        (Viewport(width=100, height=2), (3, 2)),
        (Viewport(width=10, height=10, source=(1, 1, 2, 2)), (10, 10)),
    ],
)
def test_the_viewport_is_a_box_that_keeps_proportions(viewport, size):
    assert drawn(image(PIXELS), viewport=viewport).size == size


def test_a_region_is_cut_out_and_flipped():
    region = PIXELS[1:3, 2:5]
    box = {"width": 3, "height": 2}
    assert png(image(PIXELS), viewport=Viewport(**box, source=(2, 1, 3, 2))).tolist() == region.tolist()
    assert png(image(PIXELS), viewport=Viewport(**box, source=(2, 1, -3, 2))).tolist() == region[:, ::-1].tolist()
    assert png(image(PIXELS), viewport=Viewport(**box, source=(2, 1, 3, -2))).tolist() == region[::-1].tolist()


def test_pixels_that_are_not_square_become_square():
    assert drawn(image(PIXELS, PixelSpacing=[2, 1])).size == (6, 8)
    assert drawn(image(PIXELS, PixelAspectRatio=["1", "2"])).size == (12, 4)


def test_a_picture_that_is_too_large_is_refused():
    with pytest.raises(NotRenderable) as refusal:
        png(image(PIXELS), viewport=Viewport(width=20_000, height=20_000))
    assert refusal.value.code is Code.TOO_LARGE


def test_a_window_asked_for_goes_before_those_of_the_file():
    dataset = image(PIXELS, WindowCenter=["20", "100"], WindowWidth=["2", "200"], VOILUTFunction="LINEAR_EXACT")
    exact = Window(100, 200, VoiFunction.LINEAR_EXACT)
    assert png(dataset, window=exact).tolist() == png(dataset, window_index=1).tolist()
    assert png(dataset)[0].tolist() == [0, 0, 127, 255, 255, 255]
    assert png(dataset, window_index=9).tolist() == png(dataset).tolist()


def test_overlays_are_drawn_only_when_asked_for():
    dataset = image(PIXELS)
    for element, vr, value in ((0x10, "US", 4), (0x11, "US", 6), (0x50, "SS", [1, 1]), (0x3000, "OW", b"\1\0\0\0")):
        dataset.add_new((0x6000, element), vr, value)
    assert png(dataset)[0, 0] == 0
    assert png(dataset, overlays=True)[0, :2].tolist() == [255, 10]


def swapped_profile():
    """Make a profile that is surely no sRGB: LAB is a colour space that Pillow can write without a file."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_an_icc_profile_is_kept_or_applied_or_left_out():
    profile = swapped_profile()
    dataset = image(np.stack([PIXELS] * 3, axis=-1), "RGB", ICCProfile=profile)
    assert drawn(dataset, icc="yes").info["icc_profile"] == profile
    assert "icc_profile" not in drawn(dataset).info
    assert np.abs(png(dataset, icc="srgb").astype(int) - png(dataset)).max() <= 1


def test_a_broken_icc_profile_harms_no_colour():
    dataset = image(np.stack([PIXELS] * 3, axis=-1), "RGB", ICCProfile=b"no profile")
    assert png(dataset, icc="srgb").tolist() == png(dataset).tolist()


def test_quality_is_that_asked_for():
    noise = image(np.random.default_rng(1).integers(0, 255, (64, 64), np.uint8))
    low, default, high = (
        len(rendition(PixelSource(BytesIO(file_of(noise))), Rendition(quality=quality))) for quality in (20, None, 99)
    )
    assert low < default < high
