"""The facts from the visit that open a link: which a patient has, and whether what was typed is one."""

import hmac
import unicodedata
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.patients import Patient, ServiceRequest
from app.services import keys
from app.services.parts import Parts

OLDEST_YEAR = 1850
"""No date of birth lies before it, neither registered nor typed."""


def available(session: Session, order: tuple[str, ...], patient_id: UUID, request_id: UUID | None) -> tuple[str, ...]:
    """Return the facts that this patient has, in the hospital's order."""
    row = session.execute(select(Patient.birth_date, Patient.id_number_sealed).where(Patient.id == patient_id)).one()
    visit = session.scalar(select(ServiceRequest.visit_number_sealed).where(ServiceRequest.id == request_id))
    has = {
        "birth_date": row.birth_date is not None,
        "id_last4": row.id_number_sealed is not None,
        "visit_number": visit is not None,
    }
    return tuple(kind for kind in order if has.get(kind, False))


def expected(session: Session, parts: Parts, kind: str, patient_id: UUID, request_id: UUID | None) -> str | None:
    """Return the true fact as it is typed: `YYYY-MM-DD`, four characters, or the visit number; None if unknown.

    Patients type no blanks and no full-width letters, whatever the hospital's system sent.
    """
    patient = session.execute(
        select(Patient.birth_date, Patient.id_number_sealed).where(Patient.id == patient_id)
    ).one()
    if kind == "birth_date":
        return patient.birth_date.isoformat() if patient.birth_date else None
    if kind == "id_last4" and patient.id_number_sealed is not None:
        return _as_typed(keys.open_field(session, parts, "id-number", patient.id_number_sealed))[-4:]
    if kind == "visit_number":
        visit = session.scalar(select(ServiceRequest.visit_number_sealed).where(ServiceRequest.id == request_id))
        return _as_typed(keys.open_field(session, parts, keys.VISIT_NUMBER, visit)) if visit is not None else None
    return None


def _as_typed(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def matches(truth: str | None, typed: str) -> bool:
    """Compare in constant time; an unknown truth never matches."""
    return truth is not None and hmac.compare_digest(truth.casefold().encode(), typed.casefold().encode())
