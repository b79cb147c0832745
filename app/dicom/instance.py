"""What the head of an instance says: identity, the few attributes we index, where the data set begins.

Only first-level elements up to Number of Frames are walked, by our own few lines: 20 times faster than building a
data set, and no large parser meets a stranger's bytes in the process that holds keys.

References
----------
DICOM PS3.5 7 (data set encoding), A.4 and A.5 (transfer syntaxes), PS3.10 7.1 (File Meta Information).
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct

from app.core.identifiers import (
    InvalidUid,
    SeriesInstanceUid,
    SopClassUid,
    SopInstanceUid,
    StudyInstanceUid,
    TransferSyntaxUid,
    parse_uid,
)
from app.dicom.charset import character_sets, decode_text

IMPLICIT_VR_LITTLE_ENDIAN = TransferSyntaxUid("1.2.840.10008.1.2")
EXPLICIT_VR_LITTLE_ENDIAN = TransferSyntaxUid("1.2.840.10008.1.2.1")
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = TransferSyntaxUid("1.2.840.10008.1.2.1.99")
EXPLICIT_VR_BIG_ENDIAN = TransferSyntaxUid("1.2.840.10008.1.2.2")

CANNOT_UNDERSTAND = 0xC000
DOES_NOT_MATCH = 0xA900
TRANSFER_SYNTAX_NOT_SUPPORTED = 0xC122

INFLATE_LIMIT = 1 << 20  # bytes: a deflated data set gives its header within the first MiB, or is refused
_VALUE_LIMIT = 1024  # bytes: no wanted VR allows more (PN: 3 groups of 64 characters of 4 bytes); beyond is no value
_NESTING_LIMIT = 32
_UNDEFINED = 0xFFFFFFFF
_FIRST_GROUPS = frozenset({b"\x02\0", b"\x08\0", b"\0\x08"})  # file meta information, or a data set at once
_IMPLICIT_INSIDE = frozenset({b"", b"UN"})  # a sequence of unknown VR is in Implicit VR (PS3.5 6.2.2)
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_INTEGER_STRING = re.compile(r"[+-]?\d{1,12}", re.ASCII)
_NO_TEXT = dict.fromkeys(  # controls, and what ends a line or turns the direction of all that follows it on a page
    (*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A)), "\ufffd"
)
_CHARACTER_SET = 0x00080005
_TEXT = {
    "study_date": (0x00080020, "DA"),
    "study_time": (0x00080030, "TM"),
    "accession_number": (0x00080050, "SH"),
    "modality": (0x00080060, "CS"),
    "referring_physician_name": (0x00080090, "PN"),
    "study_description": (0x00081030, "LO"),
    "series_description": (0x0008103E, "LO"),
    "patient_name": (0x00100010, "PN"),
    "patient_id": (0x00100020, "LO"),
    "issuer_of_patient_id": (0x00100021, "LO"),
    "patient_birth_date": (0x00100030, "DA"),
    "patient_sex": (0x00100040, "CS"),
    "body_part_examined": (0x00180015, "CS"),
    "protocol_name": (0x00181030, "LO"),
    "study_id": (0x00200010, "SH"),
}
_SOP_CLASS_UID, _SOP_INSTANCE_UID = 0x00080016, 0x00080018
_STUDY_INSTANCE_UID, _SERIES_INSTANCE_UID = 0x0020000D, 0x0020000E
_SERIES_NUMBER, _INSTANCE_NUMBER, _NUMBER_OF_FRAMES = 0x00200011, 0x00200013, 0x00280008
_WANTED = frozenset(
    {tag for tag, _ in _TEXT.values()}
    | {_CHARACTER_SET, _SOP_CLASS_UID, _SOP_INSTANCE_UID, _STUDY_INSTANCE_UID, _SERIES_INSTANCE_UID}
    | {_SERIES_NUMBER, _INSTANCE_NUMBER, _NUMBER_OF_FRAMES}
)
_LAST_WANTED = max(_WANTED)
_META_TRANSFER_SYNTAX_UID = 0x00020010
_META_WANTED = frozenset({_META_TRANSFER_SYNTAX_UID})


class NeedMoreBytes(Exception):
    """The head ends before what is wanted; ask again with more of the file."""


class UnreadableInstance(ValueError):
    """An instance that is refused.

    Attributes
    ----------
    reason_code : int
        Failure Reason of STOW-RS (PS3.18 Table I.2-2) and status of C-STORE (PS3.4 Table B.2-1).
    reason : str
        A sentence without patient data.
    """

    reason_code = CANNOT_UNDERSTAND

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotDicom(UnreadableInstance):
    """The bytes do not read as a DICOM data set."""


class DoesNotMatch(UnreadableInstance):
    """A mandatory UID is missing or malformed."""

    reason_code = DOES_NOT_MATCH


class BadTransferSyntax(UnreadableInstance):
    """The transfer syntax is no UID."""

    reason_code = TRANSFER_SYNTAX_NOT_SUPPORTED


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceHeader:
    """The attributes of an instance that are indexed. Text is decoded; `""` or None stands for an absent value.

    `dataset_offset` is in bytes from the start of the file, 0 for a bare data set. `patient_name` keeps the form
    `alphabetic=ideographic=phonetic` with `^` between components (PS3.5 6.2.1). DA and TM stay text.
    """

    sop_class_uid: SopClassUid
    sop_instance_uid: SopInstanceUid
    study_instance_uid: StudyInstanceUid
    series_instance_uid: SeriesInstanceUid
    transfer_syntax_uid: TransferSyntaxUid
    dataset_offset: int
    patient_id: str
    issuer_of_patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    accession_number: str
    study_date: str
    study_time: str
    referring_physician_name: str
    study_description: str
    study_id: str
    modality: str
    series_description: str
    series_number: int | None
    instance_number: int | None
    number_of_frames: int
    body_part_examined: str
    protocol_name: str


class _Elements:
    """A walk over the elements of an encoded data set, of which `data` holds the start or (`complete`) all."""

    def __init__(self, data: bytes, *, complete: bool, explicit: bool = True, big_endian: bool = False) -> None:
        order = ">" if big_endian else "<"
        self._data, self._complete, self._explicit = data, complete, explicit
        self._short_head = Struct(order + "HH2sH").unpack_from
        self._u32 = Struct(order + "I").unpack_from

    def collect(self, at: int, wanted: frozenset[int], last: int) -> tuple[dict[int, bytes], int]:
        """Give the wanted values, and where the first element after `last` (or the end) is."""
        found: dict[int, bytes] = {}
        data, size = self._data, len(self._data)
        while size - at >= 8:
            tag, vr, length, value = self._element(at, implicit=not self._explicit)
            if tag > last:
                return found, at
            if length == _UNDEFINED:
                at = self._after_sequence(value, implicit=not self._explicit or vr in _IMPLICIT_INSIDE, depth=1)
                continue
            at = value + length
            if tag in wanted and at <= size:
                found[tag] = data[value:at] if length <= _VALUE_LIMIT else b""
        if at > size or not self._complete:
            raise self._end_within_element()
        return found, at

    def _end_within_element(self) -> Exception:
        return NotDicom("The data set ends within an element.") if self._complete else NeedMoreBytes()

    def _element(self, at: int, *, implicit: bool) -> tuple[int, bytes, int, int]:
        """Read tag, VR (empty when implicit), length and the offset of the value."""
        data = self._data
        if at + 8 > len(data):
            raise self._end_within_element()
        group, element, vr, length = self._short_head(data, at)
        tag = group << 16 | element
        if implicit or group == 0xFFFE or not b"AA" <= vr <= b"ZZ":  # some writers change to implicit on the way
            return tag, b"", self._u32(data, at + 4)[0], at + 8
        if vr not in _LONG_VRS:
            return tag, vr, length, at + 8
        if at + 12 > len(data):
            raise self._end_within_element()
        return tag, vr, self._u32(data, at + 8)[0], at + 12

    def _after_sequence(self, at: int, *, implicit: bool, depth: int) -> int:
        if depth > _NESTING_LIMIT:
            raise NotDicom("Sequences are nested too deeply.")
        while True:
            tag, _, length, at = self._element(at, implicit=implicit)
            if tag == _SEQUENCE_END:
                return at
            if tag != _ITEM:
                raise NotDicom("A sequence holds something that is no item.")
            at = self._after_item(at, implicit=implicit, depth=depth) if length == _UNDEFINED else at + length

    def _after_item(self, at: int, *, implicit: bool, depth: int) -> int:
        while True:
            tag, vr, length, at = self._element(at, implicit=implicit)
            if tag == _ITEM_END:
                return at
            if length == _UNDEFINED:
                at = self._after_sequence(at, implicit=implicit or vr in _IMPLICIT_INSIDE, depth=depth + 1)
            else:
                at += length


def parse_header(head: bytes, *, complete: bool) -> InstanceHeader:
    """Read the header of an instance in a PS3.10 file.

    Parameters
    ----------
    head : bytes
        The first bytes of the file, 1 MiB or so.
    complete : bool
        Whether `head` is the whole file.

    Returns
    -------
    InstanceHeader

    Raises
    ------
    NeedMoreBytes
        When the wanted attributes are not all within `head` and there is more.
    NotDicom, DoesNotMatch, BadTransferSyntax
        When the instance is refused.

    Notes
    -----
    A file without preamble, or without file meta information at all, is taken when its data set can be read.

    References
    ----------
    DICOM PS3.10 7.1.
    """
    offset, syntax = _data_set_at(head, complete=complete)
    return _read(head, offset, syntax, complete=complete)


def data_set_of(head: bytes) -> tuple[int, bool]:
    """Tell where the data set of a stored file begins, and whether its elements name their VR.

    Parameters
    ----------
    head : bytes
        The first bytes of a file that `parse_header` has read.
    """
    offset, _ = _data_set_at(head, complete=True)
    return offset, _is_explicit(head, offset)


def _data_set_at(head: bytes, *, complete: bool) -> tuple[int, TransferSyntaxUid]:
    if len(head) < 140 and not complete:
        raise NeedMoreBytes
    start = 132 if head[128:132] == b"DICM" else 0
    if not start and head[:2] not in _FIRST_GROUPS:
        raise NotDicom("This is no DICOM file: it has neither the DICM prefix nor a data set at its start.")
    meta, offset = _Elements(head, complete=complete).collect(start, _META_WANTED, 0x0002FFFF)
    return offset, _transfer_syntax(meta.get(_META_TRANSFER_SYNTAX_UID, b"")) or _guessed_syntax(head, offset)


def parse_dataset_header(head: bytes, transfer_syntax_uid: str, *, complete: bool) -> InstanceHeader:
    """Read the header of an instance in a bare data set, as C-STORE carries it.

    Parameters
    ----------
    head : bytes
        The first bytes of the encoded data set, 1 MiB or so.
    transfer_syntax_uid : str
        Of the presentation context.
    complete : bool
        Whether `head` is the whole data set.

    Raises
    ------
    NeedMoreBytes
        When the wanted attributes are not all within `head` and there is more.
    NotDicom, DoesNotMatch, BadTransferSyntax
        When the instance is refused.
    """
    syntax = _transfer_syntax(transfer_syntax_uid.encode("ascii", "replace"))
    if not syntax:
        raise BadTransferSyntax("The transfer syntax is missing.")
    return _read(head, 0, syntax, complete=complete)


def _transfer_syntax(raw: bytes) -> TransferSyntaxUid | None:
    text = raw.decode("ascii", "replace").strip(" \0")
    try:
        return TransferSyntaxUid(parse_uid(text)) if text else None
    except InvalidUid:
        raise BadTransferSyntax("The transfer syntax is no UID.") from None


def _guessed_syntax(head: bytes, at: int) -> TransferSyntaxUid:
    if head[at : at + 2] == b"\0\x08":
        return EXPLICIT_VR_BIG_ENDIAN
    return EXPLICIT_VR_LITTLE_ENDIAN if _is_explicit(head, at) else IMPLICIT_VR_LITTLE_ENDIAN


def _is_explicit(data: bytes, at: int) -> bool:
    """Tell by the first element: what is declared may be wrong, and the bytes of a VR are no likely length."""
    vr = data[at + 4 : at + 6]
    return vr.isalpha() and vr.isupper()


def _read(head: bytes, offset: int, syntax: TransferSyntaxUid, *, complete: bool) -> InstanceHeader:
    data, at = head, offset
    if syntax == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
        (data, complete), at = _inflated(head[offset:], complete=complete), 0
    elements = _Elements(
        data, complete=complete, explicit=_is_explicit(data, at), big_endian=syntax == EXPLICIT_VR_BIG_ENDIAN
    )
    found, _ = elements.collect(at, _WANTED, _LAST_WANTED)
    return _header(found, syntax, offset)


def _inflated(deflated: bytes, *, complete: bool) -> tuple[bytes, bool]:
    """Give the inflated start of a data set, and whether nothing more of it can be had."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(deflated, INFLATE_LIMIT)
    except zlib.error:
        raise NotDicom("The data set does not inflate.") from None
    return data, complete or inflater.eof or len(data) == INFLATE_LIMIT


