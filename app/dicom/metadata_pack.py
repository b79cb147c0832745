"""The metadata of a series in one object: an index, then the JSON text of each instance, as it is served.

Layout: 4 bytes of magic with the version, the lengths of the compressed index and of the compressed text (4 bytes each,
big endian), the index, the text: JSON objects with a comma between them. The index tells where each object lies in the
text, and where frames and bulk data lie in the file of the instance, so that nothing of a file is read to find them.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any

from app.core.identifiers import SopInstanceUid, TransferSyntaxUid
from app.dicom.describe import Described

_MAGIC = b"FMD1"
_HEAD = Struct("!4sII")
HEAD_BYTES = _HEAD.size
_LEVEL = 3


class BadMetadata(ValueError):
    """The bytes are no metadata of a version that we know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceMetadata:
    """What is known of one instance; see `Described` for `facts`, `pixels`, `frames` and `bulk`.

    `digest` names the version that is described. `brief` has the elements that a search answers with.
    """

    sop_instance_uid: SopInstanceUid
    digest: str
    transfer_syntax_uid: TransferSyntaxUid
    text_at: tuple[int, int]
    brief: dict[str, Any]
    facts: dict[str, int]
    pixels: tuple[int, int] | None
    frames: list[list[tuple[int, int]]] | None
    bulk: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Entry:
    """An instance to be written: its row, whose `text_at` counts for nothing, and its text."""

    row: InstanceMetadata
    text: bytes


BRIEF = ("00080016", "00080018", "00080201", "00200013", "00280008", "00280010", "00280011", "00280100")
"""Elements of a search for instances (PS3.18 Table 10.6.3-5)."""


def entry_of(uid: SopInstanceUid, digest: str, transfer_syntax_uid: TransferSyntaxUid, described: Described) -> Entry:
    """Make the entry of an instance from its description."""
    row = InstanceMetadata(
        sop_instance_uid=uid,
        digest=digest,
        transfer_syntax_uid=transfer_syntax_uid,
        text_at=(0, 0),
        brief={tag: described.elements[tag] for tag in BRIEF if tag in described.elements},
        facts=described.facts,
        pixels=described.pixels,
        frames=described.frames,
        bulk=described.bulk,
    )
    return Entry(row, described.text)


def write_metadata(entries: Sequence[Entry]) -> bytes:
    """Write the metadata of a series, its instances in display order."""
    rows, texts, at = [], [], 0
    for entry in entries:
        row = entry.row
        rows.append([
            row.sop_instance_uid, row.digest, row.transfer_syntax_uid, [at, len(entry.text)],
            row.brief, row.facts, row.pixels, row.frames, row.bulk,
        ])  # fmt: skip
        texts.append(entry.text)
        at += len(entry.text) + 1
    index = zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), _LEVEL)
    text = zlib.compress(b",".join(texts), _LEVEL)
    return _HEAD.pack(_MAGIC, len(index), len(text)) + index + text


def read_index(data: bytes) -> list[InstanceMetadata]:
    """Read the index from the start of the object.

    Raises
    ------
    BadMetadata
        When it is none, or cut.
    """
    index, _ = _lengths(data)
    try:
        rows = json.loads(zlib.decompress(data[HEAD_BYTES : HEAD_BYTES + index]))
    except zlib.error:
        raise BadMetadata("The index is cut.") from None
    return [_row(row) for row in rows]


def _row(row: list[Any]) -> InstanceMetadata:
    uid, digest, syntax, text_at, brief, facts, pixels, frames, bulk = row
    return InstanceMetadata(
        sop_instance_uid=SopInstanceUid(uid),
        digest=digest,
        transfer_syntax_uid=TransferSyntaxUid(syntax),
        text_at=(text_at[0], text_at[1]),
        brief=brief,
        facts=facts,
        pixels=tuple(pixels) if pixels else None,
        frames=frames,
        bulk=bulk,
    )


def index_bytes(head: bytes) -> int:
    """Tell how many bytes from the start hold the index, from the first `HEAD_BYTES`."""
    return HEAD_BYTES + _lengths(head)[0]


def read_text(data: bytes) -> bytes:
    """Give the text of all instances from the whole object."""
    index, text = _lengths(data)
    try:
        return zlib.decompress(data[HEAD_BYTES + index : HEAD_BYTES + index + text])
    except zlib.error:
        raise BadMetadata("The text is cut.") from None


def read_first_text(data: bytes) -> bytes:
    """Give the text of the first instance, without inflating the others."""
    index, text = _lengths(data)
    rows = read_index(data)
    if not rows:
        return b"{}"
    at, length = rows[0].text_at
    return zlib.decompressobj().decompress(data[HEAD_BYTES + index : HEAD_BYTES + index + text], at + length)[at:]


def read_entries(data: bytes) -> list[Entry]:
    """Read all entries back, to write them again beside new ones."""
    text = read_text(data)
    return [Entry(row, text[row.text_at[0] : row.text_at[0] + row.text_at[1]]) for row in read_index(data)]


def _lengths(data: bytes) -> tuple[int, int]:
    if len(data) < HEAD_BYTES or data[:4] != _MAGIC:
        raise BadMetadata("This is no metadata of a known version.")
    _, index, text = _HEAD.unpack_from(data)
    return index, text
