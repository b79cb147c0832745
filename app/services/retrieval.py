"""Giving instances, frames and bulk data: decided, recorded, then read in pieces; decoded where a client cannot.

Files go out as they were received, but for the transfer syntaxes that no web service may send (PS3.18 8.7.3.5.2) and
where a client asks for Explicit VR Little Endian, which is the default.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from app.access.actions import Action
from app.access.load.instances import Address, InstanceRow, instances_at
from app.access.scope import StudyScope
from app.core.errors import AppError, NotFound
from app.dicom.describe import Identity, InMemory, describe
from app.dicom.instance import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    data_set_of,
)
from app.dicom.metadata_pack import InstanceMetadata
from app.dicom.render import NotRenderable
from app.services import keys
from app.services.metadata import series_index
from app.services.objects import ObjectReader
from app.services.parts import Parts
from app.services.scoping import permitted, record_read
from app.services.unit_of_work import Scope, reading

NATIVE = frozenset({EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN})
"""Transfer syntaxes whose cells lie in the file as Explicit VR Little Endian has them."""
NEVER_SENT = frozenset({IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN})
MAX_FRAMES = 1000
"""Frames of one request."""


class Undecodable(AppError):
    """The instance is here, and there is no way to give it as it was asked for; the reason is the decoder's."""

    code = "undecodable"
    status = 422
    title = "This cannot be decoded here"


class NotDescribed(AppError):
    """The instance came a moment ago."""

    code = "not-described"
    status = 503
    title = "This instance came a moment ago; ask again in a second"


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """An instance that may be given."""

    row: InstanceRow
    file: ObjectReader
    described: InstanceMetadata | None = None

    @property
    def transfer_syntax_uid(self) -> str:
        """The transfer syntax that it was received in."""
        return self.row.transfer_syntax_uid


def find_instances(
    parts: Parts, scope: StudyScope, address: Address, action: Action, *, described: bool = False
) -> list[StoredInstance]:
    """Return the instances at an address; who gives them records it (`record_given`).

    Parameters
    ----------
    described : bool
        With what is known of where their frames and bulk data lie.

    Raises
    ------
    NotFound
        When there is nothing, or nothing that this principal may have: the two look the same.
    """
    with reading(parts, Scope(hospital=scope.hospital_id)) as session:
        rows = instances_at(session, scope, address)
        allowed = permitted(session, parts, scope, {row.study_id for row in rows}, action)
        rows = [row for row in rows if row.study_id in allowed]
        if not rows:
            raise NotFound
        secrets = {study_id: keys.study_key(session, parts, study_id) for study_id in allowed}
        return [
            StoredInstance(
                row,
                _reader(parts, row, secrets[row.study_id]),
                _described(session, parts, scope.hospital_id, row) if described else None,
            )
            for row in rows
        ]


def record_given(parts: Parts, scope: StudyScope, found: Sequence[StoredInstance], action: Action) -> None:
    """Record that instances are given; durable before the first byte leaves."""
    record_read(parts, scope, {item.row.study_id for item in found}, action)


def _reader(parts: Parts, row: InstanceRow, secret: bytes) -> ObjectReader:
    key = keys.object_key(secret, row.object_id, "instance")
    return ObjectReader(parts.store, key, row.object_id, row.pack_id, row.pack_offset, row.size)


def _described(session: Session, parts: Parts, hospital_id: UUID, row: InstanceRow) -> InstanceMetadata | None:
    if row.metadata_object_id is None:
        return None
    known = series_index(session, parts, hospital_id, row.metadata_object_id).rows.get(row.sop_instance_uid)
    return known if known is not None and known.digest == row.digest.hex() else None


def explicit_file(parts: Parts, instance: StoredInstance) -> bytes:
    """Return the whole instance in Explicit VR Little Endian.

    Raises
    ------
    Undecodable
        With the decoder's reason.
    """
    try:
        return parts.decoder.explicit(instance.file.read())
    except NotRenderable as reason:
        raise Undecodable(reason.reason) from None


