"""A study as its hospital's systems see it: found by UID, its series in counts, what is missing, what came twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.imaging import Instance, InstanceVersion, ManifestEntry, Series, Study
from app.models.patients import PatientIdentifier, ServiceRequest

LISTED = 100
"""How many UIDs a list names at most; counts are always whole."""


def study_by_uid(session: Session, hospital_id: UUID, study_instance_uid: str) -> Study | None:
    """Return this hospital's study, locked where the database locks rows."""
    return session.scalar(
        select(Study)
        .where(Study.hospital_id == hospital_id, Study.study_instance_uid == study_instance_uid)
        .with_for_update()
    )


@dataclass(frozen=True, slots=True)
class SeriesCounts:
    """What is here of a series."""

    series_instance_uid: str
    modality: str
    instances: int
    picture_count: int
    shown_count: int
    not_shown_reason: str | None


def series_counts(session: Session, study_id: UUID) -> list[SeriesCounts]:
    """Return the series of a study in display order."""
    rows = session.execute(
        select(Series, func.count(Instance.sop_instance_uid))
        .outerjoin(Instance, (Instance.series_id == Series.id) & (Instance.study_id == study_id))
        .where(Series.study_id == study_id)
        .group_by(Series.id)
        .order_by(Series.number.is_(None), Series.number, Series.id)
    )
    return [
        SeriesCounts(
            row.series_instance_uid, row.modality, count, row.picture_count, row.shown_count, row.not_shown_reason
        )
        for row, count in rows
    ]


def missing_uids(session: Session, study_id: UUID) -> list[str]:
    """Return the first promised instances, by UID, that are not here."""
    here = select(Instance.sop_instance_uid).where(Instance.study_id == study_id)
    return list(
        session.scalars(
            select(ManifestEntry.sop_instance_uid)
            .where(ManifestEntry.study_id == study_id, ManifestEntry.sop_instance_uid.not_in(here))
            .order_by(ManifestEntry.sop_instance_uid)
            .limit(LISTED)
        )
    )


def other_versions(session: Session, study_id: UUID) -> list[tuple[str, datetime, bool]]:
    """Return versions that came under a UID taken by other content: UID, arrival, and whether it is shown."""
    rows = session.execute(
        select(
            InstanceVersion.sop_instance_uid,
            InstanceVersion.received_at,
            InstanceVersion.dataset_digest == Instance.current_digest,
        )
        .join(
            Instance,
            (Instance.study_id == InstanceVersion.study_id)
            & (Instance.sop_instance_uid == InstanceVersion.sop_instance_uid),
        )
        .where(InstanceVersion.study_id == study_id, InstanceVersion.flagged)
        .order_by(InstanceVersion.received_at, InstanceVersion.sop_instance_uid)
        .limit(LISTED)
    )
    return [(uid, at, bool(shown)) for uid, at, shown in rows]


def identifiers_of(session: Session, patient_id: UUID) -> list[tuple[str, str]]:
    """Return a patient's identifiers, each with its issuer."""
    rows = session.execute(
        select(PatientIdentifier.value, PatientIdentifier.issuer)
        .where(PatientIdentifier.patient_id == patient_id)
        .order_by(PatientIdentifier.id)
    )
    return [(value, issuer) for value, issuer in rows]


def order_of(session: Session, service_request_id: UUID) -> tuple[str, str]:
    """Return accession number and issuer of an order."""
    row = session.execute(
        select(ServiceRequest.accession_number, ServiceRequest.issuer).where(ServiceRequest.id == service_request_id)
    ).one()
    return row.accession_number, row.issuer


def uids_of(session: Session, study_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the Study Instance UIDs of studies by our ids."""
    rows = session.execute(select(Study.id, Study.study_instance_uid).where(Study.id.in_(study_ids)))
    return {study_id: uid for study_id, uid in rows}  # noqa: C416  a Row is no plain tuple
