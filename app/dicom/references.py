"""Data sets that name instances: requests of storage commitment, and notifications of availability.

A walk of our own over a bounded data set: a large parser makes a hundred bytes of objects of each byte that came.

References
----------
DICOM PS3.5 7.5 (nesting), PS3.4 J.3.2 (N-ACTION of storage commitment), PS3.3 C.4.23 (Instance Availability).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError  # noqa: N812  an exception class under its own kind of name
from typing import TypeVar

from app.core.identifiers import InvalidUid, SopClassUid, SopInstanceUid, StudyInstanceUid, parse_uid
from app.dicom.instance import IMPLICIT_VR_LITTLE_ENDIAN

DATA_SET_LIMIT = 4 << 20  # bytes of one data set
MOST_REFERENCES = 20_000
_NESTING_LIMIT = 8
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_INSTANCE_AVAILABILITY, _STUDY_INSTANCE_UID, _TRANSACTION_UID = 0x00080056, 0x0020000D, 0x00081195
_REFERENCED_CLASS, _REFERENCED_INSTANCE = 0x00081150, 0x00081155
_REFERENCED_SERIES_SEQUENCE, _REFERENCED_SOP_SEQUENCE = 0x00081115, 0x00081199
_VALUES = frozenset(
    {_INSTANCE_AVAILABILITY, _STUDY_INSTANCE_UID, _TRANSACTION_UID, _REFERENCED_CLASS, _REFERENCED_INSTANCE}
)
_SEQUENCES = frozenset({_REFERENCED_SERIES_SEQUENCE, _REFERENCED_SOP_SEQUENCE})
_T = TypeVar("_T")
_SHORT_HEAD, _U32 = Struct("<HH2sH").unpack_from, Struct("<I").unpack_from


class UnusableDataSet(ValueError):
    """A data set that is refused; the sentence holds nothing of what was received."""


class MissingAttribute(UnusableDataSet):
    """A mandatory attribute is absent or empty."""


class InvalidAttribute(UnusableDataSet):
    """A value is malformed, or the whole is no data set."""


class TooManyReferences(UnusableDataSet):
    """More is referenced than one message may name."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One instance by name."""

    sop_class_uid: SopClassUid
    sop_instance_uid: SopInstanceUid


@dataclass(frozen=True, slots=True)
class CommitmentRequest:
    """The instances that somebody wants to be answered for."""

    transaction_uid: str
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Availability:
    """The instances of a study, those left out that can be had no more (UNAVAILABLE)."""

    study_instance_uid: StudyInstanceUid
    sop_instance_uids: tuple[SopInstanceUid, ...]


@dataclass(slots=True)
class _Item:
    """What is wanted of one item, or of the data set itself."""

    values: dict[int, bytes]
    sequences: dict[int, "list[_Item]"]

    def uid(self, tag: int, name: str) -> str:
        text = self.values.get(tag, b"").decode("ascii", "replace").strip(" \0")
        if not text:
            raise MissingAttribute(f"{name} is missing.")
        try:
            return parse_uid(text)
        except InvalidUid:
            raise InvalidAttribute(f"{name} is malformed (PS3.5 9.1).") from None

    def items(self, tag: int, name: str) -> "list[_Item]":
        found = self.sequences.get(tag)
        if not found:
            raise MissingAttribute(f"{name} is missing.")
        return found

    def reference(self) -> Reference:
        return Reference(
            SopClassUid(self.uid(_REFERENCED_CLASS, "Referenced SOP Class UID")),
            SopInstanceUid(self.uid(_REFERENCED_INSTANCE, "Referenced SOP Instance UID")),
        )


def parse_commitment_request(data: bytes, transfer_syntax_uid: str) -> CommitmentRequest:
    """Read the Action Information of a storage commitment request.

    Parameters
    ----------
    data : bytes
        The encoded data set, all of it.
    transfer_syntax_uid : str
        Implicit or Explicit VR Little Endian.

    Raises
    ------
    UnusableDataSet
        When it is refused; which of its kinds says why.

    References
    ----------
    DICOM PS3.4 J.3.2.1.1.
    """
    whole = _parse(data, transfer_syntax_uid)
    items = whole.items(_REFERENCED_SOP_SEQUENCE, "Referenced SOP Sequence")
    references = dict.fromkeys(item.reference() for item in items)
    return CommitmentRequest(whole.uid(_TRANSACTION_UID, "Transaction UID"), _bounded(references))


