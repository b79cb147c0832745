"""Searches of DICOMweb: parameters to conditions, each bad value named. Pure; what to do with them is for who has rows.

References
----------
DICOM PS3.18 8.3.4 (query parameters), 10.6 (Search); PS3.4 C.2.2.2 (attribute matching).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum

from pydicom.datadict import tag_for_keyword

from app.core.errors import BadRequest
from app.core.identifiers import InvalidUid, parse_uid
from app.dicom.person_name import name_key

MAX_LIMIT, DEFAULT_LIMIT = 1000, 100
MAX_WIDE = 100
"""Results of a page with further attributes: each takes reading the metadata of a series."""
MAX_OFFSET = 10_000_000
_MAX_VALUES, _MAX_LENGTH, _MAX_WORDS = 500, 1024, 8
_HEX = re.compile(r"[0-9A-Fa-f]{8}", re.ASCII)
_TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?", re.ASCII)


class Level(IntEnum):
    """The levels of the information model, from the top."""

    STUDY = 0
    SERIES = 1
    INSTANCE = 2


class Kind(StrEnum):
    """How values of an attribute match."""

    UID = "uid"
    DATE = "date"
    TIME = "time"
    TEXT = "text"
    CODES = "codes"
    NAME = "name"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute that can be searched by: its tag, or the tags of a sequence and of what its items hold."""

    name: str
    path: str
    level: Level
    kind: Kind


ATTRIBUTES = (
    Attribute("StudyDate", "00080020", Level.STUDY, Kind.DATE),
    Attribute("StudyTime", "00080030", Level.STUDY, Kind.TIME),
    Attribute("AccessionNumber", "00080050", Level.STUDY, Kind.TEXT),
    Attribute("ModalitiesInStudy", "00080061", Level.STUDY, Kind.CODES),
    Attribute("ReferringPhysicianName", "00080090", Level.STUDY, Kind.NAME),
    Attribute("PatientName", "00100010", Level.STUDY, Kind.NAME),
    Attribute("PatientID", "00100020", Level.STUDY, Kind.TEXT),
    Attribute("IssuerOfPatientID", "00100021", Level.STUDY, Kind.TEXT),
    Attribute("PatientBirthDate", "00100030", Level.STUDY, Kind.DATE),
    Attribute("PatientSex", "00100040", Level.STUDY, Kind.TEXT),
    Attribute("StudyInstanceUID", "0020000D", Level.STUDY, Kind.UID),
    Attribute("StudyID", "00200010", Level.STUDY, Kind.TEXT),
    Attribute("Modality", "00080060", Level.SERIES, Kind.CODES),
    Attribute("SeriesInstanceUID", "0020000E", Level.SERIES, Kind.UID),
    Attribute("SeriesNumber", "00200011", Level.SERIES, Kind.NUMBER),
    Attribute("PerformedProcedureStepStartDate", "00400244", Level.SERIES, Kind.DATE),
    Attribute("PerformedProcedureStepStartTime", "00400245", Level.SERIES, Kind.TIME),
    Attribute("ScheduledProcedureStepID", "00400275.00400009", Level.SERIES, Kind.TEXT),
    Attribute("RequestedProcedureID", "00400275.00401001", Level.SERIES, Kind.TEXT),
    Attribute("SOPClassUID", "00080016", Level.INSTANCE, Kind.UID),
    Attribute("SOPInstanceUID", "00080018", Level.INSTANCE, Kind.UID),
    Attribute("InstanceNumber", "00200013", Level.INSTANCE, Kind.NUMBER),
)
ALWAYS = frozenset({
    "00080020", "00080030", "00080050", "00080056", "00080061", "00080090", "0008103E", "00081030", "00081190",
    "00100010", "00100020", "00100021", "00100030", "00100040", "0020000D", "00200010", "00201206", "00201208",
    "00201209",
})  # fmt: skip
"""What an answer holds without being asked, at its level."""
_BY_PATH = {attribute.path: attribute for attribute in ATTRIBUTES}


