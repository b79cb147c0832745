"""Sending: claim, mint the token, send, record. At most one accepted attempt on a channel, whatever dies when.

A crash or time-out between send and record leaves an attempt whose fate nobody knows: it becomes `uncertain`, waits
for the carrier's callback, which names our attempt, and is repeated at most once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.access.load.studies import policy_facts
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.identifiers import new_id
from app.models.imaging import Study
from app.models.notifications import DeliveryAttempt, Notification, Suppression
from app.models.patients import ContactPoint, Patient
from app.notify.channels.base import Fate, Outgoing, Sent
from app.notify.quiet_hours import earliest, parse_quiet_hours
from app.outbox import Owed, close, postpone
from app.services import keys, links
from app.services.hospitals import HospitalProfile, may_write_to, profile
from app.services.parts import Parts
from app.services.unit_of_work import Scope, unit_of_work

CHANNEL = "sms"
PAUSES = (30, 120, 480, 1920, 3600, 7200, 14400, 28800)
"""Seconds before each repetition of what the carrier did not take: through an outage of half a day."""
MAX_ATTEMPTS = len(PAUSES) + 1
RECONCILE_AFTER = timedelta(minutes=15)
_UNSETTLED = ("sending", "uncertain")


@dataclass(frozen=True, slots=True)
class _Ready:
    message: Outgoing


@dataclass(frozen=True, slots=True)
class _Wait:
    until: datetime


def dispatch(parts: Parts, owed: Owed) -> None:
    """Bring one notification a step further; safe to run twice, and to die at any point."""
    scope = Scope(hospital=owed.hospital_id, worker=True)
    with unit_of_work(parts, scope) as session:
        step = _prepare(session, parts, UUID(owed.key))
        if isinstance(step, _Wait):
            postpone(session, owed, error=None, now=parts.clock(), due_at=step.until)
        elif step is None:
            close(session, owed, now=parts.clock())
    if not isinstance(step, _Ready):
        return
    sent = parts.channels[CHANNEL].send(step.message)
    with unit_of_work(parts, scope) as session:
        again = _record(session, parts, step.message.attempt_id, sent)
        if again is None:
            close(session, owed, now=parts.clock())
        else:
            postpone(session, owed, error=sent.code or sent.fate, now=parts.clock(), due_at=again)


def _prepare(session: Session, parts: Parts, notification_id: UUID) -> _Ready | _Wait | None:
    """Check everything anew and make the next attempt; None when there is nothing (more) to send."""
    row = session.scalars(select(Notification).where(Notification.id == notification_id).with_for_update()).one()
    now = parts.clock()
    if row.state not in {"queued", "sending", "uncertain"}:
        return None
    attempts = session.scalars(
        select(DeliveryAttempt).where(DeliveryAttempt.notification_id == row.id).order_by(DeliveryAttempt.number)
    ).all()
    if any(attempt.state in {"accepted", "delivered"} for attempt in attempts):
        return None
    unsettled = [attempt for attempt in attempts if attempt.state in _UNSETTLED]
    waiting = _unknown_fate(row, unsettled, now)
    if waiting is not None:
        return waiting
    if len(unsettled) > 1:
        _end(session, parts, row, "failed", "fate-unknown", now=now)
        return None
    hospital = profile(session, row.hospital_id)
    study = session.scalars(select(Study).where(Study.id == row.subject_id)).one()
    contact = session.scalars(select(ContactPoint).where(ContactPoint.id == row.contact_id)).one()
    refusal = _why_not(session, hospital, study, contact, now)
    if refusal is None and CHANNEL not in parts.channels:
        refusal = ("held", "no-carrier")
    if refusal is not None:
        _end(session, parts, row, *refusal, now=now)
        return None
    if not row.urgent:
        allowed = earliest(now, hospital.zone, parse_quiet_hours(hospital.policy["quiet_hours"]))
        if allowed > now:
            return _Wait(allowed)
    return _Ready(_attempt(session, parts, row, hospital, study, contact, number=len(attempts) + 1, now=now))


def _unknown_fate(row: Notification, unsettled: Sequence[DeliveryAttempt], now: datetime) -> _Wait | None:
    """Wait for the callback of the last attempt whose fate is unknown; after the wait it may be repeated, once.

    The wait begins when the fate is found to be unknown, not with the attempt: where the clock leapt, or the machine
    slept, the attempt may look old while its sender is still talking to the carrier.
    """
    if not unsettled:
        return None
    last = unsettled[-1]
    if last.state == "sending":
        last.state, last.updated_at = "uncertain", now
        row.state, row.updated_at = "uncertain", now
    resolved_at = last.updated_at + RECONCILE_AFTER
    return _Wait(resolved_at) if now < resolved_at else None


def _why_not(
    session: Session, hospital: HospitalProfile, study: Study, contact: ContactPoint, now: datetime
) -> tuple[str, str] | None:
    """Return (end state, reason) when nothing may be sent to this contact about this study now."""
    patient = session.scalars(select(Patient).where(Patient.id == contact.patient_id)).one()
    suppressed = session.scalar(
        select(Suppression.id).where(
            Suppression.hospital_id == hospital.id, Suppression.value_index == contact.value_index,
            Suppression.channel == CHANNEL,
        )
    )  # fmt: skip
    facts = policy_facts(session, hospital.id, study.id, now=now)
    checks = (
        (study.patient_id != contact.patient_id, "expired", "match-undone"),
        (contact.ended_at is not None, "expired", "number-changed"),
        (contact.refused_at is not None, "expired", "number-refused"),
        (patient.deceased, "failed", "deceased"),
        (patient.protected, "failed", "protected"),
        (patient.opted_out or suppressed is not None, "failed", "opted-out"),
        (study.held_at is not None, "held", "study-held"),
        (facts is None or not facts.releases.any_open, "held", "not-released"),
        (not may_write_to(session, hospital, contact.value_index), "held", "trial-mode"),
    )
    return next(((state, reason) for bad, state, reason in checks if bad), None)


def _attempt(
    session: Session, parts: Parts, row: Notification, hospital: HospitalProfile, study: Study, contact: ContactPoint,
    *, number: int, now: datetime,
) -> Outgoing:  # fmt: skip
    attempt_id = new_id()
    session.add(
        DeliveryAttempt(
            id=attempt_id,
            hospital_id=hospital.id,
            notification_id=row.id,
            channel=CHANNEL,
            number=number,
            state="sending",
            created_at=now,
            updated_at=now,
        )
    )
    capability_id = links.ensure_capability(session, study, contact.patient_id, hospital, now=now)
    token = links.mint_token(session, parts, hospital.id, capability_id, CHANNEL, attempt_id)
    row.state, row.updated_at = "sending", now
    return Outgoing(
        template=row.template,
        language=row.language,
        hospital=hospital.message_name,
        link=f"{parts.settings.public_url.rstrip('/')}/s/{token}",
        to=keys.open_field(session, parts, "contact", contact.value_sealed),
        attempt_id=attempt_id,
    )


def _record(session: Session, parts: Parts, attempt_id: UUID, sent: Sent) -> datetime | None:
    """Record what the carrier answered; returns when to try again, if at all."""
    row, attempt = lock_attempt(session, attempt_id)
    now = parts.clock()
    attempt.error_code, attempt.updated_at, row.updated_at = sent.code, now, now
    if sent.fate == Fate.ACCEPTED:
        attempt.provider_reference = sent.reference
        if attempt.state in _UNSETTLED:  # a callback may have been faster
            attempt.state = row.state = "accepted"
            row.reason = None
        record(session, parts.keys, _message_fact(Event.MESSAGE_SENT, attempt), now=now)
        return None
    if attempt.state not in _UNSETTLED:
        return None
    if sent.fate == Fate.UNKNOWN:
        attempt.state = row.state = "uncertain"
        return now + RECONCILE_AFTER
    attempt.state = "failed"
    if sent.fate == Fate.OPTED_OUT:
        suppress(session, row, now=now)
    if sent.fate in {Fate.TRANSIENT, Fate.MISCONFIGURED} and attempt.number < MAX_ATTEMPTS:
        row.state, row.reason = "queued", sent.code or sent.fate
        return now + timedelta(seconds=max(PAUSES[attempt.number - 1], sent.retry_after))
    row.state, row.reason = "failed", sent.code or sent.fate
    record(session, parts.keys, _message_fact(Event.MESSAGE_FATE, attempt, outcome="failed"), now=now)
    return None


def lock_attempt(session: Session, attempt_id: UUID) -> tuple[Notification, DeliveryAttempt]:
    """Return a notification and one attempt of it, for whoever heard of its fate; read the clock only afterwards.

    The notification is what everyone locks. Who locked the attempt alone could say "accepted" while the next attempt
    is being made, or take back what a callback says about the other attempt at the same moment.
    """
    mine = select(DeliveryAttempt.notification_id).where(DeliveryAttempt.id == attempt_id).scalar_subquery()
    row = session.scalars(select(Notification).where(Notification.id == mine).with_for_update()).one()
    return row, session.scalars(select(DeliveryAttempt).where(DeliveryAttempt.id == attempt_id)).one()


def suppress(session: Session, row: Notification, *, now: datetime) -> None:
    """Write to this number no more on this channel."""
    contact = session.scalars(select(ContactPoint).where(ContactPoint.id == row.contact_id)).one()
    known = select(Suppression.id).where(
        Suppression.hospital_id == row.hospital_id, Suppression.value_index == contact.value_index,
        Suppression.channel == CHANNEL,
    )  # fmt: skip
    if session.scalar(known) is None:
        session.add(
            Suppression(hospital_id=row.hospital_id, value_index=contact.value_index, channel=CHANNEL, created_at=now)
        )


def _end(session: Session, parts: Parts, row: Notification, state: str, reason: str, *, now: datetime) -> None:
    row.state, row.reason, row.updated_at = state, reason, now
    fact = Fact(Event.MESSAGE_FATE, "worker", f"notification:{row.id}", row.hospital_id, outcome=state, reason=reason)
    record(session, parts.keys, fact, now=now)


def _message_fact(event: Event, attempt: DeliveryAttempt, *, outcome: str = "ok") -> Fact:
    return Fact(
        event, "worker", f"attempt:{attempt.id}", attempt.hospital_id, outcome=outcome, reason=attempt.error_code
    )


def requeue_held(session: Session, study_id: UUID, reason: str, *, now: datetime) -> list[UUID]:
    """Queue notifications that were held for `reason` again; returns their ids, whose dispatch is owed."""
    rows = session.execute(
        update(Notification)
        .where(Notification.subject_id == study_id, Notification.state == "held", Notification.reason == reason)
        .values(state="queued", reason=None, updated_at=now)
        .returning(Notification.id)
    )
    return [row.id for row in rows]
