"""One frame as a client asks for it: region, size, window, overlays, presentation state, JPEG or PNG.

References
----------
DICOM PS3.18 8.3.5 (rendering query parameters); PS3.4 N.2 (order of the transformations).
"""

import io
from dataclasses import dataclass

from PIL import Image

from app.dicom.drawing import Drawing
from app.dicom.frames import PixelSource
from app.dicom.look import Wishes, icc_profile
from app.dicom.presentation import PresentationState
from app.dicom.render import Code, NotRenderable, Window

_MAX_EDGE = 16_384  # pixels; a viewport is a wish, memory is not
_GREY_QUALITY, _COLOUR_QUALITY = 90, 95
_PNG_LEVEL = 1  # more costs much time and saves little


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewport:
    """The box that a picture is fitted into, in pixels, and the region of the image that is shown.

    `source` is x, y, width and height in image pixels; a negative width or height flips the picture (PS3.18 8.3.5.1.3).
    """

    width: int
    height: int
    source: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """What is asked of a frame.

    Parameters
    ----------
    frame : int, optional
        From 1; the middle one without it.
    media_type : str
        `image/jpeg` or `image/png`, of 8 bits a sample.
    quality : int, optional
        1 to 100, of a JPEG; without it 90 for grey and 95 for colour, whose hard edges suffer first.
    window : Window, optional
        In place of the file's.
    window_index : int
        Which of the file's windows, from 0.
    overlays : bool
        Whether the planes of groups 60xx are drawn in.
    icc : str
        `no`: colours as they are; `yes`: with the file's ICC profile; `srgb`: converted by it (PS3.18 8.3.5.1.5).
    presentation_state : bytes, optional
        A PS3.10 file of a Grayscale Softcopy Presentation State that is applied.
    """

    frame: int | None = None
    media_type: str = "image/jpeg"
    quality: int | None = None
    viewport: Viewport | None = None
    window: Window | None = None
    window_index: int = 0
    overlays: bool = False
    icc: str = "no"
    presentation_state: bytes | None = None


def rendition(source: PixelSource, asked: Rendition) -> bytes:
    """Render a frame.

    Raises
    ------
    NotRenderable
        When there is no such frame (`Code.NO_SUCH_FRAME`) or no picture of it.
    """
    count = source.number_of_frames
    index = count // 2 if asked.frame is None else asked.frame - 1
    if not 0 <= index < count:
        raise NotRenderable(Code.NO_SUCH_FRAME, f"The instance has {count} frames.")
    state = PresentationState(asked.presentation_state) if asked.presentation_state else None
    if state:
        state.check(source.dataset, index + 1)
    wishes = Wishes(window=asked.window, window_index=asked.window_index, state=state, to_srgb=asked.icc == "srgb")
    drawing = Drawing(source, wishes, overlays=asked.overlays)
    (frame,) = source.frames([index])
    picture, aspect = drawing.placed(drawing.draw(frame, index), index)
    profile = icc_profile(source.dataset) if asked.icc == "yes" and picture.mode == "RGB" else None
    return _encoded(_fitted(picture, asked.viewport, aspect), asked, profile)


def _fitted(picture: Image.Image, viewport: Viewport | None, aspect: float) -> Image.Image:
    """Cut the region out, then scale it, in true proportions, to the largest that the box holds."""
    x, y, width, height = viewport.source if viewport and viewport.source else (0, 0, *picture.size)
    box = (x, y, x + abs(width), y + abs(height))
    size = (abs(width) * max(1 / aspect, 1), abs(height) * max(aspect, 1))
    scale = min(viewport.width / size[0], viewport.height / size[1]) if viewport else 1.0
    target = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    if max(target) > _MAX_EDGE:
        raise NotRenderable(Code.TOO_LARGE, f"A picture has at most {_MAX_EDGE} pixels at an edge.")
    if box != (0, 0, *target):
        picture = picture.crop(box).resize(target, Image.Resampling.HAMMING, reducing_gap=2.0)
    if width < 0:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if height < 0 else picture


def _encoded(picture: Image.Image, asked: Rendition, profile: bytes | None) -> bytes:
    buffer = io.BytesIO()
    if asked.media_type == "image/png":
        picture.save(buffer, "PNG", compress_level=_PNG_LEVEL, icc_profile=profile)
    else:
        quality = asked.quality or (_GREY_QUALITY if picture.mode == "L" else _COLOUR_QUALITY)
        picture.save(buffer, "JPEG", quality=quality, icc_profile=profile, subsampling=0)
    return buffer.getvalue()
