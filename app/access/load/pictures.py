"""The hot read: session, link, study and the previews of one series in a single statement, without the ORM.

What it returns is judged by the same policy as every other road.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Dialect, and_, bindparam, func, or_, select

from app.access.actions import Action
from app.access.load.prepared import Prepared
from app.access.policy import StudyFacts
from app.access.principals import LinkSession
from app.access.release import FINAL, ReportFacts, releases_of
from app.models.hospitals import Hospital
from app.models.imaging import Series, SeriesPreview, StoredObject, Study
from app.models.links import Capability, CapabilityStudy, Opening, Session
from app.models.patients import Patient, Report, ServiceRequest


@dataclass(frozen=True, slots=True)
class PackRow:
    """Where the previews of a series lie."""

    object_id: UUID
    pack_id: UUID
    pack_offset: int
    size: int


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """Everything that deciding about, and finding, a picture takes."""

    principal: LinkSession
    study: StudyFacts
    opened: bool
    pack: PackRow | None


def _series_at() -> Any:
    """Return the id of the series at `:offset` in display order (as `studies.series_of` counts)."""
    return (
        select(Series.id)
        .where(Series.study_id == Study.id)
        .order_by(Series.number.is_(None), Series.number, Series.id)
        .limit(1)
        .offset(bindparam("offset"))
        .correlate(Study)
        .scalar_subquery()
    )


def _first_final() -> Any:
    is_final = or_(*(Report.status == status for status in FINAL))  # `in_` is not spelt out before it is executed
    return (
        select(func.min(Report.issued_at))
        .where(Report.service_request_id == Study.service_request_id, is_final)
        .correlate(Study)
        .scalar_subquery()
    )


def _opening() -> Any:
    return (
        select(Opening.id)
        .where(
            Opening.session_digest == Session.digest,
            Opening.study_id == Study.id,
            Opening.action == Action.STUDY_RENDERED.value,
        )
        .correlate(Session, Study)
        .exists()
    )


_STATEMENT = (
    select(
        Session.hospital_id, Session.digest, Session.assurance, Session.expires_at, Session.revoked_at,
        Capability.id.label("capability_id"), Capability.patient_id, Capability.expires_at.label("link_expires_at"),
        Capability.revoked_at.label("link_revoked_at"),
        Study.id.label("study_id"), Study.patient_id.label("study_patient_id"), Study.held_at, Study.complete_at,
        Study.doctor_released_at, ServiceRequest.procedure_code, Patient.after_my_doctor, Hospital.policy,
        _first_final().label("first_final_at"), _opening().label("opened"),
        StoredObject.id.label("object_id"), StoredObject.pack_id, StoredObject.pack_offset, StoredObject.size,
    )
    .join(Capability, Capability.id == Session.capability_id)
    .join(CapabilityStudy, CapabilityStudy.capability_id == Capability.id)
    .join(Study, Study.id == CapabilityStudy.study_id)
    .join(Hospital, Hospital.id == Session.hospital_id)
    .outerjoin(ServiceRequest, ServiceRequest.id == Study.service_request_id)
    .outerjoin(Patient, Patient.id == Study.patient_id)
    .outerjoin(Series, and_(Series.study_id == Study.id, Series.id == _series_at()))  # the first lets an index be used
    .where(Session.digest == bindparam("digest"), Capability.public_id == bindparam("public_id"))
)  # fmt: skip
_IN_OWN_LOOK = _STATEMENT.outerjoin(StoredObject, StoredObject.id == Series.preview_object_id)
_IN_A_LOOK = _STATEMENT.outerjoin(
    SeriesPreview,
    and_(
        SeriesPreview.series_id == Series.id,
        SeriesPreview.changes == Series.changes,
        SeriesPreview.look == bindparam("look"),
    ),
).outerjoin(StoredObject, StoredObject.id == SeriesPreview.object_id)


@lru_cache(maxsize=4)
def _prepared(dialect: Dialect, *, in_a_look: bool) -> Prepared:
    return Prepared(_IN_A_LOOK if in_a_look else _IN_OWN_LOOK, dialect)


def picture_facts(
    connection: Connection, digest: bytes, public_id: str, series: int, look: str | None = None, *, now: datetime
) -> PictureFacts | None:
    """Return the facts for series `series` (1-based), or None when the session is not one of this link.

    With `look`, the pack is that of the series in another look than its own.
    """
    prepared = _prepared(connection.dialect, in_a_look=look is not None)
    named = {} if look is None else {"look": look}
    row = prepared.first(connection, digest=digest, public_id=public_id, offset=series - 1, **named)
    if row is None:
        return None
    return PictureFacts(_principal(row), _study(row, now), bool(row.opened), _pack(row))


def _principal(row: Any) -> LinkSession:
    return LinkSession(
        hospital_id=row.hospital_id,
        capability_id=row.capability_id,
        patient_id=row.patient_id,
        session_digest=row.digest,
        assurance=row.assurance,
        session_expires_at=row.expires_at,
        session_revoked=row.revoked_at is not None,
        capability_expires_at=row.link_expires_at,
        capability_revoked=row.link_revoked_at is not None,
    )


def _study(row: Any, now: datetime) -> StudyFacts:
    report = ReportFacts("final", row.first_final_at) if row.first_final_at else None
    releases = releases_of(
        row.policy.get("release", {}),
        procedure_code=row.procedure_code,
        complete_at=row.complete_at,
        report=report,
        waits_for_doctor=bool(row.after_my_doctor) and row.doctor_released_at is None,
        now=now,
    )
    opened_by = frozenset({row.capability_id})
    return StudyFacts(row.hospital_id, row.study_id, row.study_patient_id, row.held_at is not None, releases, opened_by)


def _pack(row: Any) -> PackRow | None:
    return PackRow(row.object_id, row.pack_id, row.pack_offset, row.size) if row.object_id is not None else None
