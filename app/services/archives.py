"""A study as one ZIP with a DICOMDIR: its files as they were received, under names that every file system takes.

References
----------
DICOM PS3.10 8.2 (file IDs), PS3.12 V (ZIP media), PS3.3 F (Basic Directory).
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

from app.access.actions import Action
from app.access.load.instances import Address
from app.access.scope import StudyScope
from app.core import zip_framing
from app.core.zip_framing import Member
from app.dicom.describe import ROOT
from app.dicom.directory import Entry, record_type, write_directory
from app.services.metadata import series_index, texts_of
from app.services.parts import Parts
from app.services.retrieval import NotDescribed, StoredInstance, find_instances, record_given
from app.services.unit_of_work import Scope, reading


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that is ready to be sent; nothing of the files was read yet."""

    members: Sequence[Member]

    @property
    def size(self) -> int:
        """Length in bytes."""
        return zip_framing.archive_size(self.members)

    def pieces(self) -> Iterator[bytes]:
        """Yield its bytes."""
        return zip_framing.archive(self.members)


def archive_of(parts: Parts, scope: StudyScope, study_instance_uid: str) -> Archive:
    """Return the archive of a study.

    Raises
    ------
    NotFound
        When there is no such study, or this principal may not take it away.
    NotDescribed
        When an instance came a moment ago.
    """
    found = find_instances(parts, scope, Address(study_instance_uid), Action.ARCHIVE_DOWNLOAD, described=True)
    if any(item.described is None for item in found):
        raise NotDescribed(retry_after=1)
    record_given(parts, scope, found, Action.ARCHIVE_DOWNLOAD)
    members, entries = [], []
    for number, (_, items) in enumerate(groupby(found, key=lambda item: item.row.series_instance_uid), start=1):
        of_series = list(items)
        texts = _texts(parts, scope.hospital_id, of_series)
        for place, item in enumerate(of_series, start=1):
            file_id = ("DICOM", f"SE{number:06}", f"IM{place:06}")
            members.append(Member("/".join(file_id), item.file.size, _crc(item), item.file.pieces))
            entries.append(_entry(item, texts.get(item.row.sop_instance_uid), file_id))
    directory = write_directory(entries, f"2.25.{uuid4().int}")
    return Archive([Member("DICOMDIR", len(directory), zlib.crc32(directory), partial(_once, directory)), *members])


def _once(data: bytes) -> Iterator[bytes]:
    yield data


def _texts(parts: Parts, hospital_id: UUID, items: Sequence[StoredInstance]) -> dict[str, dict[str, Any]]:
    """Return all elements of a series' first instance, and of those that are no images: records tell more of them."""
    wanted = {items[0].row.sop_instance_uid}
    wanted |= {item.row.sop_instance_uid for item in items if record_type(item.row.sop_class_uid) != "IMAGE"}
    object_id = items[0].row.metadata_object_id
    if object_id is None:
        return {}
    with reading(parts, Scope(hospital=hospital_id)) as session:
        index = series_index(session, parts, hospital_id, object_id)
    return {
        row.sop_instance_uid: json.loads(text.replace(ROOT, b""))
        for row, text in texts_of(index)
        if row.sop_instance_uid in wanted
    }


def _entry(item: StoredInstance, elements: dict[str, Any] | None, file_id: tuple[str, ...]) -> Entry:
    row = item.row
    if elements is None:
        elements = {
            "00080018": {"vr": "UI", "Value": [row.sop_instance_uid]},
            "0020000E": {"vr": "UI", "Value": [row.series_instance_uid]},
            "00200013": {"vr": "IS", "Value": [row.number] if row.number is not None else []},
        }
    return Entry(elements, row.sop_class_uid, row.transfer_syntax_uid, file_id)


def _crc(item: StoredInstance) -> int:
    """Return the CRC kept since it was received; of what a release received that kept none, that of its bytes."""
    if item.row.crc32 is not None:
        return item.row.crc32
    crc = 0
    for piece in item.file.pieces():
        crc = zlib.crc32(piece, crc)
    return crc
