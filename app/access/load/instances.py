"""Rows of single instances, by the UIDs in a DICOMweb address."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from app.models.imaging import Instance, InstanceVersion, Series, Study


@dataclass(frozen=True, slots=True)
class InstanceAddress:
    """Where an instance is: the UIDs of `/studies/{study}/series/{series}/instances/{instance}`."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """The current version of an instance, and the object that holds it."""

    study_id: UUID
    object_id: UUID
    transfer_syntax_uid: str


def instance_at(session: Session, hospital_id: UUID, address: InstanceAddress) -> InstanceRow | None:
    """Return the current version of a hospital's instance, or None when it has none at this address."""
    current = and_(
        InstanceVersion.study_id == Instance.study_id,
        InstanceVersion.sop_instance_uid == Instance.sop_instance_uid,
        InstanceVersion.dataset_digest == Instance.current_digest,
    )
    row = session.execute(
        select(Instance.study_id, InstanceVersion.object_id, InstanceVersion.transfer_syntax_uid)
        .join(Study, Study.id == Instance.study_id)
        .join(Series, Series.id == Instance.series_id)
        .join(InstanceVersion, current)
        .where(
            Study.hospital_id == hospital_id,
            Study.study_instance_uid == address.study_instance_uid,
            Series.series_instance_uid == address.series_instance_uid,
            Instance.sop_instance_uid == address.sop_instance_uid,
        )
    ).first()
    return InstanceRow(row.study_id, row.object_id, row.transfer_syntax_uid) if row is not None else None
