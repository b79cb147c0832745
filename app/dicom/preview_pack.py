"""The previews of a series in one object: an index, then the pictures one after the other.

Layout: 4 bytes of magic with the version, the length of the index (4 bytes, big endian), the index as JSON, the JPEGs.
The index gives each picture's offset from the start of the object, so that a reader fetches and decrypts that range
only. Frames that cannot be shown stay in the index with their reason: what is counted there is what was received.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any

from app.core.identifiers import SopInstanceUid
from app.dicom.decode_pool import RenderedInstance
from app.dicom.geometry import Edges
from app.dicom.pictures import FramePicture
from app.dicom.render import Code, Jpeg, NotRenderable

_MAGIC = b"FPK1"
_HEAD = Struct("!4sI")
HEAD_BYTES = _HEAD.size
_BURNED_IN = 8  # its place in a row of the index


class BadPack(ValueError):
    """The bytes are no preview pack of a version that we know, or not all of its index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesInstance:
    """One rendered instance of a series, with its Instance Number (0020,0013)."""

    sop_instance_uid: SopInstanceUid
    instance_number: int | None
    rendered: RenderedInstance


@dataclass(frozen=True, slots=True)
class PackPicture:
    """Where a JPEG lies in the object, in bytes, and its size in pixels."""

    offset: int
    length: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PackFrame:
    """One frame of a series, in display order.

    Either `picture` is there, or `reason` and `reason_text` say why not. `frame_number` counts from 1 within its
    instance. `window` is center and width of the window applied, None for another mapping. `own_key_image` is there
    where the preview is too large for the first view of a page.
    """

    sop_instance_uid: SopInstanceUid
    frame_number: int
    picture: PackPicture | None
    small: PackPicture | None
    own_key_image: PackPicture | None
    edges: Edges | None
    window: tuple[float, float] | None
    view: str
    burned_in_annotation: bool
    reason: Code | None
    reason_text: str

    @property
    def key_image(self) -> PackPicture | None:
        """The picture of this frame for the first view of a page."""
        return self.own_key_image or self.picture


@dataclass(frozen=True, slots=True, kw_only=True)
class PackIndex:
    """What a pack holds.

    `key` is the place in `frames` of the frame that stands for the series; None without any, or where text that may
    name the patient is burned into it. `presets` are the windows, beside the default one, that instances of the series
    can be shown in: a name and the file's own word for it, or `""`. `documents` are the instances whose frames are
    pages of a text.
    """

    frames: tuple[PackFrame, ...]
    key: int | None
    thumbnail: PackPicture | None
    presets: tuple[tuple[str, str], ...] = ()
    documents: frozenset[str] = frozenset()


def display_order(instances: Sequence[SeriesInstance]) -> list[SeriesInstance]:
    """Sort the instances of a series for display.

    By Instance Number, which is the order that the scanner meant; where one lacks it or two share it, by position along
    the normal of the slices; where that is not known of all, by number as far as there is one, then by UID.
    """
    numbers = {instance.instance_number for instance in instances}
    positions = [_slice_position(instance) for instance in instances]
    if (None in numbers or len(numbers) < len(instances)) and None not in positions:
        order = sorted(range(len(instances)), key=lambda at: (positions[at], _number_then_uid(instances[at])))
        return [instances[at] for at in order]
    return sorted(instances, key=_number_then_uid)


def _number_then_uid(instance: SeriesInstance) -> tuple[bool, int, str]:
    number = instance.instance_number
    return number is None, number or 0, instance.sop_instance_uid


def _slice_position(instance: SeriesInstance) -> float | None:
    first = instance.rendered.frames[0]
    return first.slice_position if isinstance(first, FramePicture) else None


def write_pack(instances: Sequence[SeriesInstance]) -> Iterator[bytes]:
    """Write the pack of a series.

    Parameters
    ----------
    instances : sequence of SeriesInstance
        In display order.

    Yields
    ------
    bytes
        Head and index, then each picture.
    """
    pictures = _Pictures()
    frames = [
        _frame_row(instance, number, frame, pictures)
        for instance in instances
        for number, frame in enumerate(instance.rendered.frames, start=1)
    ]
    index: dict[str, Any] = {"frames": frames, "key": None, "thumbnail": None, "presets": _presets(instances)}
    index["documents"] = [
        one.sop_instance_uid for one in instances if one.rendered.facts and one.rendered.facts.is_document
    ]
    if key := _key_frame(instances):
        at, frame = key
        index["key"] = None if _has_burned_in(frames[at]) else at
        index["thumbnail"] = pictures.add(frame.thumbnail) if frame.thumbnail else None
    text = json.dumps(index, separators=(",", ":")).encode()
    yield _HEAD.pack(_MAGIC, len(text)) + text
    yield from pictures.data


