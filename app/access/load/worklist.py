"""What waits for a person: studies that match nobody or that nobody could open, and what was set aside."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from app.models.imaging import Instance, Quarantine, Study
from app.models.patients import Patient, ServiceRequest

_UNMATCHED = Study.unmatched_reason.is_not(None)
_DISAGREEING = and_(Study.held_at.is_not(None), Study.identity_conflict, Study.patient_id.is_not(None))


def waiting_studies(
    session: Session, hospital_id: UUID, facts: Sequence[str], *, after: UUID | None, limit: int
) -> list[tuple[Study, int]]:
    """Return studies that wait for a person, oldest first, with their instance counts.

    Matching gave up on them, instances that came after the match disagree with it, or the patient has none of `facts`.
    """
    statement = (
        select(Study, select(func.count()).where(Instance.study_id == Study.id).scalar_subquery())
        .outerjoin(Patient, Patient.id == Study.patient_id)
        .outerjoin(ServiceRequest, ServiceRequest.id == Study.service_request_id)
        .where(Study.hospital_id == hospital_id, or_(_UNMATCHED, _DISAGREEING, _no_fact(facts)))
        .order_by(Study.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Study.id > after)
    return [(study, count) for study, count in session.execute(statement)]


def _no_fact(facts: Sequence[str]) -> ColumnElement[bool]:
    has = {
        "birth_date": Patient.birth_date.is_not(None),
        "id_last4": Patient.id_number_sealed.is_not(None),
        "visit_number": ServiceRequest.visit_number_sealed.is_not(None),
    }
    return and_(Study.patient_id.is_not(None), Study.complete_at.is_not(None), ~or_(*(has[kind] for kind in facts)))


def set_aside(session: Session, hospital_id: UUID, *, after: UUID | None, limit: int) -> Sequence[Quarantine]:
    """Return what is in quarantine and nobody settled."""
    statement = select(Quarantine).where(Quarantine.hospital_id == hospital_id, Quarantine.resolved_at.is_(None))
    if after is not None:
        statement = statement.where(Quarantine.id > after)
    return session.scalars(statement.order_by(Quarantine.id).limit(limit)).all()


def one_set_aside(session: Session, hospital_id: UUID, quarantine_id: UUID) -> Quarantine | None:
    """Return one object in quarantine of this hospital, locked where the database locks rows."""
    return session.scalar(
        select(Quarantine)
        .where(Quarantine.id == quarantine_id, Quarantine.hospital_id == hospital_id)
        .with_for_update()
    )
