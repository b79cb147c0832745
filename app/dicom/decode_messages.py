"""What a decoding child and its parent say to each other: a request with a file, then messages until an empty one.

References
----------
A request is pickled, since it comes from us; an answer is JSON and bytes, since the child may be taken over by a file.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from struct import Struct
from typing import Any

from app.dicom.frames import MAX_FRAMES
from app.dicom.geometry import Edges
from app.dicom.pictures import FramePicture, InstanceFacts
from app.dicom.render import Code, Jpeg, NotRenderable, VoiFunction, Window
from app.dicom.rendition import Rendition

REQUEST = Struct("!QQ")  # lengths of the request and of the file
SECONDS_PER_FRAME = 0.25  # what each frame adds to the time of an instance
PIECE = 1 << 20  # bytes of a longer answer in one message
_MESSAGE_LIMIT = 16 << 20  # bytes; three JPEGs are far below
_MOST_PRESETS = 20
_PARTS = Struct("!IIIII")  # lengths of the JSON, the preview, the small picture, the thumbnail, the key image


@dataclass(frozen=True, slots=True)
class Previews:
    """All pictures of an instance are wanted, in the window of a preset, by a presentation state, or as they are."""

    preset: str | None = None
    presentation_state: bytes | None = None


@dataclass(frozen=True, slots=True)
class Explicit:
    """The whole instance is wanted in Explicit VR Little Endian."""


@dataclass(frozen=True, slots=True)
class NativeFrames:
    """Some frames are wanted, counted from 1, as native cells."""

    frames: tuple[int, ...]


Request = Previews | Explicit | NativeFrames | Rendition


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer that is bytes; `part` counts the answers to one request from 0."""

    part: int
    data: bytes


Message = InstanceFacts | FramePicture | Piece


def receive_message(receive: Callable[[int], bytes]) -> Message | None:
    """Read a message of a child; None is the end of an answer.

    Raises
    ------
    NotRenderable
        When the child says so.
    ValueError, KeyError, TypeError
        When it is no message.
    """
    sizes = _PARTS.unpack(receive(_PARTS.size))
    if sum(sizes) > _MESSAGE_LIMIT:
        raise ValueError("A message is too long.")
    text, *blobs = (receive(size) for size in sizes)
    return _parse_message(json.loads(text), blobs)


def encode_message(item: Message | NotRenderable | None) -> bytes:
    """Give a message as bytes."""
    jpegs: tuple[Jpeg | None, ...] = ()
    if isinstance(item, InstanceFacts):
        message: dict[str, Any] = {"facts": asdict(item)}
    elif isinstance(item, FramePicture):
        jpegs = (item.preview, item.small, item.thumbnail, item.key_image)
        message = {
            "sizes": [[jpeg.width, jpeg.height] if jpeg else [0, 0] for jpeg in jpegs],
            "window": item.window and [item.window.center, item.window.width, item.window.function],
            "edges": item.edges and [item.edges.left, item.edges.right, item.edges.top, item.edges.bottom],
            "slice_position": item.slice_position,
        }
    elif isinstance(item, Piece):
        jpegs = (Jpeg(item.data, 0, 0),)
        message = {"part": item.part}
    else:
        message = {"code": item.code, "reason": item.reason} if item else {}
    text = json.dumps(message).encode()
    blobs = [jpeg.data if jpeg else b"" for jpeg in (*jpegs, *[None] * 4)[:4]]
    return b"".join((_PARTS.pack(len(text), *map(len, blobs)), text, *blobs))


def _parse_message(message: Any, blobs: list[bytes]) -> Message | None:
    """Read a message of a child, which may have been taken over by a file; None is the end of an instance."""
    if not isinstance(message, dict):
        raise TypeError("A message is an object.")
    if not message:
        return None
    if "code" in message:
        raise NotRenderable(Code(message["code"]), str(message["reason"])[:200])
    if "part" in message:
        return Piece(int(message["part"]), blobs[0])
    if facts := message.get("facts"):
        return _parse_facts(facts)
    return _parse_frame(message, blobs)


def _parse_facts(facts: Any) -> InstanceFacts:
    count = int(facts["number_of_frames"])
    if not 1 <= count <= MAX_FRAMES:
        raise ValueError("The number of frames is out of range.")
    return InstanceFacts(
        number_of_frames=count,
        view=str(facts["view"])[:40],
        burned_in_annotation=bool(facts["burned_in_annotation"]),
        presets=tuple((str(name)[:40], str(label)[:40]) for name, label in facts["presets"][:_MOST_PRESETS]),
        is_document=bool(facts["is_document"]),
    )


def _parse_frame(message: dict[str, Any], blobs: list[bytes]) -> FramePicture:
    first, *others = (_parse_jpeg(blob, *size) for blob, size in zip(blobs, message["sizes"], strict=True))
    if first is None or others[0] is None:
        raise ValueError("A frame has no picture.")
    window, position = message["window"], message["slice_position"]
    return FramePicture(
        preview=first,
        small=others[0],
        window=Window(float(window[0]), float(window[1]), VoiFunction(window[2])) if window else None,
        edges=Edges(*(word and str(word)[:1] for word in message["edges"])) if message["edges"] else None,
        slice_position=None if position is None else float(position),
        thumbnail=others[1],
        key_image=others[2],
    )


def _parse_jpeg(data: bytes, width: int, height: int) -> Jpeg | None:
    if data and not data.startswith(b"\xff\xd8\xff"):
        raise ValueError("A picture is no JPEG.")
    return Jpeg(data, int(width), int(height)) if data else None
