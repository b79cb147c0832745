"""A stored instance in the DICOM JSON Model, and where in its file the bulk data and the frames lie.

Built once, after an instance is acknowledged; what is served later is this text. The walk reads only what it needs: the
value of a long element is stepped over, whatever its length. What cannot be walked to its end keeps what came before.

References
----------
DICOM PS3.18 Annex F (JSON Model), PS3.5 7 (encoding), A.4 (encapsulated pixel data), 6.2 (value representations).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from struct import unpack
from typing import Any, Protocol

from pydicom.datadict import dictionary_VR, private_dictionary_VR

from app.dicom.charset import character_sets
from app.dicom.json_model import BINARY, Order, json_value

ROOT = b"\x01"
"""Stands in the text for the address of the DICOMweb root; no JSON holds this byte (RFC 8259 7)."""

INLINE_BYTES = 1024
_VALUE_BYTES = 64 << 10  # of a value of text or numbers; longer is bulk data too
_ELEMENTS = 200_000
_NESTING = 32
_BLOCK = 64 << 10
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_CHARACTER_SET, _PIXEL_REPRESENTATION, _PIXEL_DATA = 0x00080005, 0x00280103, 0x7FE00010
_ANY_PIXEL_DATA = frozenset({0x7FE00008, 0x7FE00009, _PIXEL_DATA})
_EXTENDED_OFFSETS = 0x7FE00001
_LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_AMBIGUOUS = {"OB or OW": "OW", "US or OW": "OW", "US or SS or OW": "OW"}
_AS_WRITTEN, _AS_SERVED = b'"BulkDataURI":"\\u0001', b'"BulkDataURI":"' + ROOT
_FRAME_STARTS = (b"\xff\xd8", b"\xff\x4f")  # of JPEG and JPEG-LS, of JPEG 2000
_FACTS = {
    0x00280002: "samples",
    0x00280008: "frames",
    0x00280010: "rows",
    0x00280011: "columns",
    0x00280100: "bits",
}


class Undescribable(ValueError):
    """The data set cannot be walked: it contradicts itself, ends early, or is too deep or too long."""


class Source(Protocol):
    """The bytes of a file, by ranges."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    def range(self, start: int, length: int) -> bytes:
        """Give bytes `start` to `start + length`."""
        ...


