"""Searches of DICOMweb as statements: `query AND scope`, never one without the other.

What begins with a text is asked for as a range of a column that sorts by code point, since under row security a LIKE
finds no index; anything else with wildcards reads the rows of the scope.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Dialect, Select, and_, bindparam, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from app.access.load.prepared import Prepared
from app.access.scope import StudyScope
from app.core.recent import Recent
from app.dicom.person_name import HIGHEST
from app.dicom.query import Kind, Level, Match, Query
from app.models.imaging import Instance, Marking, Series, Study
from app.models.links import CapabilityStudy

COUNTED = 1000
"""How many further results are counted; beyond, an answer says that there are more."""

_COLUMNS: dict[str, Any] = {
    "00080020": Study.study_date,
    "00080030": Study.study_time,
    "00080050": Study.accession_number,
    "00080061": Series.modality,
    "00100020": Study.dicom_patient_id,
    "00100021": Study.dicom_issuer,
    "00100030": Study.dicom_birth_date,
    "00100040": Study.dicom_sex,
    "0020000D": Study.study_instance_uid,
    "00200010": Study.dicom_study_id,
    "00080060": Series.modality,
    "0020000E": Series.series_instance_uid,
    "00200011": Series.number,
    "00400244": Series.performed_date,
    "00400245": Series.performed_time,
    "00400275.00400009": Series.scheduled_step_id,
    "00400275.00401001": Series.requested_procedure_id,
    "00080016": Instance.sop_class_uid,
    "00080018": Instance.sop_instance_uid,
    "00200013": Instance.number,
}
_STUDY = (
    Study.id.label("study_id"), Study.study_instance_uid, Study.study_date, Study.study_time, Study.accession_number,
    Study.referring_physician_name, Study.dicom_patient_name, Study.dicom_patient_id, Study.dicom_issuer,
    Study.dicom_birth_date, Study.dicom_sex, Study.dicom_study_id, Study.description_sealed,
)  # fmt: skip
_SERIES = (
    Series.id.label("series_id"), Series.series_instance_uid, Series.modality, Series.number.label("series_number"),
    Series.description_sealed.label("series_description_sealed"), Series.instance_count, Series.performed_date,
    Series.performed_time, Series.scheduled_step_id, Series.requested_procedure_id, Series.metadata_object_id,
)  # fmt: skip
_INSTANCE = (Instance.sop_instance_uid, Instance.sop_class_uid, Instance.number.label("instance_number"))


@dataclass(frozen=True, slots=True)
class Found:
    """One page of rows, and how many follow: at most `COUNTED`, which stands for that many or more."""

    rows: Sequence[Any]
    remaining: int


@dataclass(frozen=True, slots=True)
class StudyCounts:
    """What the series of a study come to."""

    modalities: tuple[str, ...]
    series: int
    instances: int


def within(*, in_capability: bool) -> ColumnElement[bool]:
    """Return the condition on `study` that every statement below a root carries; `scoped` gives its values."""
    of_hospital = Study.hospital_id == bindparam("hospital")
    if not in_capability:
        return of_hospital
    named = select(CapabilityStudy.study_id).where(CapabilityStudy.capability_id == bindparam("capability"))
    return and_(of_hospital, Study.id.in_(named))


def not_rejected() -> ColumnElement[bool]:
    """Return the condition on `instance` that hides what the hospital took back."""
    rejected = exists().where(
        Marking.study_id == Instance.study_id,
        Marking.sop_instance_uid == Instance.sop_instance_uid,
        Marking.kind == "rejected",
    )
    return not_(rejected.correlate(Instance))


def scoped(scope: StudyScope) -> dict[str, Any]:
    """Return the values of the condition `within`."""
    return {"hospital": scope.hospital_id, "capability": scope.capability_id}


def search(session: Session, scope: StudyScope, query: Query, *, study: str | None, series: str | None) -> Found:
    """Return a page of what matches, in an order that stays the same; `study` and `series` are UIDs of the address.

    The statement of each shape of a query is compiled once: building it takes longer than the database does.
    """
    connection = session.connection()
    forms = [_form(match, glob=connection.dialect.name == "sqlite") for match in query.matches]
    shape = (
        connection.dialect.name, query.level, scope.capability_id is None, study is None, series is None,
        tuple(form.key for form in forms),
    )  # fmt: skip
    statement = _statements.get(shape) or _statements.keep(
        shape, _prepare(connection.dialect, scope, query, forms, under=(study is not None, series is not None))
    )
    values = {f"v{number}": value for number, value in enumerate(chain(*(form.values for form in forms)))}
    values |= scoped(scope) | {"study": study, "series": series}
    page = statement.page.all(connection, **values, most=query.limit + 1, skip=query.offset)
    if len(page) <= query.limit:
        return Found(page, 0)
    behind = statement.rest.first(connection, **values, most=COUNTED, skip=query.offset + query.limit)
    return Found(page[:-1], behind.count)


@dataclass(frozen=True, slots=True)
class _Statements:
    """The two statements of one shape: a page, and how many follow it."""

    page: Prepared
    rest: Prepared


_statements: Recent[tuple[Any, ...], _Statements] = Recent(512)


def _prepare(
    dialect: Dialect, scope: StudyScope, query: Query, forms: Sequence["_Form"], *, under: tuple[bool, bool]
) -> _Statements:
    conditions = [within(in_capability=scope.capability_id is not None)]
    at = 0
    for form in forms:
        conditions.append(form.condition([bindparam(f"v{at + n}", value) for n, value in enumerate(form.values)]))
        at += len(form.values)
    if under[0]:
        conditions.append(Study.study_instance_uid == bindparam("study"))
    if under[1]:
        conditions.append(Series.series_instance_uid == bindparam("series"))
    statement = _rows(query.level).where(*conditions).order_by(*_order(query))
    statement = statement.limit(bindparam("most")).offset(bindparam("skip"))
    rest = select(func.count().label("count")).select_from(statement.subquery())
    return _Statements(Prepared(statement, dialect), Prepared(rest, dialect))


@lru_cache(maxsize=4)
def _counts(dialect: Dialect) -> Prepared:
    of_study = select(Series.study_id, Series.modality, Series.instance_count)
    return Prepared(of_study.where(Series.study_id == bindparam("study"), Series.instance_count > 0), dialect)


def study_counts(session: Session, study_ids: Sequence[UUID]) -> dict[UUID, StudyCounts]:
    """Return modalities and counts of some studies."""
    connection = session.connection()
    rows = chain(*(_counts(connection.dialect).all(connection, study=study_id) for study_id in study_ids))
    found: dict[UUID, list[tuple[str, int]]] = {}
    for row in rows:
        found.setdefault(row.study_id, []).append((row.modality, row.instance_count))
    return {
        study_id: StudyCounts(
            tuple(sorted({modality for modality, _ in series if modality})),
            len(series),
            sum(count for _, count in series),
        )
        for study_id, series in found.items()
    }


def first_metadata(session: Session, study_id: UUID) -> UUID | None:
    """Return the object that holds the metadata of the first series of a study."""
    return session.scalar(
        select(Series.metadata_object_id)
        .where(Series.study_id == study_id, Series.metadata_object_id.is_not(None))
        .order_by(Series.number.is_(None), Series.number, Series.id)
        .limit(1)
    )


def _rows(level: Level) -> Select[*tuple[Any, ...]]:
    """Begin the statement of a level; studies that the hospital announced and never sent are none yet."""
    if level is Level.STUDY:
        return select(*_STUDY).where(exists().where(Series.study_id == Study.id))
    statement = select(*_STUDY, *_SERIES).join(Series, Series.study_id == Study.id)
    if level is Level.SERIES:
        return statement.where(Series.instance_count > 0)
    here = and_(Instance.study_id == Study.id, Instance.series_id == Series.id, not_rejected())
    return statement.add_columns(*_INSTANCE).join(Instance, here)


_SELECTIVE = frozenset({"PatientID", "AccessionNumber", "StudyInstanceUID", "PatientName", "SeriesInstanceUID"})


def _order(query: Query) -> list[Any]:
    """Return the newest first; in the order of an index where one serves both the condition and the order.

    Where few rows can match, they are sorted by an expression, so that no database reads the newest of a hospital one
    after the other to find them in order.
    """
    order: list[Any] = [Study.id.desc()]
    for match in query.matches:
        if match.attribute.name == "PatientName" and _beginning(match) and _is_latin(match):
            order = [Study.name_key, Study.id]
            break
        if match.attribute.name in _SELECTIVE and (
            match.values or (match.attribute.kind is Kind.NAME and _beginning(match))
        ):
            order = [func.coalesce(Study.id, Study.id).desc()]
            break
        if match.attribute.name == "StudyDate":
            order = [Study.study_date.desc(), Study.id.desc()]
    if query.level >= Level.SERIES:
        order += [Series.number.is_(None), Series.number, Series.id]
    if query.level is Level.INSTANCE:
        order += [Instance.number.is_(None), Instance.number, Instance.sop_instance_uid]
    return order


@dataclass(frozen=True, slots=True)
class _Form:
    """A condition apart from its values: `condition` takes their parameters; equal keys make equal SQL."""

    key: tuple[Any, ...]
    values: Sequence[Any]
    condition: Callable[[Sequence[Any]], ColumnElement[bool]]


def _form(match: Match, *, glob: bool) -> _Form:
    attribute = match.attribute
    if attribute.name == "PatientName":
        return _name(match)
    if attribute.kind is Kind.NAME:
        folded = func.lower(func.replace(Study.referring_physician_name, "^", " "))
        return _named(attribute.path, [folded], match)
    key, values, on = _on(match, glob=glob)
    column = _COLUMNS[attribute.path]
    if attribute.name == "ModalitiesInStudy":
        return _Form(
            (attribute.path, *key), values,
            lambda given: exists().where(Series.study_id == Study.id, on(column, given)).correlate(Study),
        )  # fmt: skip
    return _Form((attribute.path, *key), values, lambda given: on(column, given))


On = Callable[[Any, Sequence[Any]], ColumnElement[bool]]


def _on(match: Match, *, glob: bool) -> tuple[tuple[Any, ...], Sequence[Any], On]:
    if match.pattern is not None:
        pattern = match.pattern.replace("[", "[[]") if glob else _like_pattern(match.pattern)
        return ("like",), [pattern], _globbed if glob else _liked
    if match.values:
        values: Sequence[Any] = match.values
        if match.attribute.kind is Kind.NUMBER:
            values = [int(value) for value in values]
        return ("in", len(values)), values, lambda column, given: or_(*(column == value for value in given))
    low, high = match.low is not None, match.high is not None

    def between(column: Any, given: Sequence[Any]) -> ColumnElement[bool]:
        ends = [column >= given[0]] if low else []
        return and_(column != "", *ends, *([column <= given[-1]] if high else []))

    return ("range", low, high), [end for end in (match.low, match.high) if end is not None], between


def _name(match: Match) -> _Form:
    """Match a folded name: by the alphabetic group, and by the ideographic one what is not written in Latin letters."""
    if match.words:
        return _named("words of both", [Study.name_key + " " + Study.ideographic_key], match)
    if _is_latin(match):
        return _named("alphabetic", [Study.name_key], match)
    return _named("either", [Study.name_key, Study.ideographic_key], match)


def _named(key: str, columns: Sequence[Any], match: Match) -> _Form:
    if match.words:
        patterns = [_like_pattern(f"* {word}*") for word in match.words]
        return _Form(
            (key, "words", len(patterns)), patterns,
            lambda given: and_(*(_liked(" " + columns[0], pattern) for pattern in given)),
        )  # fmt: skip
    if match.values:
        return _Form((key, "is"), match.values, lambda given: or_(*(column == given[0] for column in columns)))
    if beginning := _beginning(match):
        return _Form(
            (key, "begins"), [beginning, beginning + HIGHEST],
            lambda given: or_(*(and_(column >= given[0], column < given[1]) for column in columns)),
        )  # fmt: skip
    pattern = _like_pattern(match.pattern or "")
    return _Form((key, "like"), [pattern], lambda given: or_(*(_liked(column, given[0]) for column in columns)))


def _beginning(match: Match) -> str:
    """Return what a pattern asks values to begin with, when it asks for nothing else."""
    pattern = match.pattern or ""
    beginning = pattern.rstrip("*")
    is_all = beginning and len(beginning) < len(pattern) and "*" not in beginning and "?" not in beginning
    return beginning if is_all else ""


def _is_latin(match: Match) -> bool:
    return (match.pattern or "".join(match.values)).isascii()


def _like_pattern(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")


def _liked(column: Any, given: Any) -> ColumnElement[bool]:
    return or_(column.like(given[0] if isinstance(given, list) else given, escape="\\"))


def _globbed(column: Any, given: Any) -> ColumnElement[bool]:
    """Match as LIKE does elsewhere: SQLite's own takes upper and lower case for the same."""
    return or_(column.op("GLOB", is_comparison=True)(given[0]))
