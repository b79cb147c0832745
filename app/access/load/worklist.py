"""What waits for a person: studies that match nobody or that nobody could open, and what was set aside."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, and_, func, select, union
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
    # Each reason has an index of its own: a hospital with a million studies has few that wait.
    of_hospital = select(Study.id).where(Study.hospital_id == hospital_id)
    reasons = [of_hospital.where(_UNMATCHED), of_hospital.where(_DISAGREEING), _without_fact(hospital_id, facts)]
    if after is not None:
        reasons = [reason.where(Study.id > after) for reason in reasons]
    oldest = [select(reason.order_by(Study.id).limit(limit).subquery().c.id) for reason in reasons]
    statement = (
        select(Study, select(func.count()).where(Instance.study_id == Study.id).scalar_subquery())
        .where(Study.id.in_(union(*oldest)))
        .order_by(Study.id)
        .limit(limit)
    )
    return [(study, count) for study, count in session.execute(statement)]


def _without_fact(hospital_id: UUID, facts: Sequence[str]) -> Select[UUID]:
    """Studies of patients who have none of `facts`; found from the patients, of whom few lack a date of birth."""
    lacks = {
        "birth_date": Patient.birth_date.is_(None),
        "id_last4": Patient.id_number_sealed.is_(None),
        "visit_number": ServiceRequest.visit_number_sealed.is_(None),
    }
    return (
        select(Study.id)
        .join(Patient, Patient.id == Study.patient_id)
        .outerjoin(ServiceRequest, ServiceRequest.id == Study.service_request_id)
        .where(Patient.hospital_id == hospital_id, Study.complete_at.is_not(None), *(lacks[kind] for kind in facts))
    )


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
