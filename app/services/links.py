"""Links: made once a study may be told of, opened by a token and one fact, ended by time, tries, hospital or patient.

A try is spent before it is compared, in a transaction of its own, and given back when the fact was right: forty
guesses at once
against five tries compare five times.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, insert, select, update
from sqlalchemy.orm import Session

from app.access.load import links as load
from app.access.load.links import LinkFacts
from app.access.load.studies import policy_facts
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.identifiers import Digest, Token, digest_of, new_id, new_token
from app.models.imaging import Study
from app.models.links import AccessToken, Capability, CapabilityStudy
from app.models.links import Session as SessionRow
from app.models.notifications import DeliveryAttempt, Notification
from app.models.patients import ContactPoint, Patient
from app.services import facts
from app.services.hospitals import HospitalProfile, profile
from app.services.parts import Parts
from app.services.unit_of_work import Scope, reading, unit_of_work

PATIENT_LINK = "patient-link"
SESSION_LENGTH = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class LinkState:
    """A link as its holder may know it. `why` is empty while it opens something."""

    link: LinkFacts
    hospital: HospitalProfile
    patient_name: str
    kinds: tuple[str, ...]
    why: str
    when: datetime | None


def ensure_capability(
    session: Session, study: Study, patient_id: UUID, hospital: HospitalProfile, *, now: datetime
) -> UUID:
    """Return the patient's living link to a study, making one when there is none."""
    alive = session.scalar(
        select(Capability.id)
        .join(CapabilityStudy, CapabilityStudy.capability_id == Capability.id)
        .where(
            CapabilityStudy.study_id == study.id,
            Capability.kind == PATIENT_LINK,
            Capability.patient_id == patient_id,
            Capability.revoked_at.is_(None),
            Capability.expires_at > now,
            Capability.tries_left > 0,
        )
    )
    return alive or _new_capability(session, study, patient_id, hospital, now)


def _new_capability(session: Session, study: Study, patient_id: UUID, hospital: HospitalProfile, now: datetime) -> UUID:
    capability_id, tries = new_id(), int(hospital.policy["tries"])
    session.execute(
        insert(Capability).values(
            id=capability_id,
            hospital_id=hospital.id,
            kind=PATIENT_LINK,
            public_id=secrets.token_urlsafe(9),
            patient_id=patient_id,
            expires_at=now + timedelta(days=int(hospital.policy["link_days"])),
            tries_left=tries,
            tries_total=tries,
            created_at=now,
        )
    )
    session.execute(
        insert(CapabilityStudy).values(capability_id=capability_id, study_id=study.id, hospital_id=hospital.id)
    )
    return capability_id


def replace(session: Session, study: Study, patient_id: UUID, hospital: HospitalProfile, *, now: datetime) -> UUID:
    """End the patient's links to a study as replaced and make a new one: fresh tries, fresh time."""
    named = select(CapabilityStudy.capability_id).where(CapabilityStudy.study_id == study.id)
    session.execute(
        update(Capability)
        .where(Capability.id.in_(named), Capability.patient_id == patient_id, Capability.revoked_at.is_(None))
        .values(revoked_at=now, revoked_reason="replaced")
    )
    return _new_capability(session, study, patient_id, hospital, now)


def mint_token(
    session: Session, parts: Parts, hospital_id: UUID, capability_id: UUID, channel: str, attempt_id: UUID | None
) -> Token:
    """Make a token for one sending; only its digest stays."""
    now, token = parts.clock(), new_token()
    session.execute(
        insert(AccessToken).values(
            digest=digest_of(token),
            hospital_id=hospital_id,
            capability_id=capability_id,
            channel=channel,
            attempt_id=attempt_id,
            created_at=now,
        )
    )
    patient_id = session.scalar(select(Capability.patient_id).where(Capability.id == capability_id))
    fact = Fact(Event.LINK_MINTED, "worker", f"link:{capability_id}", hospital_id, patient_id)
    record(session, parts.keys, fact, now=now)
    return token


def look(parts: Parts, token: Token) -> LinkState | None:
    """Return a link's state to whoever holds its token; changes nothing. None for a token that was never minted."""
    digest = digest_of(token)
    with reading(parts, Scope(digest=digest)) as session:
        hospital_id = load.hospital_of_token(session, digest)
    if hospital_id is None:
        return None
    with reading(parts, Scope(hospital=hospital_id)) as session:
        link = load.link_by_token(session, digest)
        if link is None:
            return None
        return _state(session, parts, link)


def _state(session: Session, parts: Parts, link: LinkFacts) -> LinkState:
    now = parts.clock()
    hospital = profile(session, link.hospital_id)
    study = session.execute(select(Study.service_request_id, Study.patient_id).where(Study.id == link.study_id)).one()
    name = session.scalar(select(Patient.name).where(Patient.id == link.patient_id)) or ""
    kinds = facts.available(session, tuple(hospital.policy["facts"]), link.patient_id, study.service_request_id)
    why, when = _why_dead(session, link, now)
    if not why and not kinds:  # the facts that could open it were taken back
        why = "not_ready"
    return LinkState(link, hospital, name, kinds, why, when)


