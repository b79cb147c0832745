"""Searching for studies, series and instances: the rows of a scope as DICOM JSON.

References
----------
DICOM PS3.18 10.6 (Search), Tables 10.6.3-3 to 10.6.3-5 (what each level answers with), Annex F.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.access.actions import Action
from app.access.load import search as load
from app.access.load.instances import Address
from app.access.load.search import COUNTED, StudyCounts
from app.access.scope import StudyScope
from app.dicom.describe import ROOT
from app.dicom.query import Level, Query
from app.services import keys
from app.services.metadata import SeriesIndex, first_text, series_index, texts_of
from app.services.parts import Parts
from app.services.scoping import permitted, record_search
from app.services.unit_of_work import Scope, reading

Elements = dict[str, Any]
_NO_COUNTS = StudyCounts((), 0, 0)
_PATIENT_AND_STUDY = frozenset({
    "00080020", "00080030", "00080050", "00080051", "00080056", "00080090", "00081030", "00081048", "00081060",
    "00081080", "00081110", "00100010", "00100020", "00100021", "00100030", "00100032", "00100040", "00101000",
    "00101001", "00101010", "00101020", "00101030", "00102160", "001021B0", "00104000", "0020000D", "00200010",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Results:
    """A page of results, and how many more there are; with `many`, at least so many."""

    items: Sequence[Elements]
    remaining: int

    @property
    def many(self) -> bool:
        """Whether the rest was not counted to its end."""
        return self.remaining >= COUNTED


def search(parts: Parts, scope: StudyScope, query: Query, *, study: str | None, series: str | None) -> Results:
    """Search within a scope, and record that it was done."""
    with reading(parts, Scope(hospital=scope.hospital_id)) as session:
        found = load.search(session, scope, query, study=study, series=series)
        allowed = permitted(session, parts, scope, {row.study_id for row in found.rows}, Action.STUDY_METADATA)
        rows = [row for row in found.rows if row.study_id in allowed]
        items = list(_Answer(session, parts, scope, query, rows).items())
    record_search(parts, scope, query.level.name.lower(), len(items))
    return Results(items, found.remaining)


class _Answer:
    """Makes the elements of each row."""

    def __init__(self, session: Session, parts: Parts, scope: StudyScope, query: Query, rows: Sequence[Any]) -> None:
        self._session, self._parts, self._scope, self._query, self._rows = session, parts, scope, query, rows
        self._counts = load.study_counts(session, list({row.study_id for row in rows}))
        self._texts: dict[UUID, dict[str, Elements]] = {}

    def items(self) -> Iterator[Elements]:
        for row in self._rows:
            elements = self._study(row)
            if self._query.level >= Level.SERIES:
                elements |= self._series(row)
            if self._query.level is Level.INSTANCE:
                elements |= self._instance(row)
            elif self._query.include or self._query.include_all:
                elements = self._included(self._first(row)) | elements
            yield dict(sorted(elements.items()))

    def _study(self, row: Any) -> Elements:
        counts = self._counts.get(row.study_id, _NO_COUNTS)
        return {
            "00080005": _value("CS", "ISO_IR 192"),
            "00080020": _value("DA", row.study_date),
            "00080030": _value("TM", row.study_time),
            "00080050": _value("SH", row.accession_number),
            "00080056": _value("CS", "ONLINE"),
            "00080061": _values("CS", counts.modalities),
            "00080090": _name(row.referring_physician_name),
            "00081030": _value("LO", keys.open_text(self._session, self._parts, row.description_sealed)),
            "00081190": _value("UR", self._scope.root + Address(row.study_instance_uid).path),
            "00100010": _name(row.dicom_patient_name),
            "00100020": _value("LO", row.dicom_patient_id),
            "00100021": _value("LO", row.dicom_issuer),
            "00100030": _value("DA", row.dicom_birth_date),
            "00100040": _value("CS", row.dicom_sex),
            "0020000D": _value("UI", row.study_instance_uid),
            "00200010": _value("SH", row.dicom_study_id),
            "00201206": _value("IS", counts.series),
            "00201208": _value("IS", counts.instances),
        }

    def _series(self, row: Any) -> Elements:
        address = Address(row.study_instance_uid, row.series_instance_uid)
        description = keys.open_text(self._session, self._parts, row.series_description_sealed)
        request = {
            "00400009": _value("SH", row.scheduled_step_id),
            "00401001": _value("SH", row.requested_procedure_id),
        }
        return {
            "00080060": _value("CS", row.modality),
            "0008103E": _value("LO", description),
            "00081190": _value("UR", self._scope.root + address.path),
            "0020000E": _value("UI", row.series_instance_uid),
            "00200011": _value("IS", row.series_number),
            "00201209": _value("IS", row.instance_count),
            "00400244": _value("DA", row.performed_date),
            "00400245": _value("TM", row.performed_time),
            "00400275": _values("SQ", [request] if row.scheduled_step_id or row.requested_procedure_id else []),
        }

    def _instance(self, row: Any) -> Elements:
        address = Address(row.study_instance_uid, row.series_instance_uid, row.sop_instance_uid)
        index = self._index(row)
        described = index.rows.get(row.sop_instance_uid) if index else None
        elements: Elements = dict(described.brief) if described else {}
        if described and (self._query.include or self._query.include_all):
            elements = self._included(self._text(row, index)) | elements
        if described:
            elements["00083002"] = _value("UI", described.transfer_syntax_uid)
        return elements | {
            "00080016": _value("UI", row.sop_class_uid),
            "00080018": _value("UI", row.sop_instance_uid),
            "00081190": _value("UR", self._scope.root + address.path),
            "00200013": _value("IS", row.instance_number),
        }

    def _index(self, row: Any) -> SeriesIndex | None:
        if row.metadata_object_id is None:
            return None
        return series_index(self._session, self._parts, self._scope.hospital_id, row.metadata_object_id)

    def _text(self, row: Any, index: SeriesIndex | None) -> Elements:
        """Return all elements of an instance; the texts of its series are read once a request."""
        if index is None:
            return {}
        if row.series_id not in self._texts:
            root = self._scope.root.encode("ascii")
            self._texts[row.series_id] = {
                item.sop_instance_uid: json.loads(text.replace(ROOT, root)) for item, text in texts_of(index)
            }
        found: Elements = self._texts[row.series_id].get(row.sop_instance_uid, {})
        return found

    def _first(self, row: Any) -> Elements:
        """Return all elements of the first instance of a row's series, or of the study's first series."""
        if self._query.level is Level.SERIES:
            first = row.metadata_object_id
        else:
            first = load.first_metadata(self._session, row.study_id)
        if first is None:
            return {}
        text = first_text(self._session, self._parts, self._scope.hospital_id, first)
        elements: Elements = json.loads(text.replace(ROOT, self._scope.root.encode("ascii")))
        return elements

    def _included(self, elements: Elements) -> Elements:
        """Return what was asked for beside what always comes, as far as it belongs to the level."""
        if self._query.include_all and self._query.level is Level.STUDY:
            return {tag: item for tag, item in elements.items() if tag in _PATIENT_AND_STUDY}
        if self._query.include_all:
            return {tag: item for tag, item in elements.items() if "BulkDataURI" not in item}
        return {tag: elements[tag] for tag in self._query.include if tag in elements}


def _value(vr: str, value: str | int | None) -> Elements:
    return {"vr": vr} if value in {"", None} else {"vr": vr, "Value": [value]}


def _values(vr: str, values: Sequence[Any]) -> Elements:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def _name(text: str) -> Elements:
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False)
    return _values("PN", [{name: group for name, group in groups if group}] if text else [])
