"""Key Object Selections: which instances they mark as key, or reject.

References
----------
DICOM PS3.3 A.35.4 (Key Object Selection Document), C.17.6.2 (evidence), PS3.16 CID 7010 and 7011 (titles); IHE RAD TF
(Imaging Object Change Management).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.core.identifiers import InvalidUid, parse_uid

KEY_OBJECT_SELECTION = "1.2.840.10008.5.1.4.1.1.88.59"
_REJECTIONS = frozenset({"113001", "113037", "113038", "113039"})
_MOST = 10_000
Elements = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Marks:
    """What one document says of instances of its own study."""

    rejects: bool
    sop_instance_uids: tuple[str, ...]


def marks_of(elements: Elements) -> Marks:
    """Read a Key Object Selection in the DICOM JSON Model."""
    study = _first(elements, "0020000D")
    title = next(iter(_items(elements, "0040A043")), {})
    rejects = str(_first(title, "00080100")) in _REJECTIONS and _first(title, "00080102") == "DCM"
    return Marks(rejects, tuple(dict.fromkeys(_evidence(elements, study)))[:_MOST])


def _evidence(elements: Elements, study: Any) -> Iterator[str]:
    for of_study in _items(elements, "0040A375"):
        if _first(of_study, "0020000D") != study:
            continue
        for of_series in _items(of_study, "00081115"):
            for reference in _items(of_series, "00081199"):
                try:
                    yield parse_uid(str(_first(reference, "00081155")))
                except InvalidUid:
                    continue


def _items(elements: Elements, tag: str) -> list[Elements]:
    return [item for item in elements.get(tag, {}).get("Value", []) if isinstance(item, dict)]


def _first(elements: Elements, tag: str) -> Any:
    return next(iter(elements.get(tag, {}).get("Value", [])), None)