def _presets(instances: Sequence[SeriesInstance]) -> list[tuple[str, str]]:
    facts = (instance.rendered.facts for instance in instances)
    return list(dict.fromkeys(preset for one in facts if one for preset in one.presets))


class _Pictures:
    """The pictures so far; offsets count from the end of the index."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self._end = 0

    def add(self, jpeg: Jpeg) -> list[int]:
        row = [self._end, len(jpeg.data), jpeg.width, jpeg.height]
        self.data.append(jpeg.data)
        self._end += len(jpeg.data)
        return row


def _frame_row(
    instance: SeriesInstance, number: int, frame: FramePicture | NotRenderable, pictures: _Pictures
) -> list[Any]:
    facts = instance.rendered.facts
    shared = [facts.view if facts else "", bool(facts and facts.burned_in_annotation)]
    if isinstance(frame, NotRenderable):
        return [instance.sop_instance_uid, number, None, None, None, None, None, *shared, frame.code, frame.reason]
    edges = frame.edges and [frame.edges.left, frame.edges.right, frame.edges.top, frame.edges.bottom]
    key_image = frame.key_image and pictures.add(frame.key_image)
    window = frame.window and [frame.window.center, frame.window.width]
    return [
        instance.sop_instance_uid,
        number,
        pictures.add(frame.preview),
        pictures.add(frame.small),
        key_image,
        edges,
        window,
        *shared,
        None,
        "",
    ]


def _has_burned_in(row: list[Any]) -> bool:
    return bool(row[_BURNED_IN])


def _key_frame(instances: Sequence[SeriesInstance]) -> tuple[int, FramePicture] | None:
    """Choose the frame nearest to the middle of the series among the middle frames of instances."""
    frames = [frame for instance in instances for frame in instance.rendered.frames]
    middles = [(at, frame) for at, frame in enumerate(frames) if isinstance(frame, FramePicture) and frame.thumbnail]
    return min(middles, key=lambda middle: abs(2 * middle[0] + 1 - len(frames)), default=None)


def index_bytes(head: bytes) -> int:
    """Tell how many bytes from the start of a pack hold its index, from the first `HEAD_BYTES`.

    Raises
    ------
    BadPack
        When they do not begin a pack.
    """
    if len(head) < HEAD_BYTES or head[:4] != _MAGIC:
        raise BadPack("This is no preview pack of a known version.")
    length: int = _HEAD.unpack_from(head)[1]
    return HEAD_BYTES + length


def read_index(data: bytes) -> PackIndex:
    """Read the index of a pack.

    Parameters
    ----------
    data : bytes
        The start of the object: at least as much as `index_bytes` tells.

    Raises
    ------
    BadPack
        When it is no pack, or cut.
    """
    base = index_bytes(data)
    if len(data) < base:
        raise BadPack("The index of the preview pack is cut.")
    index = json.loads(data[HEAD_BYTES:base])
    return PackIndex(
        frames=tuple(_frame(row, base) for row in index["frames"]),
        key=index["key"],
        thumbnail=_picture(index["thumbnail"], base),
        presets=tuple((name, label) for name, label in index.get("presets", ())),  # older packs have none
        documents=frozenset(index.get("documents", ())),
    )


def _frame(row: list[Any], base: int) -> PackFrame:
    uid, number, picture, small, key_image, edges, window, view, burned_in, reason, reason_text = row
    return PackFrame(
        sop_instance_uid=SopInstanceUid(uid),
        frame_number=number,
        picture=_picture(picture, base),
        small=_picture(small, base),
        own_key_image=_picture(key_image, base),
        edges=Edges(*edges) if edges else None,
        window=(window[0], window[1]) if window else None,
        view=view,
        burned_in_annotation=burned_in,
        reason=Code(reason) if reason else None,
        reason_text=reason_text,
    )


def _picture(row: list[int] | None, base: int) -> PackPicture | None:
    return PackPicture(base + row[0], row[1], row[2], row[3]) if row else None
