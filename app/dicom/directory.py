"""A DICOMDIR for the instances of one study: patient, study, series and instance records.

References
----------
DICOM PS3.3 F (Basic Directory), F.5 (definitions of records); PS3.10 8 (file IDs).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import pack
from typing import Any

from app.dicom.instance import EXPLICIT_VR_LITTLE_ENDIAN
from app.dicom.part10 import file_meta

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
_TYPES = (  # of records, by how the SOP Class UID begins; the first that fits
    ("1.2.840.10008.5.1.4.1.1.88.59", "KEY OBJECT DOC"),
    ("1.2.840.10008.5.1.4.1.1.88.", "SR DOCUMENT"),
    ("1.2.840.10008.5.1.4.1.1.104.", "ENCAP DOC"),
    ("1.2.840.10008.5.1.4.1.1.11.", "PRESENTATION"),
    ("1.2.840.10008.5.1.4.1.1.9.", "WAVEFORM"),
    ("1.2.840.10008.5.1.4.1.1.481.2", "RT DOSE"),
    ("1.2.840.10008.5.1.4.1.1.481.3", "RT STRUCTURE SET"),
    ("1.2.840.10008.5.1.4.1.1.481.5", "RT PLAN"),
    ("1.2.840.10008.5.1.4.1.1.66.1", "REGISTRATION"),
    ("1.2.840.10008.5.1.4.1.1.66.2", "FIDUCIAL"),
    ("1.2.840.10008.5.1.4.1.1.66", "RAW DATA"),
)
_KEYS = {
    "PATIENT": ("00100010", "00100020"),
    "STUDY": ("00080020", "00080030", "00080050", "00081030", "0020000D", "00200010"),
    "SERIES": ("00080060", "0020000E", "00200011"),
    "IMAGE": ("00200013",),
    "SR DOCUMENT": ("00080023", "00080033", "0040A043", "0040A491", "0040A493", "00200013"),
    "KEY OBJECT DOC": ("00080023", "00080033", "0040A043", "00200013"),
    "ENCAP DOC": ("00080023", "00080033", "00200013", "00420010", "00420012", "0040A043"),
    "PRESENTATION": ("00700080", "00700081", "00700082", "00700083", "00700084", "00200013"),
    "WAVEFORM": ("00080023", "00080033", "00200013"),
    "RT DOSE": ("00200013", "3004000A"),
    "RT STRUCTURE SET": ("00200013", "30060002", "30060008", "30060009"),
    "RT PLAN": ("00200013", "300A0002", "300A0006", "300A0007"),
    "REGISTRATION": ("00080023", "00080033", "00200013", "00700080", "00700081", "00700084"),
    "FIDUCIAL": ("00080023", "00080033", "00200013", "00700080", "00700081", "00700084"),
    "RAW DATA": ("00080023", "00080033", "00200013"),
}
_LONG = frozenset({"SQ", "UC", "UR", "UT"})
_SHORT_BYTES = 0xFFFE
"""The most that an element of the other VRs can hold; a file in Implicit VR may hold more."""
_ROOT_OFFSETS = 2 * 12 + 10  # bytes of the elements that stand between the file-set ID and the sequence
Elements = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One instance: its elements in the DICOM JSON Model, SOP Class and transfer syntax, and its file ID."""

    elements: Elements
    sop_class_uid: str
    transfer_syntax_uid: str
    file_id: tuple[str, ...]


@dataclass(slots=True)
class _Record:
    kind: str
    body: bytes
    below: list["_Record"]
    at: int = 0

    @property
    def size(self) -> int:
        return 8 + _OFFSETS_BYTES + len(self.body)


_OFFSETS_BYTES = 12 + 10 + 12


def record_type(sop_class_uid: str) -> str:
    """Name the kind of directory record of an instance (PS3.3 Table F.4-1)."""
    return next((kind for start, kind in _TYPES if sop_class_uid.startswith(start)), "IMAGE")


def write_directory(entries: Sequence[Entry], uid: str) -> bytes:
    """Write the DICOMDIR of one study.

    Parameters
    ----------
    entries : sequence of Entry
        Not empty, those of a series side by side.
    uid : str
        The SOP Instance UID of the directory.
    """
    patient = _tree(entries)
    head = file_meta(MEDIA_STORAGE_DIRECTORY, uid, EXPLICIT_VR_LITTLE_ENDIAN)
    head += _element(0x00041130, "CS", b"FILMPASS")
    first = len(head) + _ROOT_OFFSETS + 12  # the head of the sequence
    end = _place([patient], first)
    body = b"".join(_written([patient]))
    roots = pack("<HH2sHI", 4, 0x1200, b"UL", 4, first) + pack("<HH2sHI", 4, 0x1202, b"UL", 4, first)
    flags = pack("<HH2sHH", 4, 0x1212, b"US", 2, 0)
    return head + roots + flags + pack("<HH2sHI", 4, 0x1220, b"SQ", 0, end - first) + body


