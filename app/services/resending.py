"""A new message to the registered phone: from the page of a dead link, or by the hospital."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import Conflict
from app.models.imaging import Study
from app.models.links import Capability
from app.models.notifications import Notification
from app.services import announcing, links
from app.services.hospitals import profile
from app.services.links import LinkState
from app.services.parts import Parts
from app.services.unit_of_work import Scope, unit_of_work

AGAIN = "again"
_PER_DAY = 3


def may_resend(state: LinkState) -> bool:
    """Tell whether this link's holder may ask for a new one: only for the own SMS link, locked or run out."""
    return state.why in {"expired", "locked"}


def resend(parts: Parts, state: LinkState) -> bool:
    """Replace the link and owe a message, once; False when nothing is sent: no number, or three were sent today."""
    with unit_of_work(parts, Scope(hospital=state.hospital.id)) as session:
        study = session.scalars(select(Study).where(Study.id == state.link.study_id).with_for_update()).one()
        revoked_at = session.scalar(select(Capability.revoked_at).where(Capability.id == state.link.capability_id))
        if study.patient_id != state.link.patient_id or revoked_at is not None:  # pressed twice
            return False
        if announcing.current_phone(session, study.patient_id) is None:
            return False
        return send_again(session, parts, study, by=f"link:{state.link.capability_id}")


def send_again(session: Session, parts: Parts, study: Study, *, by: str) -> bool:
    """End the study's links as replaced, make a new one and owe its message; False beyond the day's limit.

    Raises
    ------
    Conflict
        When the study was never announced, so that there is nothing to repeat.
    """
    now = parts.clock()
    if study.patient_id is None or not study.announced_revision:
        raise Conflict("The study has not been announced yet; it will be by itself.")
    today = select(func.count()).select_from(Notification).where(
        Notification.kind == AGAIN, Notification.subject_id == study.id,
        Notification.created_at > now - timedelta(days=1),
    )  # fmt: skip
    if (session.scalar(today) or 0) >= _PER_DAY:
        return False
    hospital = profile(session, study.hospital_id)
    links.replace(session, study, study.patient_id, hospital, now=now)
    total = select(func.count()).select_from(Notification).where(
        Notification.kind == AGAIN, Notification.subject_id == study.id
    )  # fmt: skip
    number = (session.scalar(total) or 0) + 1
    announcing.write_notification(session, parts, study, hospital, "study-ready", now=now, kind=AGAIN, revision=number)
    fact = Fact(Event.LINK_SENT_AGAIN, by, f"study:{study.id}", study.hospital_id, study.patient_id)
    record(session, parts.keys, fact, now=now)
    return True