def _header(found: Mapping[int, bytes], syntax: TransferSyntaxUid, offset: int) -> InstanceHeader:
    declared = character_sets(found.get(_CHARACTER_SET, b""))
    text = {
        # No VR of these has controls, and no database takes a NUL; to drop one could make another patient's ID.
        name: decode_text(found.get(tag, b""), declared, vr).translate(_NO_TEXT)
        for name, (tag, vr) in _TEXT.items()
    }
    return InstanceHeader(
        sop_class_uid=SopClassUid(_uid(found, _SOP_CLASS_UID, "SOP Class UID")),
        sop_instance_uid=SopInstanceUid(_uid(found, _SOP_INSTANCE_UID, "SOP Instance UID")),
        study_instance_uid=StudyInstanceUid(_uid(found, _STUDY_INSTANCE_UID, "Study Instance UID")),
        series_instance_uid=SeriesInstanceUid(_uid(found, _SERIES_INSTANCE_UID, "Series Instance UID")),
        transfer_syntax_uid=syntax,
        dataset_offset=offset,
        series_number=_integer(found, _SERIES_NUMBER),
        instance_number=_integer(found, _INSTANCE_NUMBER),
        number_of_frames=max(_integer(found, _NUMBER_OF_FRAMES) or 1, 1),
        **text,
    )


def _text_of(found: Mapping[int, bytes], tag: int) -> str:
    return found.get(tag, b"").decode("ascii", "replace").strip(" \0")


def _uid(found: Mapping[int, bytes], tag: int, name: str) -> str:
    text = _text_of(found, tag)
    if not text:
        raise DoesNotMatch(f"The {name} is missing.")
    try:
        return parse_uid(text)
    except InvalidUid:
        raise DoesNotMatch(f"The {name} is malformed (PS3.5 9.1).") from None


def _integer(found: Mapping[int, bytes], tag: int) -> int | None:
    """Read an IS value, which has 32 bits (PS3.5 6.2)."""
    text = _text_of(found, tag)
    if not _INTEGER_STRING.fullmatch(text):
        return None
    value = int(text)
    return value if -(1 << 31) <= value < 1 << 31 else None
