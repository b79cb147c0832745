"""The metadata of each series as it is served: written behind the acknowledgement, within a second or two.

References
----------
DICOM PS3.18 10.4 (Retrieve: metadata), Annex F (JSON Model).
"""

import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import Session

from app.access.load.search import not_rejected
from app.core.identifiers import SopInstanceUid, TransferSyntaxUid
from app.core.logs import get_logger
from app.dicom.describe import Described, Identity, InMemory, describe
from app.dicom.instance import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    UnreadableInstance,
    data_set_of,
)
from app.dicom.key_objects import KEY_OBJECT_SELECTION, Marks, marks_of
from app.dicom.metadata_pack import BadMetadata, Entry, entry_of, read_entries, write_metadata
from app.models.imaging import Instance, InstanceVersion, Series, StoredObject, Study
from app.outbox import Owed, close, owe
from app.services import keys, markings
from app.services.objects import ObjectReader, Placed, index_rows, insert_rows, put, reader
from app.services.parts import Parts
from app.services.unit_of_work import Scope, reading, unit_of_work
from app.storage.encrypted import Tampered

WRITE = "metadata.write"
GATHER = timedelta(seconds=1)
"""What arrives within this time is described together; metadata is right within two seconds."""
_HEAD_BYTES = 64 << 10  # file meta information and the first element of the data set
_INFLATED_BYTES = 64 << 20
_INDEXED_CHARACTERS = 64
_SERIES_COLUMNS = {
    "performed_date": ("00400244",),
    "performed_time": ("00400245",),
    "scheduled_step_id": ("00400275", "00400009"),
    "requested_procedure_id": ("00400275", "00401001"),
}
_log = get_logger("worker")


@dataclass(frozen=True, slots=True)
class _Source:
    uid: SopInstanceUid
    sop_class_uid: str
    digest: str
    transfer_syntax_uid: TransferSyntaxUid
    file: ObjectReader


def owe_metadata(session: Session, parts: Parts, hospital_id: UUID, series_id: UUID) -> None:
    """Let the metadata of a series be written anew, soon."""
    now = parts.clock()
    owe(session, hospital_id, WRITE, str(series_id), due_at=now + GATHER, now=now, not_later=True)


def write_series(parts: Parts, owed: Owed) -> None:
    """Describe what is new in a series and write its metadata. Safe to run twice: the later result stays."""
    scope = Scope(hospital=owed.hospital_id, worker=True)
    with reading(parts, scope) as session:
        series = session.scalars(select(Series).where(Series.id == UUID(owed.key))).one()
        study_uid = session.scalars(select(Study.study_instance_uid).where(Study.id == series.study_id)).one()
        sources = _sources(session, parts, series)
        known = _known(session, parts, series)
        secret = keys.study_key(session, parts, series.study_id)
    new = _New()
    entries = [
        known.get((source.uid, source.digest)) or _entry(source, study_uid, series.series_instance_uid, new)
        for source in sources
    ]
    placed = put(parts, secret, "metadata", [write_metadata(entries)])
    with unit_of_work(parts, scope) as session:
        _store(session, parts, series, placed, new, len(entries))
        close(session, owed, now=parts.clock())


def _sources(session: Session, parts: Parts, series: Series) -> list[_Source]:
    rows = session.execute(
        select(
            Instance.sop_instance_uid, Instance.sop_class_uid, Instance.current_digest,
            InstanceVersion.transfer_syntax_uid, InstanceVersion.object_id,
        )
        .join(
            InstanceVersion,
            (InstanceVersion.study_id == Instance.study_id)
            & (InstanceVersion.sop_instance_uid == Instance.sop_instance_uid)
            & (InstanceVersion.dataset_digest == Instance.current_digest),
        )
        .where(Instance.series_id == series.id, Instance.study_id == series.study_id, not_rejected())
        .order_by(Instance.number.is_(None), Instance.number, Instance.sop_instance_uid)
    ).all()  # fmt: skip
    return [
        _Source(
            SopInstanceUid(uid), sop_class, digest.hex(), TransferSyntaxUid(syntax),
            reader(session, parts, series.hospital_id, object_id),
        )
        for uid, sop_class, digest, syntax, object_id in rows
    ]  # fmt: skip