@dataclass(frozen=True, slots=True)
class Match:
    """One condition: any of `values`, or from `low` to `high` (either may be None), or a `pattern` of `*` and `?`.

    Names are folded (`name_key`). `words` is fuzzy matching: every one begins a word of the name.
    """

    attribute: Attribute
    values: tuple[str, ...] = ()
    pattern: str | None = None
    low: str | None = None
    high: str | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search. `include` holds the tags asked for beside what always comes, `include_all` stands for all of them."""

    level: Level
    matches: tuple[Match, ...]
    include: frozenset[str] = frozenset()
    include_all: bool = False
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    level: Level
    matches: list[Match] = field(default_factory=list)
    include: set[str] = field(default_factory=set)
    include_all: bool = False
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    fuzzy: bool = False
    unknown: list[str] = field(default_factory=list)


def parse_query(parameters: Iterable[tuple[str, str]], level: Level) -> Query:
    """Read the parameters of a search.

    Parameters
    ----------
    parameters : iterable of (name, value)
        Decoded, in their order; `accept` is not among them.
    level : Level
        What is searched for.

    Raises
    ------
    BadRequest
        For a malformed value or one beyond its limit, and for an attribute below the level; it names the parameter.

    Notes
    -----
    What is no attribute that can be searched by here is ignored, with a warning.
    """
    read, given = _Reading(level), list(parameters)
    read.fuzzy = any(name == "fuzzymatching" and _flag(name, value) for name, value in given)
    for name, value in given:
        _parameter(read, name, value)
    further = {tag for tag in read.include if tag not in ALWAYS and _level_of(tag) <= level}
    limit = min(read.limit, MAX_WIDE) if further or read.include_all else read.limit
    warnings = tuple(f"The attribute {name} is not supported for matching; it was ignored." for name in read.unknown)
    return Query(
        level=level, matches=tuple(read.matches), include=frozenset(further), include_all=read.include_all,
        limit=limit, offset=read.offset, warnings=warnings,
    )  # fmt: skip


def _level_of(tag: str) -> Level:
    attribute = _BY_PATH.get(tag)
    return attribute.level if attribute else Level.STUDY


def _parameter(read: _Reading, name: str, value: str) -> None:
    if name in {"fuzzymatching", "emptyvaluematching", "multiplevaluematching"}:
        _flag(name, value)
    elif name == "limit":
        read.limit = min(_number(name, value, 2**31), MAX_LIMIT)
    elif name == "offset":
        read.offset = _number(name, value, MAX_OFFSET)
    elif name == "includefield":
        _include(read, value)
    else:
        _match(read, name, value)


def _flag(name: str, value: str) -> bool:
    if value.lower() not in {"true", "false"}:
        raise BadRequest(f"{name} is true or false.")
    return value.lower() == "true"


def _number(name: str, value: str, most: int) -> int:
    if not (value.isascii() and value.isdecimal()) or len(value) > 10 or int(value) > most:
        raise BadRequest(f"{name} is a whole number from 0 to {most}.")
    return int(value)


def _include(read: _Reading, value: str) -> None:
    for name in value.split(","):
        path = _path(name.strip())
        if name.strip().lower() == "all":
            read.include_all = True
        elif path:
            read.include.add(path)


def _path(name: str) -> str | None:
    """Return the tags that a name stands for: keywords or eight hexadecimal digits, joined by dots in sequences."""
    tags = []
    for part in name.split("."):
        tag = int(part, 16) if _HEX.fullmatch(part) else tag_for_keyword(part)
        if tag is None:
            return None
        tags.append(f"{tag:08X}")
    return ".".join(tags)


def _match(read: _Reading, name: str, value: str) -> None:
    attribute = _BY_PATH.get(_path(name) or "")
    if attribute is None:
        read.unknown.append(re.sub(r"[^A-Za-z0-9.]", "?", name)[:64])
        return
    if attribute.level > read.level:
        raise BadRequest(f"{attribute.name} belongs to a level below the one that is searched.")
    if len(value) > _MAX_LENGTH and attribute.kind is not Kind.UID:
        raise BadRequest(f"The value of {attribute.name} is longer than {_MAX_LENGTH} characters.")
    if "\0" in value:
        raise BadRequest(f"The value of {attribute.name} has a character that no text has.")
    if value.strip() in {"", "*"}:
        return  # universal matching (PS3.4 C.2.2.2.3)
    read.matches.append(_READERS[attribute.kind](attribute, value.strip(), fuzzy=read.fuzzy))


def _uids(attribute: Attribute, value: str, *, fuzzy: bool) -> Match:  # noqa: ARG001  one shape for all readers
    parts = [part.strip() for part in re.split(r"[,\\]", value) if part.strip()]
    if len(parts) > _MAX_VALUES:
        raise BadRequest(f"{attribute.name} takes at most {_MAX_VALUES} UIDs.")
    try:
        return Match(attribute, values=tuple(parse_uid(part) for part in parts))
    except InvalidUid:
        raise BadRequest(f"{attribute.name} takes UIDs, with a comma between them.") from None


def _dates(attribute: Attribute, value: str, *, fuzzy: bool) -> Match:  # noqa: ARG001
    low, high = _range(attribute, value, _is_date, "a date such as 20260203, or a range such as 20260201-20260228")
    return Match(attribute, low=low, high=high)


def _times(attribute: Attribute, value: str, *, fuzzy: bool) -> Match:  # noqa: ARG001
    low, high = _range(attribute, value, _is_time, "a time such as 160500, or a range such as 0800-1200")
    return Match(attribute, low=low, high=high and high + "~")  # 1605 lies before 160559.9: the minute is meant


def _range(
    attribute: Attribute, value: str, is_valid: Callable[[str], bool], form: str
) -> tuple[str | None, str | None]:
    ends = value.split("-")
    if len(ends) > 2 or not any(ends) or not all(is_valid(end) for end in ends if end):
        raise BadRequest(f"{attribute.name} takes {form}.")
    low, high = ends[0], ends[-1]
    return low or None, high or None


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    return len(text) == 8


def _is_time(text: str) -> bool:
    return _TIME.fullmatch(text) is not None


def _text(attribute: Attribute, value: str, *, fuzzy: bool) -> Match:  # noqa: ARG001
    return Match(attribute, pattern=value) if _has_wildcard(value) else Match(attribute, values=(value,))


def _codes(attribute: Attribute, value: str, *, fuzzy: bool) -> Match:  # noqa: ARG001
    if _has_wildcard(value):
        return Match(attribute, pattern=value)
    return Match(attribute, values=tuple(part.strip() for part in re.split(r"[,\\]", value) if part.strip()))


def _names(attribute: Attribute, value: str, *, fuzzy: bool) -> Match:
    if fuzzy:
        words = name_key(re.sub(r"[*?=,]", " ", value)).split()
        return Match(attribute, words=tuple(words[:_MAX_WORDS]))
    key = name_key(value.rstrip("^"))
    return Match(attribute, pattern=key) if _has_wildcard(key) else Match(attribute, values=(key,))


def _numbers(attribute: Attribute, value: str, *, fuzzy: bool) -> Match:  # noqa: ARG001
    if not re.fullmatch(r"[+-]?\d{1,9}", value, re.ASCII):
        raise BadRequest(f"{attribute.name} takes a whole number.")
    return Match(attribute, values=(str(int(value)),))


def _has_wildcard(text: str) -> bool:
    return "*" in text or "?" in text


_READERS = {
    Kind.UID: _uids, Kind.DATE: _dates, Kind.TIME: _times, Kind.TEXT: _text, Kind.CODES: _codes, Kind.NAME: _names,
    Kind.NUMBER: _numbers,
}  # fmt: skip
