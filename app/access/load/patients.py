"""Rows of patients and orders by the identifiers that a hospital gives them."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.patients import Patient, PatientIdentifier, ServiceRequest


def patient_by_identifier(session: Session, hospital_id: UUID, issuer: str, value: str) -> Patient | None:
    """Return this hospital's patient with a Patient ID, locked where the database locks rows."""
    return session.scalar(
        select(Patient)
        .join(PatientIdentifier, PatientIdentifier.patient_id == Patient.id)
        .where(
            PatientIdentifier.hospital_id == hospital_id,
            PatientIdentifier.issuer == issuer,
            PatientIdentifier.value == value,
        )
        .with_for_update(of=Patient)
    )


def order_by_accession(
    session: Session, hospital_id: UUID, issuer: str, accession_number: str
) -> ServiceRequest | None:
    """Return this hospital's order with an accession number, locked where the database locks rows."""
    return session.scalar(
        select(ServiceRequest)
        .where(
            ServiceRequest.hospital_id == hospital_id,
            ServiceRequest.issuer == issuer,
            ServiceRequest.accession_number == accession_number,
        )
        .with_for_update()
    )
