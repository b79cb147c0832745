"""Messages and their fates, as the hospital sees them. A body or a number is never among it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.load.study_states import uids_of
from app.access.principals import HospitalClient
from app.audit.events import Event
from app.audit.record import Fact, record
from app.models.notifications import DeliveryAttempt, Notification
from app.services.parts import Parts
from app.services.shapes import Output, PageQuery

State = Literal["queued", "sending", "accepted", "delivered", "held", "failed", "expired", "uncertain"]


class AttemptView(Output):
    """One try at sending; `code` is the carrier's."""

    number: int
    channel: str
    state: State
    code: str | None
    at: datetime


class MessageView(Output):
    """One message to a contact; `reason` says why it is held, failed or expired."""

    id: UUID
    study_instance_uid: str
    kind: str
    revision: int
    state: State
    reason: str | None
    not_before: datetime
    updated_at: datetime
    attempts: list[AttemptView]


class MessagesQuery(PageQuery):
    """Which messages."""

    state: State | None = None


class MessagesPage(Output):
    """Messages in the order in which they were written."""

    messages: list[MessageView]
    next_cursor: UUID | None


def page(session: Session, parts: Parts, client: HospitalClient, query: MessagesQuery) -> MessagesPage:
    """Return a page of the hospital's messages, and record that it was read."""
    statement = select(Notification).where(Notification.hospital_id == client.hospital_id)
    if query.state is not None:
        statement = statement.where(Notification.state == query.state)
    if query.cursor is not None:
        statement = statement.where(Notification.id > query.cursor)
    rows = list(session.scalars(statement.order_by(Notification.id).limit(query.limit + 1)))
    shown = rows[: query.limit]
    fact = Fact(
        Event.MESSAGES_READ, client.actor, f"hospital:{client.hospital_id}", client.hospital_id,
        detail={"count": len(shown)},
    )  # fmt: skip
    record(session, parts.keys, fact, now=parts.clock())
    return MessagesPage(messages=_views(session, shown), next_cursor=shown[-1].id if len(rows) > len(shown) else None)


def of_study(session: Session, study_id: UUID) -> list[MessageView]:
    """Return all messages about a study."""
    rows = session.scalars(select(Notification).where(Notification.subject_id == study_id).order_by(Notification.id))
    return _views(session, list(rows))


def _views(session: Session, rows: list[Notification]) -> list[MessageView]:
    attempts: dict[UUID, list[AttemptView]] = {row.id: [] for row in rows}
    for row in session.scalars(
        select(DeliveryAttempt)
        .where(DeliveryAttempt.notification_id.in_(attempts))
        .order_by(DeliveryAttempt.notification_id, DeliveryAttempt.number)
    ):
        view = AttemptView.model_validate(
            {"number": row.number, "channel": row.channel, "state": row.state, "code": row.error_code,
             "at": row.updated_at}
        )  # fmt: skip
        attempts[row.notification_id].append(view)
    uids = uids_of(session, [row.subject_id for row in rows])
    return [
        MessageView.model_validate(
            {"id": row.id, "study_instance_uid": uids[row.subject_id], "kind": row.kind,
             "revision": row.subject_revision, "state": row.state, "reason": row.reason,
             "not_before": row.not_before, "updated_at": row.updated_at, "attempts": attempts[row.id]}
        )
        for row in rows
    ]  # fmt: skip
