"""Looking up who a bearer key belongs to. One statement each, on every request of a hospital's system."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.principals import HospitalClient
from app.models.hospitals import ApiKey, Hospital


def client_of(session: Session, digest: bytes) -> HospitalClient | None:
    """Return the principal behind a living key."""
    row = session.execute(
        select(ApiKey.hospital_id, ApiKey.id).where(ApiKey.credential_digest == digest, ApiKey.ended_at.is_(None))
    ).first()
    return HospitalClient(row.hospital_id, row.id) if row is not None else None


def hospital_id_of_code(session: Session, code: str) -> UUID | None:
    """Return the id of the hospital with this code."""
    return session.scalar(select(Hospital.id).where(Hospital.code == code))
