"""Disclosures: one durable row per (session, study, action), written before the first byte leaves."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.access.actions import Action
from app.access.principals import LinkSession
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import TooOften
from app.core.identifiers import new_id
from app.models.links import Opening
from app.services.parts import Parts
from app.services.unit_of_work import Scope, unit_of_work

_DENIALS_A_MINUTE = 60


def recorded_at(session: Session, principal: LinkSession, study_id: UUID, action: Action) -> datetime | None:
    """Return when this disclosure was recorded, or None."""
    statement = select(Opening.created_at).where(
        Opening.session_digest == principal.session_digest, Opening.study_id == study_id, Opening.action == action.value
    )
    return session.scalar(statement)


def is_recorded(session: Session, principal: LinkSession, study_id: UUID, action: Action) -> bool:
    """Tell whether this disclosure is on record."""
    return recorded_at(session, principal, study_id, action) is not None


def write(session: Session, parts: Parts, principal: LinkSession, study_id: UUID, action: Action) -> None:
    """Record a disclosure and its audit event, once."""
    now = parts.clock()
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    inserted = session.execute(
        dialect.insert(Opening)
        .values(
            id=new_id(),
            hospital_id=principal.hospital_id,
            session_digest=principal.session_digest,
            capability_id=principal.capability_id,
            study_id=study_id,
            action=action.value,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["session_digest", "study_id", "action"])
        .returning(Opening.id)
    ).first()
    if inserted is not None:
        fact = Fact(
            Event.STUDY_OPENED, principal.actor, f"study:{study_id}", principal.hospital_id, principal.patient_id,
            reason=action.value,
        )  # fmt: skip
        record(session, parts.keys, fact, now=now)


def ensure(parts: Parts, principal: LinkSession, study_id: UUID, action: Action) -> None:
    """Record a disclosure in a unit of work of its own."""
    with unit_of_work(parts, Scope(hospital=principal.hospital_id)) as session:
        write(session, parts, principal, study_id, action)


def deny(parts: Parts, principal: LinkSession, study_id: UUID, action: Action, reason: str) -> None:
    """Record a refusal, after the fact and in its own unit of work; each of the first sixty a minute."""
    try:
        parts.limiter.check(f"denied:{principal.capability_id}:{action.value}", _DENIALS_A_MINUTE)
    except TooOften:  # it stays refused, but a script in a loop must not fill the audit
        return
    with unit_of_work(parts, Scope(hospital=principal.hospital_id)) as session:
        fact = Fact(
            Event.ACCESS_DENIED, principal.actor, f"study:{study_id}", principal.hospital_id, principal.patient_id,
            outcome="denied", reason=f"{action.value} {reason}",
        )  # fmt: skip
        record(session, parts.keys, fact, now=parts.clock())
