"""A whole instance to pictures, frame by frame, in bounded memory. Runs in the child of `decode_worker`.

References
----------
DICOM PS3.5 8 and Annex A (pixel data in its transfer syntaxes), PS3.3 C.7.6.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import SEEK_CUR, BytesIO
from itertools import islice
from typing import Any, BinaryIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.pixels.utils import as_pixel_options
from pydicom.uid import JPEG2000, UID, DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit

from app.dicom.geometry import Edges
from app.dicom.look import Looks, kind_of
from app.dicom.render import (
    KEY_IMAGE_LIMIT,
    Code,
    Jpeg,
    NotRenderable,
    Pixels,
    Window,
    key_image,
    preview,
    render_frame,
    small,
    thumbnail,
)

MAX_FRAMES = 2_000
MAX_PIXELS = 100_000_000  # of one frame
# The first decoder asked, where it is the faster or the safer one; any other that can is asked when it fails.
_KEYWORDS = {
    (0x7FE0, 0x0008): "FloatPixelData",
    (0x7FE0, 0x0009): "DoubleFloatPixelData",
    (0x7FE0, 0x0010): "PixelData",
}
_FIRST_DECODER = {JPEGBaseline8Bit: "pillow", JPEG2000: "pylibjpeg", JPEG2000Lossless: "pylibjpeg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFacts:
    """What is said once of an instance. `view` is the projection's view and side, such as `CC R`, or `""`."""

    number_of_frames: int
    view: str
    burned_in_annotation: bool


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


def pictures(file: BinaryIO) -> Iterator[InstanceFacts | FramePicture]:
    """Render an instance: its facts first, then each frame in the order of the file.

    Parameters
    ----------
    file : BinaryIO
        A PS3.10 file.

    Raises
    ------
    NotRenderable
        For the frames that have not been given.
    """
    try:
        yield from _pictures(file)
    except NotRenderable:
        raise
    except MemoryError:
        raise NotRenderable(Code.TOO_LARGE, "Decoding needs more memory than it may have.") from None
    except Exception as error:  # noqa: BLE001  (a decoder may raise anything; what it says may quote the file)
        raise NotRenderable(Code.DECODER_FAILED, f"Decoding failed ({type(error).__name__}).") from None


def _pictures(file: BinaryIO) -> Iterator[InstanceFacts | FramePicture]:
    dataset = dcmread(file, stop_before_pixels=True, force=True)
    facts = _facts(dataset)
    _check_size(dataset, facts)
    yield facts
    looks = Looks(dataset)
    middle = facts.number_of_frames // 2
    for index, stored in enumerate(_frames(file, dataset, facts.number_of_frames)):
        yield _frame_picture(stored, looks, index, is_middle=index == middle)


def _frame_picture(stored: Pixels, looks: Looks, index: int, *, is_middle: bool) -> FramePicture:
    frame = looks.of_frame(index)
    picture = render_frame(stored, frame.look, aspect=frame.aspect)
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


def _facts(dataset: Dataset) -> InstanceFacts:
    if "Rows" not in dataset or "Columns" not in dataset:
        raise NotRenderable(Code.NO_PIXEL_DATA, kind_of(str(dataset.get("SOPClassUID", ""))))
    view = (dataset.get("ViewPosition"), dataset.get("ImageLaterality") or dataset.get("Laterality"))
    return InstanceFacts(
        number_of_frames=max(int(dataset.get("NumberOfFrames") or 1), 1),
        view=" ".join(str(word) for word in view if word),
        burned_in_annotation=dataset.get("BurnedInAnnotation") == "YES",
    )


def _check_size(dataset: Dataset, facts: InstanceFacts) -> None:
    if facts.number_of_frames > MAX_FRAMES:
        raise NotRenderable(Code.TOO_LARGE, f"More than {MAX_FRAMES} frames.")
    if int(dataset.Rows) * int(dataset.Columns) > MAX_PIXELS:
        raise NotRenderable(Code.TOO_LARGE, f"More than {MAX_PIXELS} pixels in a frame.")


def _frames(file: BinaryIO, dataset: Dataset, count: int) -> Iterator[Pixels]:
    """Decode frame by frame from the file; where the preferred decoder fails, any other one goes on."""
    syntax = UID(dataset.file_meta.get("TransferSyntaxUID") or _assumed_syntax(dataset))
    decoder = _decoder(syntax)
    source, options = _pixel_source(file, dataset, syntax)
    start, done = source.tell(), 0
    for plugin in dict.fromkeys((_FIRST_DECODER.get(syntax, ""), "")):
        source.seek(start)
        rest = range(done, count) if done else None  # all in one go need no search for each
        frames = decoder.iter_array(source, indices=rest, decoding_plugin=plugin, **options)
        try:
            for stored, _ in islice(frames, count - done):
                yield stored
                done += 1
            return
        except (AttributeError, RuntimeError, TypeError, ValueError):
            if not plugin:
                raise


def _decoder(syntax: UID) -> Decoder:
    try:
        return get_decoder(syntax)
    except NotImplementedError:
        raise NotRenderable(Code.UNSUPPORTED_TRANSFER_SYNTAX, f"Transfer syntax {syntax}.") from None


def _pixel_source(file: BinaryIO, dataset: Dataset, syntax: UID) -> tuple[BinaryIO, dict[str, Any]]:
    """Give the stream that stands at the value of the pixel data, and the options of the decoder.

    `dataset` has been read from `file` up to the pixel data: there the file stands still.
    """
    options = as_pixel_options(dataset, transfer_syntax_uid=syntax)
    if syntax == DeflatedExplicitVRLittleEndian:  # the file is no place to read from: inflate all
        file.seek(0)
        dataset = dcmread(file)
        keyword = next((name for name in _KEYWORDS.values() if name in dataset), "")
        if not keyword:
            raise NotRenderable(Code.NO_PIXEL_DATA, kind_of(str(dataset.get("SOPClassUID", ""))))
        return BytesIO(dataset[keyword].value), options | {"pixel_keyword": keyword, "pixel_vr": dataset[keyword].VR}
    implicit, little = dataset.original_encoding
    head = file.read(8)
    tag = tuple(int.from_bytes(head[at : at + 2], "little" if little else "big") for at in (0, 2))
    if tag not in _KEYWORDS:
        raise NotRenderable(Code.NO_PIXEL_DATA, kind_of(str(dataset.get("SOPClassUID", ""))))
    explicit = not implicit and b"AA" <= head[4:6] <= b"ZZ"  # some writers change to implicit on the way
    if explicit:
        file.seek(4, SEEK_CUR)  # the length
    vr = head[4:6].decode() if explicit else "OW"
    return file, options | {"pixel_keyword": _KEYWORDS[tag], "pixel_vr": vr}


def _assumed_syntax(dataset: Dataset) -> str:
    implicit, little = dataset.original_encoding
    return "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"
