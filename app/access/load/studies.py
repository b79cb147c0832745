"""Rows of studies for people: the facts policy decides on, and what a page shows once it has decided."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from app.access.load.search import not_rejected
from app.access.policy import StudyFacts
from app.access.release import FINAL, ReportFacts, releases_of
from app.core.errors import NotFound
from app.dicom.kinds import Kind, kind_of
from app.dicom.structured_report import READABLE
from app.models.hospitals import Hospital
from app.models.imaging import Instance, Marking, Series, SeriesPreview, Study
from app.models.links import CapabilityStudy
from app.models.patients import Patient, Report, ServiceRequest

OpenText = Callable[[bytes | None], str]
"""Opens sealed free text; given by the caller, who has the keys."""


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """A series as a page lists it; `position` counts from 1 in display order."""

    position: int
    series_id: UUID
    modality: str
    description: str
    picture_count: int
    shown_count: int
    not_shown_reason: str | None
    preview_object_id: UUID | None
    metadata_object_id: UUID | None
    series_instance_uid: str
    sop_class_uids: frozenset[str]

    @property
    def kinds(self) -> frozenset[Kind]:
        """What there is in it."""
        return frozenset(map(kind_of, self.sop_class_uids))

    @property
    def is_text(self) -> bool:
        """Whether there is something in it to be read as words."""
        return not READABLE.isdisjoint(self.sop_class_uids)


def policy_facts(session: Session, hospital_id: UUID, study_id: UUID, *, now: datetime) -> StudyFacts | None:
    """Return what policy decides on, or None when this hospital has no such study."""
    row = session.execute(
        select(
            Study.patient_id, Study.held_at, Study.complete_at, Study.doctor_released_at, Study.service_request_id,
            ServiceRequest.procedure_code, Patient.after_my_doctor, Hospital.policy,
        )
        .join(Hospital, Hospital.id == Study.hospital_id)
        .outerjoin(ServiceRequest, ServiceRequest.id == Study.service_request_id)
        .outerjoin(Patient, Patient.id == Study.patient_id)
        .where(Study.id == study_id, Study.hospital_id == hospital_id)
    ).first()  # fmt: skip
    if row is None:
        return None
    releases = releases_of(
        row.policy.get("release", {}),
        procedure_code=row.procedure_code,
        complete_at=row.complete_at,
        report=report_facts(session, row.service_request_id) if row.service_request_id else None,
        waits_for_doctor=bool(row.after_my_doctor) and row.doctor_released_at is None,
        now=now,
    )
    opened_by = session.scalars(select(CapabilityStudy.capability_id).where(CapabilityStudy.study_id == study_id))
    return StudyFacts(hospital_id, study_id, row.patient_id, row.held_at is not None, releases, frozenset(opened_by))


def report_facts(session: Session, service_request_id: UUID) -> ReportFacts | None:
    """Return the newest report's status and when a final one was first issued."""
    rows = session.execute(
        select(Report.status, Report.issued_at)
        .where(Report.service_request_id == service_request_id)
        .order_by(Report.issued_at, Report.version)
    ).all()
    if not rows:
        return None
    first_final = next((row.issued_at for row in rows if row.status in FINAL), None)
    return ReportFacts(rows[-1].status, first_final)


def newest_report(session: Session, service_request_id: UUID) -> Report | None:
    """Return the newest version of an order's report."""
    return session.scalar(
        select(Report)
        .where(Report.service_request_id == service_request_id)
        .order_by(Report.issued_at.desc(), Report.version.desc())
        .limit(1)
    )


@dataclass(frozen=True, slots=True)
class StudyForPatient:
    """What the study page tells beside report and pictures."""

    study_id: UUID
    service_request_id: UUID | None
    procedure: str
    patient_name: str
    local_date: date | None
    state: str
    received: int
    withdrawn: int
    expected: int | None
    complete_at: datetime | None


def study_for_patient(session: Session, study_id: UUID, patient_id: UUID, open_text: OpenText) -> StudyForPatient:
    """Return the texts and counts of a patient's study.

    Raises
    ------
    NotFound
        When it is not this patient's (any more): the match was undone since the session was judged.
    """
    row = session.execute(
        select(Study, ServiceRequest.procedure_sealed, Patient.name)
        .join(ServiceRequest, ServiceRequest.id == Study.service_request_id)
        .join(Patient, Patient.id == Study.patient_id)
        .where(Study.id == study_id, Study.patient_id == patient_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    study, procedure, name = row
    received = session.scalar(select(func.count()).select_from(Instance).where(Instance.study_id == study_id)) or 0
    withdrawn = session.scalar(
        select(func.count())
        .select_from(Instance)
        .join(Marking, and_(Marking.study_id == study_id, Marking.sop_instance_uid == Instance.sop_instance_uid))
        .where(Instance.study_id == study_id, Marking.kind == "rejected")
    )
    return StudyForPatient(
        study.id, study.service_request_id, open_text(procedure), name, study.local_date, study.state,
        received - (withdrawn or 0), withdrawn or 0,
        study.expected_instances, study.complete_at,
    )  # fmt: skip


def marked_as_key(session: Session, study_id: UUID) -> Sequence[str]:
    """Return the instances that Key Object Selections of a study mark."""
    marked = select(Marking.sop_instance_uid).where(Marking.study_id == study_id, Marking.kind == "key")
    return session.scalars(marked.order_by(Marking.created_at, Marking.sop_instance_uid)).all()


def series_of(session: Session, study_id: UUID, open_text: OpenText) -> list[SeriesFacts]:
    """Return the series in display order: by series number, then by arrival."""
    classes = defaultdict[UUID, set[str]](set)
    there = select(Instance.series_id, Instance.sop_class_uid).where(Instance.study_id == study_id, not_rejected())
    for series_id, sop_class_uid in session.execute(there.distinct()):
        classes[series_id].add(sop_class_uid)
    rows = session.scalars(
        select(Series).where(Series.study_id == study_id).order_by(Series.number.is_(None), Series.number, Series.id)
    )
    return [
        SeriesFacts(
            position, row.id, row.modality, open_text(row.description_sealed), row.picture_count, row.shown_count,
            row.not_shown_reason, row.preview_object_id, row.metadata_object_id, row.series_instance_uid,
            frozenset(classes[row.id]),
        )
        for position, row in enumerate(rows, start=1)
    ]  # fmt: skip


def preview_in_look(session: Session, series_id: UUID, look: str) -> UUID | None:
    """Return the object of a series' pictures in another look than its own, while they are those of the series now."""
    return session.scalar(
        select(SeriesPreview.object_id)
        .join(Series, and_(Series.id == SeriesPreview.series_id, Series.changes == SeriesPreview.changes))
        .where(SeriesPreview.series_id == series_id, SeriesPreview.look == look)
    )


def has_study(session: Session, service_request_id: UUID) -> bool:
    """Tell whether a study is matched by an order."""
    return session.scalar(select(Study.id).where(Study.service_request_id == service_request_id).limit(1)) is not None