def frame_count(instance: StoredInstance) -> int:
    """Return how many frames an instance has; 0 without pixel data."""
    described = _needed(instance)
    return max(described.facts.get("frames", 1), 1) if described.pixels else 0


def _needed(instance: StoredInstance) -> InstanceMetadata:
    if instance.described is None:
        raise NotDescribed(retry_after=1)
    return instance.described


def native_frames(parts: Parts, instance: StoredInstance, numbers: Sequence[int]) -> list[bytes]:
    """Return frames as native cells in little endian; numbers count from 1.

    Raises
    ------
    NotFound
        When there is no such frame.
    Undecodable
        With the decoder's reason.
    """
    _check_numbers(instance, numbers)
    size = _cell_frame_size(instance)
    if size is not None:
        start, length = _needed(instance).pixels or (0, 0)
        if max(numbers) * size <= length:
            return [instance.file.range(start + (number - 1) * size, size) for number in numbers]
    try:
        return parts.decoder.native_frames(instance.file.read(), numbers)
    except NotRenderable as reason:
        raise Undecodable(reason.reason) from None


def _check_numbers(instance: StoredInstance, numbers: Sequence[int]) -> None:
    if not all(1 <= number <= frame_count(instance) for number in numbers):
        raise NotFound("There is no such frame.")


def _cell_frame_size(instance: StoredInstance) -> int | None:
    """Return the bytes of a frame where frames lie in the file one after the other, in whole bytes."""
    facts = _needed(instance).facts
    if instance.transfer_syntax_uid not in NATIVE or facts.get("bits", 0) % 8:
        return None
    cells = facts.get("rows", 0) * facts.get("columns", 0) * facts.get("samples", 1)
    return cells * facts["bits"] // 8 or None if "bits" in facts else None


def stored_frames(instance: StoredInstance, numbers: Sequence[int]) -> list[bytes] | None:
    """Return encapsulated frames as they are; None where they do not part into frames or are not encapsulated."""
    _check_numbers(instance, numbers)
    frames = _needed(instance).frames
    if frames is None or len(frames) < max(numbers):
        return None
    return [b"".join(instance.file.range(at, size) for at, size in frames[number - 1]) for number in numbers]


@dataclass(frozen=True, slots=True)
class BulkData:
    """The value of one element. `at` is where it lies in the file; without a place it is `data`."""

    file: ObjectReader
    at: tuple[int, int] | None = None
    data: bytes = b""

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.at[1] if self.at else len(self.data)

    def pieces(self, start: int, length: int) -> Iterator[bytes]:
        """Yield bytes `start` to `start + length` of the value."""
        if self.at is None:
            yield self.data[start : start + length]
        else:
            yield from self.file.pieces_of(self.at[0] + start, length)


def bulk_data(parts: Parts, instance: StoredInstance, path: str) -> BulkData:
    """Return the value of an element as little endian; encapsulated pixel data is decoded.

    Parameters
    ----------
    path : str
        As the metadata names it, such as `7FE00010` or `52009229/1/00091001`.

    Raises
    ------
    NotFound
        When the instance has no such bulk data.
    """
    described = _needed(instance)
    if path in described.bulk:
        return BulkData(instance.file, described.bulk[path])
    if path == "7FE00010" and described.pixels and described.pixels[1] < 0:
        numbers = range(1, frame_count(instance) + 1)
        return BulkData(instance.file, data=b"".join(native_frames(parts, instance, numbers)))
    if instance.transfer_syntax_uid in NATIVE or described.frames is not None:
        raise NotFound
    data = explicit_file(parts, instance)
    return BulkData(instance.file, data=_value_in(data, instance.row, path))


def _value_in(data: bytes, row: InstanceRow, path: str) -> bytes:
    """Find a value in a file of ours: deflated and big endian instances have none that can be given as it lies."""
    offset, explicit = data_set_of(data[: 64 << 10])
    identity = Identity(row.study_instance_uid, row.series_instance_uid, row.sop_instance_uid, row.sop_class_uid)
    found = describe(InMemory(data), offset, identity, explicit=explicit, little=True, direct=True).bulk.get(path)
    if found is None:
        raise NotFound
    return data[found[0] : sum(found)]
