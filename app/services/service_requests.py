"""Orders as a hospital registers them: accession number, whose it is, what is to be done."""

from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from app.access.load.patients import order_by_accession, patient_by_identifier
from app.access.load.studies import has_study
from app.access.principals import HospitalClient
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import Conflict, FieldError, InvalidInput
from app.core.identifiers import new_id
from app.models.patients import Patient, ServiceRequest
from app.services import keys, matching
from app.services.hospitals import HospitalProfile, profile
from app.services.parts import Parts
from app.services.shapes import LongText, OrderReference, PatientReference, ShortText, Written

_KEPT = ("procedure_code", "priority")


class ServiceRequestRecord(OrderReference):
    """An order. Its patient must be registered before."""

    patient: PatientReference
    visit_number: ShortText | None = None
    procedure_text: LongText
    procedure_code: ShortText | None = None
    priority: Literal["routine", "urgent", "stat"] = "routine"


def put(session: Session, parts: Parts, client: HospitalClient, given: ServiceRequestRecord) -> Written:
    """Register an order, or make the registered one what was given; studies that wait for it look again.

    Raises
    ------
    InvalidInput
        When the patient is not registered.
    Conflict
        When the order would go to another patient while studies are matched by it.
    """
    now, hospital = parts.clock(), profile(session, client.hospital_id)
    patient = _patient(session, hospital, given.patient)
    request = find_order(session, hospital, given)
    created = request is None
    request = request or _create(session, parts, hospital, patient, given, now)
    changed = _set(session, request, patient, given) + _set_sealed(session, parts, request, given)
    if changed:
        request.updated_at = now
    session.flush()
    outcome: Literal["created", "changed", "unchanged"] = (
        "created" if created else "changed" if changed else "unchanged"
    )
    fact = Fact(
        Event.SERVICE_REQUEST_WRITTEN, client.actor, f"service-request:{request.id}", hospital.id, patient.id,
        reason=outcome, detail={"changed": changed},
    )  # fmt: skip
    record(session, parts.keys, fact, now=now)
    matching.look_again_for_order(session, request, now=now)
    return Written(id=request.id, outcome=outcome)


def find_order(session: Session, hospital: HospitalProfile, order: OrderReference) -> ServiceRequest | None:
    """Return the order of an accession number; without an issuer it is the hospital's own."""
    issuer = order.issuer or str(hospital.policy["default_issuer"])
    return order_by_accession(session, hospital.id, issuer, order.accession_number)


def known_order(session: Session, hospital: HospitalProfile, order: OrderReference) -> ServiceRequest:
    """Return the order that a document names.

    Raises
    ------
    InvalidInput
        When it is not registered.
    """
    request = find_order(session, hospital, order)
    if request is None:
        raise InvalidInput([FieldError("/accession_number", "No such order is registered; register it first.")])
    return request


def _patient(session: Session, hospital: HospitalProfile, reference: PatientReference) -> Patient:
    issuer = reference.issuer or str(hospital.policy["default_issuer"])
    patient = patient_by_identifier(session, hospital.id, issuer, reference.value)
    if patient is None:
        raise InvalidInput([FieldError("/patient", "No such patient is registered; register the patient first.")])
    return patient


def _create(
    session: Session,
    parts: Parts,
    hospital: HospitalProfile,
    patient: Patient,
    given: ServiceRequestRecord,
    now: datetime,
) -> ServiceRequest:
    request = ServiceRequest(
        id=new_id(), hospital_id=hospital.id, patient_id=patient.id,
        issuer=given.issuer or str(hospital.policy["default_issuer"]), accession_number=given.accession_number,
        procedure_sealed=keys.seal_field(session, parts, hospital.id, keys.FREE_TEXT, given.procedure_text),
        created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(request)
    return request


def _set_sealed(session: Session, parts: Parts, request: ServiceRequest, given: ServiceRequestRecord) -> list[str]:
    """Set what is sealed; the same text sealed anew would look changed, so the texts are compared."""
    changed = []
    if keys.open_text(session, parts, request.procedure_sealed) != given.procedure_text:
        changed.append("procedure_text")
        request.procedure_sealed = keys.seal_field(
            session, parts, request.hospital_id, keys.FREE_TEXT, given.procedure_text
        )
    sealed = request.visit_number_sealed
    visit = keys.open_field(session, parts, keys.VISIT_NUMBER, sealed) if sealed is not None else None
    if visit != given.visit_number:
        changed.append("visit_number")
        request.visit_number_sealed = (
            keys.seal_field(session, parts, request.hospital_id, keys.VISIT_NUMBER, given.visit_number)
            if given.visit_number
            else None
        )
    return changed


def _set(session: Session, request: ServiceRequest, patient: Patient, given: ServiceRequestRecord) -> list[str]:
    changed = [name for name in _KEPT if getattr(request, name) != getattr(given, name)]
    for name in changed:
        setattr(request, name, getattr(given, name))
    if request.patient_id != patient.id:
        if has_study(session, request.id):
            raise Conflict("Studies are matched by this order. Undo their match before it goes to another patient.")
        request.patient_id = patient.id
        changed.append("patient")
    return changed