def parse_availability(data: bytes, transfer_syntax_uid: str) -> Availability:
    """Read an Instance Availability Notification; parameters and errors as of `parse_commitment_request`.

    References
    ----------
    DICOM PS3.3 C.4.23, PS3.4 R.3.
    """
    whole = _parse(data, transfer_syntax_uid)
    study = StudyInstanceUid(whole.uid(_STUDY_INSTANCE_UID, "Study Instance UID"))
    there = {
        item.reference().sop_instance_uid: None
        for series in whole.items(_REFERENCED_SERIES_SEQUENCE, "Referenced Series Sequence")
        for item in series.items(_REFERENCED_SOP_SEQUENCE, "Referenced SOP Sequence")
        if item.values.get(_INSTANCE_AVAILABILITY, b"").strip(b" \0") != b"UNAVAILABLE"
    }
    return Availability(study, _bounded(there))


def _bounded(references: Iterable[_T]) -> tuple[_T, ...]:
    found = tuple(references)
    if len(found) > MOST_REFERENCES:
        raise TooManyReferences(f"More than {MOST_REFERENCES} instances are referenced.")
    return found


def _parse(data: bytes, transfer_syntax_uid: str) -> _Item:
    try:
        return _Walk(data, explicit=transfer_syntax_uid != IMPLICIT_VR_LITTLE_ENDIAN).whole()
    except StructError:
        raise InvalidAttribute("The data set ends within an element.") from None


class _Walk:
    """Reads a whole data set, sequences by recursion within a limit."""

    def __init__(self, data: bytes, *, explicit: bool) -> None:
        self._data, self._explicit = data, explicit
        self._items = 0

    def whole(self) -> _Item:
        return self._item(0, len(self._data), explicit=self._explicit, depth=0, delimited=False)[0]

    def _element(self, at: int, *, explicit: bool) -> tuple[int, bytes, int, int]:
        """Read tag, VR (empty when implicit), length and the offset of the value."""
        group, element, vr, length = _SHORT_HEAD(self._data, at)
        tag = group << 16 | element
        if not explicit or group == 0xFFFE:
            return tag, b"", _U32(self._data, at + 4)[0], at + 8
        if vr not in _LONG_VRS:
            return tag, vr, length, at + 8
        return tag, vr, _U32(self._data, at + 8)[0], at + 12

    def _item(self, at: int, end: int, *, explicit: bool, depth: int, delimited: bool) -> tuple[_Item, int]:
        """Read elements up to `end`, or to the delimiter of an item of undefined length."""
        item = _Item({}, {})
        while at < end:
            tag, vr, length, value = self._element(at, explicit=explicit)
            if tag == _ITEM_END and delimited:
                return item, value
            if length == _UNDEFINED or vr == b"SQ" or tag in _SEQUENCES:
                inside = explicit and vr != b"UN"  # a sequence of unknown VR is in Implicit VR (PS3.5 6.2.2)
                items, at = self._sequence(value, length, end, explicit=inside, depth=depth + 1)
                if tag in _SEQUENCES:
                    item.sequences[tag] = items
                continue
            at = _within(value + length, end)
            if tag in _VALUES:
                item.values[tag] = self._data[value:at]
        if delimited:
            raise InvalidAttribute("An item has no end.")
        return item, at

    def _sequence(self, at: int, length: int, end: int, *, explicit: bool, depth: int) -> tuple[list[_Item], int]:
        if depth > _NESTING_LIMIT:
            raise InvalidAttribute("Sequences are nested too deeply.")
        delimited = length == _UNDEFINED
        stop = end if delimited else _within(at + length, end)
        items: list[_Item] = []
        while at < stop:
            tag, _, size, value = self._element(at, explicit=explicit)
            if tag == _SEQUENCE_END and delimited:
                return items, value
            if tag != _ITEM:
                raise InvalidAttribute("A sequence holds something that is no item.")
            self._count()
            open_ended = size == _UNDEFINED
            last = stop if open_ended else _within(value + size, stop)
            item, at = self._item(value, last, explicit=explicit, depth=depth, delimited=open_ended)
            items.append(item)
        if delimited:
            raise InvalidAttribute("A sequence has no end.")
        return items, at

    def _count(self) -> None:
        self._items += 1
        if self._items > 2 * MOST_REFERENCES:  # series and what else holds items count as well
            raise TooManyReferences(f"More than {MOST_REFERENCES} instances are referenced.")


def _within(at: int, end: int) -> int:
    if at > end:
        raise InvalidAttribute("The data set ends within an element.")
    return at
