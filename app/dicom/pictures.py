"""A whole instance to pictures, frame by frame, in bounded memory. Runs in the child of `decode_worker`.

References
----------
DICOM PS3.5 8 and Annex A (pixel data in its transfer syntaxes), PS3.3 C.7.6.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from PIL import Image
from pydicom.dataset import Dataset

from app.dicom.drawing import Drawing
from app.dicom.encapsulated import pdf_pages
from app.dicom.frames import Frame, PixelSource, refusals
from app.dicom.geometry import Edges
from app.dicom.kinds import ENCAPSULATED_PDF, VIDEO_SYNTAXES, Kind, kind_of
from app.dicom.look import Wishes, offered_presets
from app.dicom.plots import waveform_pages
from app.dicom.presentation import PresentationState
from app.dicom.render import (
    KEY_IMAGE_LIMIT,
    Code,
    Jpeg,
    NotRenderable,
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
    that it can be shown in: a name and the file's own word for it, or `""`. `is_document` where its frames are pages of
    a text, which is read as a report is.
    """

    number_of_frames: int
    view: str
    burned_in_annotation: bool
    presets: tuple[tuple[str, str], ...] = ()
    is_document: bool = False


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


def pictures(
    file: BinaryIO, preset: str | None = None, presentation_state: bytes | None = None
) -> Iterator[InstanceFacts | FramePicture]:
    """Render an instance: its facts first, then each frame in the order of the file.

    Parameters
    ----------
    file : BinaryIO
        A PS3.10 file.
    preset : str, optional
        Name of the preset whose window is applied, where the instance has it.
    presentation_state : bytes, optional
        A PS3.10 file that is applied to the frames that it refers to.

    Raises
    ------
    NotRenderable
        For the frames that have not been given.
    """
    with refusals():
        yield from _pictures(file, preset, presentation_state)


def _pictures(
    file: BinaryIO, preset: str | None, presentation_state: bytes | None
) -> Iterator[InstanceFacts | FramePicture]:
    source = PixelSource(file)
    if source.syntax in VIDEO_SYNTAXES:
        raise NotRenderable(Code.VIDEO, Kind.VIDEO)
    if sheets := _sheets(source.dataset):
        yield from _sheet_pictures(*sheets, source.dataset)
        return
    yield facts_of(source)
    drawing = Drawing(source, Wishes(preset=preset))
    state = PresentationState(presentation_state) if presentation_state else None
    as_stated = Drawing(source, Wishes(state=state)) if state else drawing
    middle = source.number_of_frames // 2
    for index, stored in enumerate(source.frames()):
        chosen = as_stated if state and state.concerns(source.dataset, index + 1) else drawing
        yield _frame_picture(stored, chosen, index, is_middle=index == middle)


def _sheets(dataset: Dataset) -> tuple[int, Iterator[Image.Image]] | None:
    """Draw what is no image but has a form on paper; None for images, whose pixels are all that counts.

    Raises
    ------
    NotRenderable
        For what would be nonsense as a picture, though it may have pixel data.
    """
    kind = kind_of(str(dataset.get("SOPClassUID", "")))
    if kind is Kind.PDF:
        return pdf_pages(dataset)
    if kind is Kind.WAVEFORM:
        return waveform_pages(dataset)
    if kind in {Kind.SEGMENTATION, Kind.DOSE}:
        raise NotRenderable(Code.NO_PIXEL_DATA, kind)
    return None


def _sheet_pictures(
    count: int, sheets: Iterator[Image.Image], dataset: Dataset
) -> Iterator[InstanceFacts | FramePicture]:
    is_document = dataset.SOPClassUID == ENCAPSULATED_PDF
    yield InstanceFacts(number_of_frames=count, view="", burned_in_annotation=is_document, is_document=is_document)
    for number, sheet in enumerate(sheets):
        yield _encoded(sheet, is_shown_first=number == 0)


def _frame_picture(stored: Frame, drawing: Drawing, index: int, *, is_middle: bool) -> FramePicture:
    frame = drawing.looks.of_frame(index)
    picture, aspect = drawing.placed(drawing.draw(stored, index), index)
    made = _encoded(proportioned(picture, aspect), is_shown_first=is_middle)
    edges = None if drawing.state else frame.edges  # a presentation state may turn and flip
    return replace(made, window=frame.window, edges=edges, slice_position=frame.slice_position)


def _encoded(picture: Image.Image, *, is_shown_first: bool) -> FramePicture:
    jpeg = preview(picture)
    return FramePicture(
        preview=jpeg,
        small=small(picture),
        window=None,
        edges=None,
        slice_position=None,
        thumbnail=thumbnail(picture) if is_shown_first else None,
        key_image=key_image(picture) if is_shown_first and len(jpeg.data) > KEY_IMAGE_LIMIT else None,
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
