"""What a patient is given as it was received: encapsulated PDF documents, and clips that a browser can play."""

import json
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

from sqlalchemy.orm import Session

from app.access.load.links import OpenLink
from app.access.load.studies import SeriesFacts, StudyForPatient
from app.core.errors import NotFound
from app.dicom.describe import ROOT
from app.dicom.kinds import PDF_VALUE, VIDEO_SYNTAXES
from app.dicom.metadata_pack import InstanceMetadata
from app.services.metadata import SeriesIndex, series_index, texts_of
from app.services.objects import ObjectReader, instance_reader
from app.services.parts import Parts
from app.services.retrieval import BulkData
from app.services.unit_of_work import Scope, reading
from app.services.viewing import pack_index, series_at

_ITEM = Struct("<HHI")
_ITEM_TAG = (0xFFFE, 0xE000)
_MOST_FRAGMENTS = 1_000
_MP4_MARK = b"ftyp"  # ISO/IEC 14496-12 4.3: the first box, after its length


@dataclass(frozen=True, slots=True)
class Original:
    """Values out of the file of an instance, one after the other. `tag` names their version."""

    values: tuple[BulkData, ...]
    tag: str

    @property
    def size(self) -> int:
        """Length in bytes."""
        return sum(value.size for value in self.values)

    def pieces(self, start: int, length: int) -> Iterator[bytes]:
        """Yield bytes `start` to `start + length`."""
        for value in self.values:
            here = min(max(value.size - start, 0), length)
            if here:
                yield from value.pieces(start, here)
            start, length = max(start - value.size, 0), length - here

    @property
    def is_mp4(self) -> bool:
        """Whether it begins as an MP4 file does, which is what browsers play."""
        return self.size >= 8 and b"".join(self.pieces(4, 4)) == _MP4_MARK


@dataclass(frozen=True, slots=True)
class Clips:
    """The videos of one series; None stands for one that no browser plays."""

    study: StudyForPatient
    series: SeriesFacts
    clips: Sequence[Original | None]


def document(parts: Parts, link: OpenLink, position: int, place: int) -> Original:
    """Return the PDF of which picture `place` of a series (both 1-based) is a page; entered with `REPORT_READ`.

    Raises
    ------
    NotFound
        When it is no page of a document, or one whose bytes do not lie in the file as they are.
    """
    hospital_id = link.principal.hospital_id
    with reading(parts, Scope(hospital=hospital_id)) as session:
        _, _, series = series_at(session, parts, link, position)
        index = pack_index(session, parts, hospital_id, series)
        frames = index.frames[place - 1 : place] if index and place > 0 else ()
        described = _described(session, parts, link, series)
        uid = frames[0].sop_instance_uid if frames else ""
        if index is None or uid not in index.documents or described is None or uid not in described.rows:
            raise NotFound
        row = described.rows[uid]
        file = instance_reader(session, parts, hospital_id, link.study_id, row.sop_instance_uid)
    if PDF_VALUE in row.bulk:
        return Original((BulkData(file, row.bulk[PDF_VALUE]),), row.digest)
    text = next(text for one, text in texts_of(described) if one is row)
    value = json.loads(text.replace(ROOT, b"")).get(PDF_VALUE, {})
    if "InlineBinary" not in value:
        raise NotFound
    return Original((BulkData(file, data=b64decode(value["InlineBinary"])),), row.digest)


def clips(parts: Parts, link: OpenLink, position: int) -> Clips:
    """Return the videos of one series (1-based); the caller has entered with `STUDY_RENDERED`.

    Raises
    ------
    NotFound
        When there is no such series, or no video in it.
    """
    hospital_id = link.principal.hospital_id
    with reading(parts, Scope(hospital=hospital_id)) as session:
        study, _, series = series_at(session, parts, link, position)
        described = _described(session, parts, link, series)
        rows = described.rows.values() if described else ()
        videos = [row for row in rows if row.transfer_syntax_uid in VIDEO_SYNTAXES]
        files = [
            (row, instance_reader(session, parts, hospital_id, link.study_id, row.sop_instance_uid)) for row in videos
        ]
    found = [Original(tuple(BulkData(file, at) for at in _fragments(file, row)), row.digest) for row, file in files]
    if not found:
        raise NotFound
    return Clips(study, series, [one if one.is_mp4 else None for one in found])


def _described(session: Session, parts: Parts, link: OpenLink, series: SeriesFacts) -> SeriesIndex | None:
    if series.metadata_object_id is None:
        return None
    return series_index(session, parts, link.principal.hospital_id, series.metadata_object_id)


def _fragments(file: ObjectReader, row: InstanceMetadata) -> Iterator[tuple[int, int]]:
    """Give the fragments of a stream in order, without the offset table before them (PS3.5 A.4)."""
    at = row.pixels[0] if row.pixels else file.size
    for number in range(_MOST_FRAGMENTS):
        if at + _ITEM.size > file.size:
            return
        group, element, length = _ITEM.unpack(file.range(at, _ITEM.size))
        at += _ITEM.size
        if (group, element) != _ITEM_TAG or at + length > file.size:
            return
        if number:
            yield at, length
        at += length
