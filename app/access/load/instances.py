"""Rows of instances, by the UIDs in a DICOMweb address and within the scope of its root."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, Select, and_, bindparam, select
from sqlalchemy.orm import Session

from app.access.load.prepared import Prepared
from app.access.load.search import not_rejected, scoped, within
from app.access.scope import StudyScope
from app.models.imaging import Instance, InstanceVersion, Series, StoredObject, Study

_ASKED_AT_ONCE = 1_000  # every UID is a parameter of the statement, and databases bound those


@dataclass(frozen=True, slots=True)
class Address:
    """What an address names: a study, a series of it, or an instance."""

    study: str
    series: str | None = None
    instance: str | None = None

    @property
    def path(self) -> str:
        """The address below a root."""
        path = f"/studies/{self.study}"
        if self.series:
            path += f"/series/{self.series}"
        return path + (f"/instances/{self.instance}" if self.instance else "")


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """The current version of an instance, the series it belongs to, and where its file lies."""

    study_id: UUID
    study_instance_uid: str
    series_instance_uid: str
    series_number: int | None
    modality: str
    sop_instance_uid: str
    sop_class_uid: str
    number: int | None
    digest: bytes
    transfer_syntax_uid: str
    metadata_object_id: UUID | None
    object_id: UUID
    pack_id: UUID
    pack_offset: int
    size: int
    crc32: int | None

    @property
    def address(self) -> Address:
        """Where it is found."""
        return Address(self.study_instance_uid, self.series_instance_uid, self.sop_instance_uid)


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series, with where its metadata and previews lie once they are made."""

    study_id: UUID
    series_instance_uid: str
    metadata_object_id: UUID | None
    preview_object_id: UUID | None


_INSTANCES: Select[*tuple[Any, ...]] = (
    select(
        Instance.study_id, Study.study_instance_uid, Series.series_instance_uid, Series.number.label("series_number"),
        Series.modality, Instance.sop_instance_uid, Instance.sop_class_uid, Instance.number,
        Instance.current_digest.label("digest"), InstanceVersion.transfer_syntax_uid, Series.metadata_object_id,
        InstanceVersion.object_id, StoredObject.pack_id, StoredObject.pack_offset, StoredObject.size,
        InstanceVersion.crc32,
    )
    .join(Study, Study.id == Instance.study_id)
    .join(Series, Series.id == Instance.series_id)
    .join(
        InstanceVersion,
        and_(
            InstanceVersion.study_id == Instance.study_id,
            InstanceVersion.sop_instance_uid == Instance.sop_instance_uid,
            InstanceVersion.dataset_digest == Instance.current_digest,
        ),
    )
    .join(StoredObject, StoredObject.id == InstanceVersion.object_id)
    .where(not_rejected())
    .order_by(
        Series.number.is_(None), Series.number, Series.id, Instance.number.is_(None), Instance.number,
        Instance.sop_instance_uid,
    )
)  # fmt: skip


_SERIES: Select[*tuple[Any, ...]] = (
    select(Series.study_id, Series.series_instance_uid, Series.metadata_object_id, Series.preview_object_id)
    .join(Study, Study.id == Series.study_id)
    .where(Series.instance_count > 0)
    .order_by(Series.number.is_(None), Series.number, Series.id)
)
_AT = {
    "study": Study.study_instance_uid,
    "series": Series.series_instance_uid,
    "instance": Instance.sop_instance_uid,
}


@lru_cache(maxsize=64)
def _prepared(of: str, dialect: Dialect, parts: tuple[str, ...], *, in_capability: bool) -> Prepared:
    conditions = [_AT[part] == bindparam(part) for part in parts]
    statement = _INSTANCES if of == "instances" else _SERIES
    return Prepared(statement.where(within(in_capability=in_capability), *conditions), dialect)


def _rows_at(session: Session, of: str, scope: StudyScope, address: Address) -> list[Any]:
    connection = session.connection()
    given = {part: uid for part in _AT if (uid := getattr(address, part)) and (of == "instances" or part != "instance")}
    prepared = _prepared(of, connection.dialect, tuple(given), in_capability=scope.capability_id is not None)
    return prepared.all(connection, **given, **scoped(scope))


def instances_at(session: Session, scope: StudyScope, address: Address) -> list[InstanceRow]:
    """Return the instances at an address, in display order; none where the scope does not reach."""
    return [InstanceRow(*row) for row in _rows_at(session, "instances", scope, address)]


def series_at(session: Session, scope: StudyScope, address: Address) -> list[SeriesRow]:
    """Return the series at an address, in display order."""
    return [SeriesRow(*row) for row in _rows_at(session, "series", scope, address)]


def sop_classes(session: Session, hospital_id: UUID, sop_instance_uids: Sequence[str]) -> dict[str, set[str]]:
    """Return the SOP Classes of those instances that a hospital has; under one UID there may be several in studies."""
    found: dict[str, set[str]] = defaultdict(set)
    for at in range(0, len(sop_instance_uids), _ASKED_AT_ONCE):
        asked = sop_instance_uids[at : at + _ASKED_AT_ONCE]
        rows = session.execute(
            select(Instance.sop_instance_uid, Instance.sop_class_uid).where(
                Instance.hospital_id == hospital_id, Instance.sop_instance_uid.in_(asked)
            )
        )
        for uid, sop_class in rows:
            found[uid].add(sop_class)
    return found
