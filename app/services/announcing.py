"""Deciding that a patient is told, and writing that down. Sending is `dispatching`'s work.

One announcement per study and revision of consequence; never before the study can be opened.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from app.access.load.studies import policy_facts
from app.access.release import Releases
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.identifiers import new_id
from app.models.imaging import Study
from app.models.notifications import Notification
from app.models.patients import ContactPoint, Patient, ServiceRequest
from app.notify.quiet_hours import earliest, parse_quiet_hours
from app.outbox import owe
from app.services import dispatching, facts, links, matching, study_state
from app.services.hospitals import HospitalProfile, profile
from app.services.parts import Parts

DISPATCH = "notifications.dispatch"


@dataclass(frozen=True, slots=True)
class Gate:
    """What a ready study waits for before its patient is told: a reason code, and when it opens if that is known."""

    reason: str
    opens_at: datetime | None = None


def announce(session: Session, parts: Parts, study_id: UUID, *, now: datetime) -> datetime | None:
    """Tell the patient of a ready study, if everything allows it.

    Returns
    -------
    datetime or None
        When to ask again, if a date is what it waits for.
    """
    study = session.scalars(select(Study).where(Study.id == study_id).with_for_update()).one()
    if study.state != study_state.READY:
        return None
    matching.match(session, parts, study, now=now)
    session.flush()
    gate = waits_for(session, study, now=now)
    if gate is None:
        _write(session, parts, study, now)
        return None
    if gate.reason == "told":
        wake(session, study, now=now)
    return gate.opens_at


def wake(session: Session, study: Study, *, now: datetime) -> None:
    """Let messages be looked at again that were held while the study was on hold or not released."""
    for reason in ("study-held", "not-released"):
        for notification_id in dispatching.requeue_held(session, study.id, reason, now=now):
            owe(session, study.hospital_id, DISPATCH, str(notification_id), due_at=now, now=now)


def take_back(session: Session, contact_id: UUID, *, now: datetime) -> None:
    """Expire what was to be told to an ended contact and was never sent: it is announced to the next one instead."""
    unsent = select(Notification).where(
        Notification.contact_id == contact_id, Notification.state.in_(("queued", "held"))
    )
    for row in session.scalars(unsent):
        row.state, row.reason, row.updated_at = "expired", "number-changed", now
        if row.kind == "study":
            study = session.scalars(select(Study).where(Study.id == row.subject_id).with_for_update()).one()
            study.announced_revision = min(study.announced_revision, row.subject_revision - 1)


def waits_for(session: Session, study: Study, *, now: datetime) -> Gate | None:
    """Return what keeps a study from being announced, or None. Reasons stand in docs/api.md."""
    if study.state != study_state.READY:
        return Gate(study.state)
    if study.patient_id is None or study.service_request_id is None:
        return Gate(study.unmatched_reason or "unmatched")
    hospital = profile(session, study.hospital_id)
    if not facts.available(session, tuple(hospital.policy["facts"]), study.patient_id, study.service_request_id):
        return Gate("no-fact")
    if study.held_at is not None:
        return Gate("held")
    resource = policy_facts(session, study.hospital_id, study.id, now=now)
    if resource is None:
        return Gate("unmatched")
    gate = _release_gate(resource.releases, again=study.announced_revision > 0)
    if gate is not None:
        return gate
    if current_phone(session, study.patient_id) is None:
        return Gate("number-refused" if number_is_refused(session, study.patient_id) else "no-contact")
    return Gate("told") if study.announced_revision >= study.consequence else None


def _release_gate(releases: Releases, *, again: bool) -> Gate | None:
    """Ask the release rule.

    The first message needs one open door; a later one needs both, so that it never announces what is still closed.
    """
    closed = [door for door in (releases.images, releases.report) if not door.open and door.reason != "no-report"]
    if not closed or (releases.any_open and not again):
        return None
    dates = [door.opens_at for door in closed if door.opens_at is not None]
    return Gate(closed[0].reason or "not-released", min(dates) if dates else None)


def current_phone(session: Session, patient_id: UUID) -> ContactPoint | None:
    """Return the patient's current phone number, unless whoever holds it said that it is not the patient's."""
    return session.scalar(_phones(patient_id).where(ContactPoint.refused_at.is_(None)))


def number_is_refused(session: Session, patient_id: UUID) -> bool:
    """Tell whether the holder of the current number said that the message was not theirs."""
    return session.scalar(_phones(patient_id).where(ContactPoint.refused_at.is_not(None))) is not None


def trust_number(session: Session, patient_id: UUID) -> None:
    """Write to the current number again: the hospital says that it is the patient's."""
    contact = session.scalar(_phones(patient_id))
    if contact is not None:
        contact.refused_at = None