def _tree(entries: Sequence[Entry]) -> _Record:
    first = entries[0].elements
    study = _Record("STUDY", _body("STUDY", first), [])
    series_uid = None
    for entry in entries:
        uid = entry.elements.get("0020000E")
        if uid != series_uid or not study.below:
            series_uid = uid
            study.below.append(_Record("SERIES", _body("SERIES", entry.elements), []))
        kind = record_type(entry.sop_class_uid)
        study.below[-1].below.append(_Record(kind, _body(kind, entry.elements, entry), []))
    return _Record("PATIENT", _body("PATIENT", first), [study])


def _body(kind: str, elements: Elements, entry: Entry | None = None) -> bytes:
    """Encode what follows the offsets: type, reference, character set, keys; each in the order of tags."""
    head = _element(0x00041430, "CS", kind.encode())
    if entry is not None:
        uid = str(elements["00080018"]["Value"][0])
        head += _element(0x00041500, "CS", "\\".join(entry.file_id).encode())
        head += _element(0x00041510, "UI", entry.sop_class_uid.encode())
        head += _element(0x00041511, "UI", uid.encode())
        head += _element(0x00041512, "UI", entry.transfer_syntax_uid.encode())
    keys = {tag: _key(tag, elements.get(tag)) for tag in _KEYS[kind]}
    if kind == "SR DOCUMENT":
        keys |= _verified_at(elements.get(_VERIFYING_OBSERVERS, {}))
    return head + _encoded(keys | {"00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}})


_VERIFYING_OBSERVERS, _VERIFICATION_TIME = "0040A073", "0040A030"
_VR = {  # of each key; the others are LO
    "00080020": "DA", "00080023": "DA", "00080030": "TM", "00080033": "TM", "00080050": "SH", "00080060": "CS",
    "00100010": "PN", "0020000D": "UI", "0020000E": "UI", "00200010": "SH", "00200011": "IS", "00200013": "IS",
    "0040A043": "SQ", "0040A491": "CS", "0040A493": "CS", "00420010": "ST", "00700080": "CS", "00700082": "DA",
    "00700083": "TM", "00700084": "PN", "3004000A": "CS", "30060002": "SH", "30060008": "DA", "30060009": "TM",
    "300A0002": "SH", "300A0006": "DA", "300A0007": "TM",
}  # fmt: skip


def _key(tag: str, item: Elements | None) -> Elements:
    """Return a key as the standard encodes it; one that a file encodes in a VR of its own choice is left empty."""
    vr = _VR.get(tag, "LO")
    return item if item is not None and item["vr"] == vr else {"vr": vr}


def _verified_at(observers: Elements) -> Elements:
    """Return when a document was verified last, which its record says where it was (PS3.3 F.5, SR Document)."""
    items = observers.get("Value", []) if observers.get("vr") == "SQ" else []
    found = [item[_VERIFICATION_TIME] for item in items if item.get(_VERIFICATION_TIME, {}).get("vr") == "DT"]
    times = [time for one in found for time in one.get("Value", []) if time]
    return {_VERIFICATION_TIME: {"vr": "DT", "Value": [max(times)]}} if times else {}


def _encoded(elements: Elements) -> bytes:
    return b"".join(_json_element(tag, elements[tag]) for tag in sorted(elements))


def _json_element(tag: str, item: Elements) -> bytes:
    vr, values = item["vr"], item.get("Value", [])
    number = int(tag, 16)
    if vr == "SQ":
        items = (_encoded({inner: value for inner, value in one.items() if _is_text(value)}) for one in values)
        return _element(number, vr, b"".join(pack("<HHI", 0xFFFE, 0xE000, len(one)) + one for one in items))
    if vr == "PN":
        texts = ["=".join(_groups(value)).rstrip("=") for value in values]
    else:
        texts = ["" if value is None else str(value) for value in values]
    value = "\\".join(texts).encode()
    return _element(number, vr, value if vr in _LONG or len(value) <= _SHORT_BYTES else b"")


def _groups(name: Any) -> list[str]:
    return [name.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic")] if name else []


def _is_text(item: Elements) -> bool:
    return item["vr"] in {"SH", "LO", "CS", "UI", "DA", "TM", "PN", "IS", "ST", "LT", "UC"}


def _element(tag: int, vr: str, value: bytes) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr == "UI" else b" "
    group, element = tag >> 16, tag & 0xFFFF
    if vr in _LONG:
        return pack("<HH2sHI", group, element, vr.encode(), 0, len(value)) + value
    return pack("<HH2sH", group, element, vr.encode(), len(value)) + value


def _place(records: Sequence[_Record], at: int) -> int:
    """Give each record its offset, a record before those below it; returns the end."""
    for record in records:
        record.at = at
        at = _place(record.below, at + record.size)
    return at


def _written(records: Sequence[_Record]) -> list[bytes]:
    written = []
    for record, after in zip(records, [*records[1:], None], strict=False):
        item = pack("<HHI", 0xFFFE, 0xE000, record.size - 8)
        item += pack("<HH2sHI", 4, 0x1400, b"UL", 4, after.at if after else 0)
        item += pack("<HH2sHH", 4, 0x1410, b"US", 2, 0xFFFF)
        item += pack("<HH2sHI", 4, 0x1420, b"UL", 4, record.below[0].at if record.below else 0)
        written += [item + record.body, *_written(record.below)]
    return written
