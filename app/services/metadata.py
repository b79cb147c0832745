"""Metadata as it was written behind the acknowledgement: whole texts, and the index that says where frames lie.

The indexes of series that were asked for lately are kept in memory: they hold UIDs and places, and are of use only
after a decision. Texts are decrypted for the request that asks.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.access.actions import Action
from app.access.load.instances import Address, series_at
from app.access.scope import StudyScope
from app.core.errors import NotFound
from app.core.recent import Recent
from app.dicom.describe import ROOT
from app.dicom.metadata_pack import (
    HEAD_BYTES,
    InstanceMetadata,
    index_bytes,
    read_first_text,
    read_index,
    read_text,
)
from app.services.objects import ObjectReader, reader
from app.services.parts import Parts
from app.services.scoping import permitted, record_read
from app.services.unit_of_work import Scope, reading

_INDEXES = 256


@dataclass(frozen=True, slots=True)
class SeriesIndex:
    """The index of the metadata of one series, by SOP Instance UID."""

    file: ObjectReader
    rows: dict[str, InstanceMetadata]


_indexes: Recent[UUID, SeriesIndex] = Recent(_INDEXES)


def series_index(session: Session, parts: Parts, hospital_id: UUID, object_id: UUID) -> SeriesIndex:
    """Return the index of an object of metadata; for who may read the series."""
    known = _indexes.get(object_id)
    if known is None:
        file = reader(session, parts, hospital_id, object_id)
        rows = read_index(file.range(0, index_bytes(file.range(0, HEAD_BYTES))))
        known = _indexes.keep(object_id, SeriesIndex(file, {row.sop_instance_uid: row for row in rows}))
    return known


@dataclass(frozen=True, slots=True)
class StudyMetadata:
    """Metadata of a study, a series or an instance. `tag` changes whenever the text does."""

    tag: str
    root: str
    files: Sequence[ObjectReader]
    only: InstanceMetadata | None = None

    def json(self) -> bytes:
        """Return a JSON array of the instances, with the root in every address."""
        texts = [read_text(file.read()) for file in self.files]
        if self.only is not None:
            at, length = self.only.text_at
            texts = [texts[0][at : at + length]]
        return b"[" + b",".join(texts).replace(ROOT, self.root.encode("ascii")) + b"]"


def find_metadata(parts: Parts, scope: StudyScope, address: Address) -> StudyMetadata:
    """Return the metadata at an address.

    Raises
    ------
    NotFound
        When there is nothing there, or nothing that this principal may have: the two look the same.
    """
    with reading(parts, Scope(hospital=scope.hospital_id)) as session:
        series = series_at(session, scope, address)
        studies = {row.study_id for row in series}
        if not studies or not permitted(session, parts, scope, studies, Action.STUDY_METADATA):
            raise NotFound
        objects = [row.metadata_object_id for row in series if row.metadata_object_id is not None]
        only = None
        if address.instance is not None:
            indexes = [series_index(session, parts, scope.hospital_id, item) for item in objects]
            only = next((index.rows[address.instance] for index in indexes if address.instance in index.rows), None)
            if only is None:
                raise NotFound
        files = [reader(session, parts, scope.hospital_id, item) for item in objects]
    record_read(parts, scope, studies, Action.STUDY_METADATA)
    return StudyMetadata("-".join(item.hex[:16] for item in objects), scope.root, files, only)


def first_text(session: Session, parts: Parts, hospital_id: UUID, object_id: UUID) -> bytes:
    """Return the JSON text of the first instance of a series."""
    return read_first_text(reader(session, parts, hospital_id, object_id).read())


def elements_of(session: Session, parts: Parts, hospital_id: UUID, object_id: UUID, uid: str) -> dict[str, Any]:
    """Return all elements of one instance, addresses of bulk data without a root; none when it is not described."""
    index = series_index(session, parts, hospital_id, object_id)
    found = next((text for row, text in texts_of(index) if row.sop_instance_uid == uid), b"{}")
    elements: dict[str, Any] = json.loads(found.replace(ROOT, b""))
    return elements


def texts_of(index: SeriesIndex) -> Iterator[tuple[InstanceMetadata, bytes]]:
    """Yield each instance of a series with its JSON text."""
    text = read_text(index.file.read())
    for row in index.rows.values():
        at, length = row.text_at
        yield row, text[at : at + length]
