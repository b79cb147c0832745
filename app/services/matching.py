"""Whose study is it: Patient ID with issuer, and accession number, against what the hospital's systems registered.

What does not match waits in the worklist with a reason, and never reaches anyone. Same phone, or same name and birth
date,
never match.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.audit.events import Event
from app.audit.record import Fact, record
from app.models.imaging import Study
from app.models.links import Capability, CapabilityStudy
from app.models.patients import Patient, PatientIdentifier, ServiceRequest
from app.services import study_state
from app.services.parts import Parts


def match(session: Session, parts: Parts, study: Study, *, now: datetime) -> bool:
    """Match a study that is not matched yet; returns whether it is. Records the reason when it is not."""
    if study.patient_id is not None and study.service_request_id is not None:
        return True
    reason, request = _find(session, study)
    study.unmatched_reason = reason
    if request is None:
        return False
    assign(session, parts, study, request, by="matching", now=now)
    return True


def assign(session: Session, parts: Parts, study: Study, request: ServiceRequest, *, by: str, now: datetime) -> None:
    """Bind a study to an order and its patient."""
    study.patient_id, study.service_request_id = request.patient_id, request.id
    study.unmatched_reason = None
    fact = Fact(Event.STUDY_MATCHED, by, f"study:{study.id}", study.hospital_id, request.patient_id)
    record(session, parts.keys, fact, now=now)


def undo(session: Session, parts: Parts, study: Study, *, by: str, reason: str, now: datetime) -> None:
    """Undo a wrong match: the first patient's links to this study end at the next request.

    The match is never re-made without a person, and what a doctor released to the first patient is not released to
    the next.
    """
    if study.patient_id is None:
        return
    first = study.patient_id
    named = select(CapabilityStudy.capability_id).where(CapabilityStudy.study_id == study.id)
    session.execute(
        update(Capability)
        .where(Capability.id.in_(named), Capability.patient_id == first, Capability.revoked_at.is_(None))
        .values(revoked_at=now, revoked_reason="revoked")
    )
    study.kept_apart_from, study.patient_id, study.service_request_id = first, None, None
    study.unmatched_reason = "match-undone"
    study.announced_revision, study.announced_incomplete, study.doctor_released_at = 0, False, None
    fact = Fact(Event.STUDY_UNMATCHED, by, f"study:{study.id}", study.hospital_id, first, reason=reason)
    record(session, parts.keys, fact, now=now)


def studies_waiting_for(
    session: Session, hospital_id: UUID, *, accession_number: str | None = None, patient_values: Sequence[str] = ()
) -> Sequence[Study]:
    """Return unmatched studies that a newly registered order or patient may belong to."""
    statement = select(Study).where(Study.hospital_id == hospital_id, Study.service_request_id.is_(None))
    if accession_number is not None:
        statement = statement.where(Study.accession_number == accession_number)
    else:
        statement = statement.where(Study.dicom_patient_id.in_(patient_values))
    return session.scalars(statement).all()


def look_again(session: Session, studies: Sequence[Study], *, now: datetime) -> None:
    """Let studies be matched and announced anew."""
    for study in studies:
        if study.state == study_state.READY:
            study_state.owe_announcement(session, study, now=now)


def look_again_for_patient(session: Session, patient_id: UUID, value: str, hospital_id: UUID, *, now: datetime) -> None:
    """Let the patient's studies be looked at again, and those that came with this Patient ID and match nobody yet."""
    own = session.scalars(select(Study).where(Study.patient_id == patient_id)).all()
    look_again(session, [*own, *studies_waiting_for(session, hospital_id, patient_values=(value,))], now=now)


def look_again_for_order(session: Session, request: ServiceRequest, *, now: datetime) -> None:
    """Let the order's studies be looked at again, and those that came with its accession number and match nothing."""
    own = session.scalars(select(Study).where(Study.service_request_id == request.id)).all()
    waiting = studies_waiting_for(session, request.hospital_id, accession_number=request.accession_number)
    look_again(session, [*own, *waiting], now=now)


def report_changed(session: Session, request: ServiceRequest, *, status: str, now: datetime) -> None:
    """Let the order's studies know of a new newest version of its report."""
    for study in session.scalars(select(Study).where(Study.service_request_id == request.id).with_for_update()):
        study_state.report_changed(session, study, status=status, now=now)


def _find(session: Session, study: Study) -> tuple[str | None, ServiceRequest | None]:
    if study.kept_apart_from is not None:
        return "match-undone", None
    if study.identity_conflict:
        return "instances-disagree", None
    if not study.accession_number:
        return "no-accession-number", None
    requests = session.scalars(
        select(ServiceRequest).where(
            ServiceRequest.hospital_id == study.hospital_id, ServiceRequest.accession_number == study.accession_number
        )
    ).all()
    if not requests:
        return "order-unknown", None
    fitting = [request for request in requests if _is_for(session, study, request)]
    if len(fitting) != 1:
        return ("patient-differs" if not fitting else "several-orders"), None
    return _contradiction(session, study, fitting[0])


def _is_for(session: Session, study: Study, request: ServiceRequest) -> bool:
    """Tell whether the order's patient carries the study's Patient ID under its issuer."""
    return (
        session.scalar(
            select(PatientIdentifier.id).where(
                PatientIdentifier.hospital_id == study.hospital_id,
                PatientIdentifier.patient_id == request.patient_id,
                PatientIdentifier.issuer == study.dicom_issuer,
                PatientIdentifier.value == study.dicom_patient_id,
            )
        )
        is not None
    )


def _contradiction(session: Session, study: Study, request: ServiceRequest) -> tuple[str | None, ServiceRequest | None]:
    """Refuse a match whose birth dates contradict each other."""
    born = session.scalar(select(Patient.birth_date).where(Patient.id == request.patient_id))
    if born is not None and study.dicom_birth_date and study.dicom_birth_date != born.strftime("%Y%m%d"):
        return "birth-date-differs", None
    return None, request