def _known(session: Session, parts: Parts, series: Series) -> dict[tuple[str, str], Entry]:
    """Return what was described before, by UID and version."""
    if series.metadata_object_id is None:
        return {}
    try:
        before = reader(session, parts, series.hospital_id, series.metadata_object_id).read()
        return {(entry.row.sop_instance_uid, entry.row.digest): entry for entry in read_entries(before)}
    except (OSError, EOFError, Tampered, BadMetadata) as error:  # it is made of what is stored, and can be made again
        _log.error("metadata cannot be read", series=str(series.id), error=type(error).__name__)
        return {}


@dataclass(slots=True)
class _New:
    """What was learnt of instances that are described for the first time: elements of one, and what documents mark."""

    elements: dict[str, Any] = field(default_factory=dict)
    marks: dict[str, Marks] = field(default_factory=dict)


def _entry(source: _Source, study_uid: str, series_uid: str, new: _New) -> Entry:
    """Describe one instance, and note what is learnt from it."""
    identity = Identity(study_uid, series_uid, source.uid, source.sop_class_uid)
    try:
        found = _described(source, identity)
    except (OSError, EOFError, Tampered, UnreadableInstance, zlib.error) as error:
        _log.error("an instance cannot be described", error=type(error).__name__)
        found = describe(InMemory(b""), 0, identity, explicit=True, little=True, direct=False)
    new.elements = new.elements or found.elements
    if source.sop_class_uid == KEY_OBJECT_SELECTION:
        new.marks[source.uid] = marks_of(found.elements)
    return entry_of(source.uid, source.digest, source.transfer_syntax_uid, found)


def _described(source: _Source, identity: Identity) -> Described:
    file = source.file
    offset, explicit = data_set_of(file.range(0, min(file.size, _HEAD_BYTES)))
    if source.transfer_syntax_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
        deflated = file.range(offset, file.size - offset)
        data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, _INFLATED_BYTES)
        return describe(InMemory(data), 0, identity, explicit=True, little=True, direct=False)
    little = source.transfer_syntax_uid != EXPLICIT_VR_BIG_ENDIAN
    return describe(file, offset, identity, explicit=explicit, little=little, direct=little)


def _store(session: Session, parts: Parts, series: Series, placed: Placed, new: _New, count: int) -> None:
    indexed = {name: _first(new.elements, path) for name, path in _SERIES_COLUMNS.items()} if new.elements else {}
    study = session.scalars(select(Study).where(Study.id == series.study_id).with_for_update()).one()
    taken = session.execute(
        update(Series)
        .where(Series.id == series.id, Series.metadata_changes < series.changes)  # a slower, older run changes nothing
        .values(
            metadata_object_id=placed.object_id,
            metadata_changes=series.changes,
            instance_count=case((Series.changes == series.changes, count), else_=Series.instance_count),
            **indexed,
        )
        .returning(Series.id)
    ).first()
    if taken is not None:
        now = parts.clock()
        insert_rows(session, index_rows([placed], series.hospital_id, study_id=series.study_id, now=now))
        session.execute(delete(StoredObject).where(StoredObject.id == series.metadata_object_id))
    for note, marks in new.marks.items():
        for series_id in markings.mark(session, parts, study, note, marks, now=parts.clock()):
            owe_metadata(session, parts, series.hospital_id, series_id)


def _first(elements: dict[str, Any], path: tuple[str, ...]) -> str:
    """Return the first value at a path of tags, through the first item of each sequence."""
    value: Any = elements
    for tag in path:
        values = value.get(tag, {}).get("Value") if isinstance(value, dict) else None
        value = values[0] if values else None
    return str(value)[:_INDEXED_CHARACTERS] if isinstance(value, str | int | float) else ""