def _why_dead(session: Session, link: LinkFacts, now: datetime) -> tuple[str, datetime | None]:
    if link.revoked_at is not None:
        return link.revoked_reason or "revoked", link.revoked_at
    study = policy_facts(session, link.hospital_id, link.study_id, now=now)
    if study is None or study.patient_id != link.patient_id:
        return "revoked", None
    if study.held:
        return "held", None
    if link.expires_at <= now:
        return "expired", link.expires_at
    if link.tries_left <= 0:
        return "locked", None
    return ("", None) if study.releases.any_open else ("not_ready", None)


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session: its secret for the cookie, and where to go."""

    secret: Token
    public_id: str


def open_with_fact(parts: Parts, state: LinkState, kind: str, typed: str) -> Opened | None:
    """Spend a try, compare, and open; None when the fact is wrong or no try was left.

    Parameters
    ----------
    typed : str
        In normal form (see `facts.expected`); malformed input never comes here and spends nothing.
    """
    link, scope = state.link, Scope(hospital=state.hospital.id)
    with unit_of_work(parts, scope) as session:
        spent = session.execute(
            update(Capability)
            .where(Capability.id == link.capability_id, Capability.tries_left > 0, Capability.revoked_at.is_(None))
            .values(tries_left=Capability.tries_left - 1)
            .returning(Capability.tries_left)
        ).first()
    if spent is None:
        return None
    with reading(parts, scope) as session:
        request_id = session.scalar(select(Study.service_request_id).where(Study.id == link.study_id))
        truth = facts.expected(session, parts, kind, link.patient_id, request_id) if kind in state.kinds else None
    if not facts.matches(truth, typed):
        _refused(parts, state, kind)
        return None
    with unit_of_work(parts, scope) as session:
        return _open(session, parts, state, kind)


def _open(session: Session, parts: Parts, state: LinkState, kind: str) -> Opened:
    now, link, secret = parts.clock(), state.link, new_token()
    session.execute(
        update(Capability).where(Capability.id == link.capability_id).values(tries_left=Capability.tries_left + 1)
    )
    session.execute(
        insert(SessionRow).values(
            digest=digest_of(secret),
            hospital_id=link.hospital_id,
            capability_id=link.capability_id,
            assurance="A1",
            expires_at=min(now + SESSION_LENGTH, link.expires_at),
            created_at=now,
        )
    )
    record(session, parts.keys, _fact(Event.LINK_OPENED, state, reason=kind), now=now)
    return Opened(secret, link.public_id)


def _refused(parts: Parts, state: LinkState, kind: str) -> None:
    with unit_of_work(parts, Scope(hospital=state.hospital.id)) as session:
        fact = _fact(Event.LINK_REFUSED, state, outcome="denied", reason=kind)
        record(session, parts.keys, fact, now=parts.clock())


def switch_off(parts: Parts, state: LinkState, token: Token) -> None:
    """End a link because its holder said that it is not theirs, and write no more to the number that it went to."""
    now = parts.clock()
    with unit_of_work(parts, Scope(hospital=state.hospital.id)) as session:
        session.execute(
            update(Capability)
            .where(Capability.id == state.link.capability_id, Capability.revoked_at.is_(None))
            .values(revoked_at=now, revoked_reason="switched_off")
        )
        session.execute(update(ContactPoint).where(ContactPoint.id.in_(_sent_to(token))).values(refused_at=now))
        record(session, parts.keys, _fact(Event.LINK_SWITCHED_OFF, state), now=now)


def _sent_to(token: Token) -> Select[UUID]:
    """Return the contact that a token was sent to."""
    return (
        select(Notification.contact_id)
        .join(DeliveryAttempt, DeliveryAttempt.notification_id == Notification.id)
        .join(AccessToken, AccessToken.attempt_id == DeliveryAttempt.id)
        .where(AccessToken.digest == digest_of(token))
    )


def end_session(parts: Parts, hospital_id: UUID, digest: Digest) -> None:
    """End a session at once."""
    with unit_of_work(parts, Scope(hospital=hospital_id)) as session:
        session.execute(update(SessionRow).where(SessionRow.digest == digest).values(revoked_at=parts.clock()))


def _fact(event: Event, state: LinkState, *, outcome: str = "ok", reason: str | None = None) -> Fact:
    link = state.link
    return Fact(
        event, f"link:{link.capability_id}", f"study:{link.study_id}", link.hospital_id, link.patient_id,
        outcome=outcome, reason=reason,
    )  # fmt: skip
