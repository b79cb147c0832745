"""A whole instance to pictures, frame by frame, in bounded memory. Runs in the child of `decode_worker`.

References
----------
DICOM PS3.5 8 and Annex A (pixel data in its transfer syntaxes), PS3.3 C.7.6.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from app.dicom.drawing import Drawing
from app.dicom.frames import Frame, PixelSource, refusals
from app.dicom.geometry import Edges
from app.dicom.look import Wishes, offered_presets
from app.dicom.render import (
    KEY_IMAGE_LIMIT,
    Jpeg,
    Window,
    key_image,
    preview,
    proportioned,
    small,
    thumbnail,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFacts:
    """What is said once of an instance.

    `view` is the projection's view and side, such as `CC R`, or `""`; `presets` the windows, beside the default one,
    that it can be shown in: a name and the file's own word for it, or `""`.
    """

    number_of_frames: int
    view: str
    burned_in_annotation: bool
    presets: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePicture:
    """The pictures of one frame, and what to say beside them.

    `small` stands in while the preview is on its way. `window` is the one applied, None for the range of the frame, a
    VOI LUT or colour. `slice_position` is in mm. The middle frame of an instance has a thumbnail, and a key image where
    its preview is too large for one.
    """

    preview: Jpeg
    small: Jpeg
    window: Window | None
    edges: Edges | None
    slice_position: float | None
    thumbnail: Jpeg | None = None
    key_image: Jpeg | None = None


def pictures(file: BinaryIO, preset: str | None = None) -> Iterator[InstanceFacts | FramePicture]:
    """Render an instance: its facts first, then each frame in the order of the file.

    Parameters
    ----------
    file : BinaryIO
        A PS3.10 file.
    preset : str, optional
        Name of the preset whose window is applied, where the instance has it.

    Raises
    ------
    NotRenderable
        For the frames that have not been given.
    """
    with refusals():
        yield from _pictures(file, preset)


def _pictures(file: BinaryIO, preset: str | None) -> Iterator[InstanceFacts | FramePicture]:
    source = PixelSource(file)
    yield facts_of(source)
    drawing = Drawing(source, Wishes(preset=preset))
    middle = source.number_of_frames // 2
    for index, stored in enumerate(source.frames()):
        yield _frame_picture(stored, drawing, index, is_middle=index == middle)


def _frame_picture(stored: Frame, drawing: Drawing, index: int, *, is_middle: bool) -> FramePicture:
    frame = drawing.looks.of_frame(index)
    picture = proportioned(drawing.draw(stored, index), frame.aspect)
    jpeg = preview(picture)
    return FramePicture(
        preview=jpeg,
        small=small(picture),
        window=frame.window,
        edges=frame.edges,
        slice_position=frame.slice_position,
        thumbnail=thumbnail(picture) if is_middle else None,
        key_image=key_image(picture) if is_middle and len(jpeg.data) > KEY_IMAGE_LIMIT else None,
    )


def facts_of(source: PixelSource) -> InstanceFacts:
    """Give what is said once of an instance."""
    dataset = source.dataset
    view = (dataset.get("ViewPosition"), dataset.get("ImageLaterality") or dataset.get("Laterality"))
    return InstanceFacts(
        number_of_frames=source.number_of_frames,
        view=" ".join(str(word) for word in view if word),
        burned_in_annotation=dataset.get("BurnedInAnnotation") == "YES",
        presets=tuple((preset.name, preset.label) for preset in offered_presets(dataset)),
    )