@dataclass(frozen=True, slots=True)
class InMemory:
    """A file, or an inflated data set, that is in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)

    def range(self, start: int, length: int) -> bytes:
        """Give bytes `start` to `start + length`."""
        return self.data[start : start + length]


@dataclass(slots=True, kw_only=True)
class Described:
    """What an instance says, and where in its file it says the long things.

    `text` is a JSON object (UTF-8), with `ROOT` where an address begins. `bulk` maps a path, such as `7FE00010` or
    `52009229/1/00091001`, to offset and length of a value in the file; it is empty where values are not stored as they
    are served (deflated, big endian). `facts` holds `rows`, `columns`, `bits`, `samples` and `frames` as far as they
    are there. `pixels` is offset and length of the pixel data (-1: encapsulated); `frames` the fragments of each
    encapsulated frame, None where they do not part into frames. `whole` tells whether the walk came to the end.
    """

    text: bytes = b"{}"
    elements: dict[str, Any] = field(default_factory=dict)
    bulk: dict[str, tuple[int, int]] = field(default_factory=dict)
    facts: dict[str, int] = field(default_factory=dict)
    pixels: tuple[int, int] | None = None
    frames: list[list[tuple[int, int]]] | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Identity:
    """What an instance is known by, whatever can be read of it."""

    study: str
    series: str
    instance: str
    sop_class: str

    @property
    def path(self) -> str:
        """The address below a DICOMweb root."""
        return f"/studies/{self.study}/series/{self.series}/instances/{self.instance}"

    def elements(self) -> dict[str, Any]:
        """Give the same as elements."""
        uids = {"00080016": self.sop_class, "00080018": self.instance, "0020000D": self.study, "0020000E": self.series}
        return {tag: {"vr": "UI", "Value": [uid]} for tag, uid in uids.items()}


def describe(
    source: Source, offset: int, identity: Identity, *, explicit: bool, little: bool, direct: bool
) -> Described:
    """Describe one instance.

    Parameters
    ----------
    source : Source
        The file, or the inflated data set.
    offset : int
        Where the data set begins.
    identity : Identity
        Stands in the text, whatever the walk finds.
    explicit, little : bool
        The encoding of the data set.
    direct : bool
        Whether values lie in the file as they are served, so that `bulk` is of use.
    """
    walk = _Walk(source, f"\x01{identity.path}/bulkdata/", explicit=explicit, little=little, direct=direct)
    described = walk.described(offset)
    described.elements |= identity.elements()
    described.elements["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}  # of this text (PS3.18 F.2.2)
    text = json.dumps(dict(sorted(described.elements.items())), ensure_ascii=False, separators=(",", ":"))
    described.text = text.encode("utf-8", "replace").replace(_AS_WRITTEN, _AS_SERVED)
    return described


@dataclass(slots=True)
class _Context:
    """What the elements of one data set or item share."""

    implicit: bool
    order: Order
    charset: tuple[str, ...] = ()
    signed: bool = False
    path: str = ""
    depth: int = 0
    creators: dict[int, str] = field(default_factory=dict)

    def known_vr(self, tag: int) -> str:
        """Give the VR that a dictionary has for a tag, `""` for none."""
        if not tag >> 16 & 1:
            return _known_vr(tag, signed=self.signed)
        if 0x10 <= tag & 0xFFFF <= 0xFF:
            return "LO"
        creator = self.creators.get(tag >> 16 << 8 | tag >> 8 & 0xFF)
        return _private_vr(tag, creator) if creator else ""


class _Walk:
    """One walk over one data set."""

    def __init__(self, source: Source, bulk: str, *, explicit: bool, little: bool, direct: bool) -> None:
        self._source, self._bulk, self._direct = source, bulk, direct
        self._top = _Context(not explicit, "little" if little else "big")
        self._out = Described()
        self._block, self._block_at, self._count = b"", 0, 0
        self._extended: list[int] = []

    def described(self, offset: int) -> Described:
        try:
            self._elements(offset, self._source.size, self._out.elements, self._top)
        except (Undescribable, UnicodeError):
            self._out.whole = False
        return self._out

    def _elements(self, at: int, end: int, into: dict[str, Any], context: _Context) -> int:
        """Walk elements up to `end` or the end of the item; returns where that is."""
        while at + 8 <= end:
            tag, vr, length, at = self._element(at, context)
            if tag == _ITEM_END:
                return at
            self._count += 1
            if self._count > _ELEMENTS:
                raise Undescribable("More elements than any instance needs.")
            at = self._take(tag, vr, length, at, into, context)
        return at

    def _element(self, at: int, context: _Context) -> tuple[int, str, int, int]:
        """Read tag, VR (as written, or empty), length and the offset of the value."""
        order = context.order
        head = self._read(at, 8)
        tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
        vr = head[4:6]
        if context.implicit or tag >> 16 == 0xFFFE or not (vr.isalpha() and vr.isupper()):  # some change on the way
            return tag, "", int.from_bytes(head[4:8], order), at + 8
        name = vr.decode("ascii", "replace")
        if name not in _LONG:
            return tag, name, int.from_bytes(head[6:8], order), at + 8
        return tag, name, int.from_bytes(self._read(at + 8, 4), order), at + 12

    def _take(self, tag: int, vr: str, length: int, at: int, into: dict[str, Any], context: _Context) -> int:
        implicit = context.implicit or vr in {"", "UN"}  # of a sequence (PS3.5 6.2.2)
        vr = (vr if vr not in {"", "UN"} else context.known_vr(tag)) or "UN"
        name = f"{tag:08X}"
        if vr == "SQ" or (length == _UNDEFINED and tag not in _ANY_PIXEL_DATA):
            into[name] = {"vr": "SQ", "Value": []}
            at = self._sequence(at, length, into[name]["Value"], context, f"{context.path}{name}/", implicit=implicit)
            if not into[name]["Value"]:
                del into[name]["Value"]
            return at
        if length == _UNDEFINED:
            into[name] = self._bulk_data(vr, name, context)
            return self._fragments(at)
        if at + length > self._source.size:
            raise Undescribable("A value ends behind the file.")
        if tag & 0xFFFF:
            into[name] = self._value(tag, vr, at, length, context)
        return at + length

    def _sequence(self, at: int, length: int, items: list[Any], context: _Context, path: str, *, implicit: bool) -> int:
        end = self._source.size if length == _UNDEFINED else at + length
        if context.depth >= _NESTING:
            self._out.whole = False
            if length == _UNDEFINED:
                raise Undescribable("Sequences are nested too deeply.")
            return end
        while at + 8 <= end:
            tag, _, size, at = self._element(at, context)
            if tag == _SEQUENCE_END:
                return at
            if tag != _ITEM:
                raise Undescribable("A sequence holds something that is no item.")
            item: dict[str, Any] = {}
            items.append(item)
            inner = replace(
                context, implicit=implicit, path=f"{path}{len(items)}/", depth=context.depth + 1, creators={}
            )
            stop = end if size == _UNDEFINED else at + size
            at = self._elements(at, min(stop, end), item, inner)
            at = at if size == _UNDEFINED else stop
        return end

    def _value(self, tag: int, vr: str, at: int, length: int, context: _Context) -> dict[str, Any]:
        name = f"{tag:08X}"
        if tag in _ANY_PIXEL_DATA and not context.depth:
            self._out.pixels = (at, length)
        limit = INLINE_BYTES if vr in BINARY else _VALUE_BYTES
        if length > limit or tag in _ANY_PIXEL_DATA:
            if self._direct:
                self._out.bulk[context.path + name] = (at, length)
            if tag == _EXTENDED_OFFSETS and length <= 8 * _ELEMENTS:
                self._extended = list(unpack(f"<{length // 8}Q", self._read(at, length // 8 * 8)))
            return self._bulk_data(vr, name, context)
        raw = self._read(at, length)
        value = json_value(vr, raw, context.charset, context.order)
        if tag == _CHARACTER_SET:
            context.charset = character_sets(raw)
        elif tag >> 16 & 1 and tag & 0xFFFF <= 0xFF:
            context.creators[tag >> 16 << 8 | tag & 0xFF] = value.get("Value", [""])[0] or ""
        elif not context.depth:
            self._note(tag, value, context)
        return value

    def _note(self, tag: int, value: dict[str, Any], context: _Context) -> None:
        first = value.get("Value", [None])[0]
        if tag == _PIXEL_REPRESENTATION:
            context.signed = first == 1
        elif tag in _FACTS and isinstance(first, int):
            self._out.facts[_FACTS[tag]] = first

    def _bulk_data(self, vr: str, name: str, context: _Context) -> dict[str, Any]:
        return {"vr": vr, "BulkDataURI": f"{self._bulk}{context.path}{name}"}

    def _fragments(self, at: int) -> int:
        """Walk encapsulated pixel data: the Basic Offset Table, then fragments (PS3.5 A.4)."""
        start, found = at, list[tuple[int, int]]()
        end = self._source.size
        while at + 8 <= end:
            tag, _, length, at = self._element(at, self._top)
            if tag == _SEQUENCE_END:
                break
            if tag != _ITEM or at + length > end:
                raise Undescribable("Encapsulated pixel data holds something that is no fragment.")
            found.append((at, length))
            at += length
            if len(found) > _ELEMENTS:
                raise Undescribable("More fragments than any instance needs.")
        self._out.pixels = (start, -1)
        if found:
            table, fragments = found[0], found[1:]
            self._out.frames = self._frames(self._extended or self._offsets(table), fragments)
        return at

    def _offsets(self, table: tuple[int, int]) -> list[int]:
        at, length = table
        return list(unpack(f"<{length // 4}I", self._read(at, length // 4 * 4))) if length <= 4 * _ELEMENTS else []

    def _frames(self, offsets: Sequence[int], fragments: list[tuple[int, int]]) -> list[list[tuple[int, int]]] | None:
        """Part fragments into frames: by an offset table, by their number, or by how a compressed image begins."""
        count = max(self._out.facts.get("frames", 1), 1)
        if count == 1:
            return [fragments]
        if len(fragments) == count:
            return [[fragment] for fragment in fragments]
        if len(offsets) == count and fragments:
            first = fragments[0][0] - 8
            starts = {first + offset for offset in offsets}
        else:
            starts = {at - 8 for at, length in fragments if length > 1 and self._read(at, 2) in _FRAME_STARTS}
        frames: list[list[tuple[int, int]]] = []
        for at, length in fragments:
            if at - 8 in starts:
                frames.append([])
            if frames:
                frames[-1].append((at, length))
        return frames if len(frames) == count else None

    def _read(self, at: int, length: int) -> bytes:
        """Read from the file, by blocks: most of what is asked for lies side by side."""
        start = at - self._block_at
        if start < 0 or start + length > len(self._block):
            if at + length > self._source.size:
                raise Undescribable("The data set ends within an element.")
            wanted = min(max(length, _BLOCK), self._source.size - at)
            self._block, self._block_at, start = self._source.range(at, wanted), at, 0
        return self._block[start : start + length]


@lru_cache(maxsize=8192)
def _known_vr(tag: int, *, signed: bool) -> str:
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return ""
    if vr == "US or SS":
        return "SS" if signed else "US"
    return _AMBIGUOUS.get(vr, vr)


@lru_cache(maxsize=8192)
def _private_vr(tag: int, creator: str) -> str:
    try:
        return private_dictionary_VR(tag, creator)
    except KeyError:
        return ""
