"""Structured reports as lines to be read: the content tree in the DICOM JSON Model, bounded in depth and length.

References
----------
DICOM PS3.3 C.17.3 (SR Document Content), A.35.1 to A.35.3 (Basic Text, Enhanced, Comprehensive SR).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

READABLE = frozenset(f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in (11, 22, 33, 34))
"""Basic Text, Enhanced, Comprehensive and Comprehensive 3D SR; others are made for machines, and listed by name."""

MOST_LINES = 1000
_DEEPEST, _LONGEST = 12, 4000
_NO_UNIT = "1"  # UCUM
_REFERENCES = frozenset({"IMAGE", "WAVEFORM", "COMPOSITE"})
Elements = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One content item: how deep it lies (from 0), the name of its concept, its value; a heading has none.

    `instance` is the SOP Instance UID of the image, or another object, that an item stands for in place of a value.
    """

    level: int
    name: str
    value: str
    instance: str = ""

    @property
    def is_heading(self) -> bool:
        """Whether it stands above others."""
        return not self.value and not self.instance


def lines_of(elements: Elements) -> list[Line]:
    """Give the content of one document; coordinates and what is unknown are left out."""
    return list(islice(_lines(elements, 0), MOST_LINES))


def _lines(item: Elements, level: int) -> Iterator[Line]:
    kind, name = _first(item, "0040A040"), _meaning(item, "0040A043")
    value = _value(item, str(kind))
    if kind == "CONTAINER" and name:
        yield Line(level, name, "")
    elif value:
        yield Line(level, name, value[:_LONGEST])
    elif kind in _REFERENCES and (uid := _first(next(iter(_items(item, "00081199")), {}), "00081155")):
        yield Line(level, name, "", str(uid))
    if level < _DEEPEST:
        for child in _items(item, "0040A730"):
            yield from _lines(child, level + 1)


def _value(item: Elements, kind: str) -> str:
    if kind == "NUM":
        measured = next(iter(_items(item, "0040A300")), {})
        unit = next(iter(_items(measured, "004008EA")), {})
        number = _first(measured, "0040A30A")
        code = _first(unit, "00080100") or ""
        return "" if number is None else f"{number} {code if code != _NO_UNIT else ''}".strip()
    if kind == "CODE":
        return _meaning(item, "0040A168")
    tag = {
        "TEXT": "0040A160",
        "PNAME": "0040A123",
        "UIDREF": "0040A124",
        "DATE": "0040A121",
        "TIME": "0040A122",
        "DATETIME": "0040A120",
    }
    value = _first(item, tag.get(kind, ""))
    if isinstance(value, dict):
        value = value.get("Ideographic") or value.get("Alphabetic", "").replace("^", " ")
    return "" if value is None else str(value).strip()


def _meaning(item: Elements, tag: str) -> str:
    return str(_first(next(iter(_items(item, tag)), {}), "00080104") or "")


def _items(item: Elements, tag: str) -> list[Elements]:
    return [inner for inner in item.get(tag, {}).get("Value", []) if isinstance(inner, dict)]


def _first(item: Elements, tag: str) -> Any:
    return next(iter(item.get(tag, {}).get("Value", [])), None)