def _phones(patient_id: UUID) -> Select[ContactPoint]:
    return select(ContactPoint).where(
        ContactPoint.patient_id == patient_id, ContactPoint.kind == "phone", ContactPoint.ended_at.is_(None)
    )


def _write(session: Session, parts: Parts, study: Study, now: datetime) -> None:
    if study.patient_id is None:
        return
    hospital = profile(session, study.hospital_id)
    links.ensure_capability(session, study, study.patient_id, hospital, now=now)
    template = "study-changed" if _supersede_unsent(session, study, now) else "study-ready"
    write_notification(session, parts, study, hospital, template, now=now)
    study.announced_revision = study.consequence
    study.announced_incomplete = study_state.missing(session, study) > 0


def _supersede_unsent(session: Session, study: Study, now: datetime) -> bool:
    """End this patient's earlier announcements that never went out, so that one message says it all.

    Returns whether any did go out.
    """
    contacts = select(ContactPoint.id).where(ContactPoint.patient_id == study.patient_id)
    own = (Notification.subject_id == study.id, Notification.kind == "study", Notification.contact_id.in_(contacts))
    session.execute(
        update(Notification)
        .where(*own, Notification.state.in_(("queued", "held")))
        .values(state="expired", reason="superseded", updated_at=now)
    )
    went_out = Notification.state.in_(("sending", "accepted", "delivered", "uncertain"))
    return session.scalar(select(Notification.id).where(*own, went_out).limit(1)) is not None


def write_notification(
    session: Session, parts: Parts, study: Study, hospital: HospitalProfile, template: str, *, now: datetime,
    kind: str = "study", revision: int | None = None,
) -> UUID | None:  # fmt: skip
    """Write one intent to tell, and owe its dispatch; None when this was announced to this contact already."""
    contact = current_phone(session, study.patient_id) if study.patient_id else None
    if contact is None:
        return None
    number = study.consequence if revision is None else revision
    known = session.scalar(
        select(Notification).where(
            Notification.kind == kind, Notification.subject_id == study.id, Notification.subject_revision == number,
            Notification.contact_id == contact.id,
        )
    )  # fmt: skip
    if known is not None:
        return _revive(session, known, now) if known.state == "expired" else None
    language = session.scalar(select(Patient.language).where(Patient.id == study.patient_id)) or hospital.language
    priority = session.scalar(select(ServiceRequest.priority).where(ServiceRequest.id == study.service_request_id))
    urgent = priority in {"urgent", "stat"}
    not_before = now if urgent else earliest(now, hospital.zone, parse_quiet_hours(hospital.policy["quiet_hours"]))
    row = Notification(
        id=new_id(), hospital_id=study.hospital_id, kind=kind, subject_id=study.id, subject_revision=number,
        contact_id=contact.id, template=template, parameters={}, language=language, urgent=urgent,
        not_before=not_before, state="queued", created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    owe(session, study.hospital_id, DISPATCH, str(row.id), due_at=not_before, now=now)
    fact = Fact(
        Event.NOTIFICATION_WRITTEN, "worker", f"notification:{row.id}", study.hospital_id, study.patient_id,
        detail={"template": template},
    )  # fmt: skip
    record(session, parts.keys, fact, now=now)
    return row.id


def _revive(session: Session, row: Notification, now: datetime) -> UUID:
    """Queue a message again that expired unsent: its number or its patient was taken away and came back."""
    row.state, row.reason, row.updated_at = "queued", None, now
    owe(session, row.hospital_id, DISPATCH, str(row.id), due_at=now, now=now)
    return row.id
