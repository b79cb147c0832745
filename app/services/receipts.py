"""What the carrier says afterwards: verified at the door, stored once, and moving an attempt only forward.

References
----------
Twilio status callbacks: order is not guaranteed, fields are added without notice, a callback may come twice.
"""

import json
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.identifiers import new_id
from app.models.notifications import DeliveryAttempt, DeliveryReceipt, Notification
from app.services import keys
from app.services.dispatching import lock_attempt, suppress
from app.services.parts import Parts

_STATE_OF = {
    "accepted": "accepted", "scheduled": "accepted", "queued": "accepted", "sending": "accepted", "sent": "accepted",
    "delivered": "delivered", "read": "delivered", "undelivered": "failed", "failed": "failed", "canceled": "failed",
}  # fmt: skip
_RANK = {"sending": 0, "uncertain": 1, "accepted": 2, "delivered": 3, "failed": 3}
_BEST = ("failed", "sending", "uncertain", "accepted", "delivered")
_OPTED_OUT = "21610"


def hospital_of_attempt(session: Session, attempt_id: UUID) -> UUID | None:
    """Return the hospital of an attempt; the scope must name the attempt."""
    return session.scalar(select(DeliveryAttempt.hospital_id).where(DeliveryAttempt.id == attempt_id))


def accept(session: Session, parts: Parts, attempt_id: UUID, form: Mapping[str, str]) -> None:
    """Store a callback and move the attempt, and its notification, forward.

    A repeat or an old status changes nothing.
    """
    row, attempt = lock_attempt(session, attempt_id)
    now, status = parts.clock(), form.get("MessageStatus", "")
    known = select(DeliveryReceipt.id).where(
        DeliveryReceipt.attempt_id == attempt_id, DeliveryReceipt.provider_status == status
    )
    if status not in _STATE_OF or session.scalar(known) is not None:
        return
    payload = keys.seal_field(session, parts, attempt.hospital_id, "receipt", json.dumps(dict(form)))
    session.add(
        DeliveryReceipt(
            id=new_id(),
            hospital_id=attempt.hospital_id,
            attempt_id=attempt_id,
            provider_status=status,
            payload_sealed=payload,
            created_at=now,
        )
    )
    state = _STATE_OF[status]
    if _RANK[state] <= _RANK.get(attempt.state, 0):
        return
    attempt.state, attempt.provider_status, attempt.updated_at = state, status, now
    attempt.error_code = form.get("ErrorCode") or attempt.error_code
    attempt.provider_reference = attempt.provider_reference or form.get("MessageSid")
    row.state, row.updated_at = _best(session, row), now
    row.reason = attempt.error_code if row.state == "failed" else None
    if attempt.error_code == _OPTED_OUT:
        suppress(session, row, now=now)
    fact = Fact(
        Event.MESSAGE_FATE, "carrier", f"attempt:{attempt.id}", attempt.hospital_id, outcome=state,
        reason=attempt.error_code,
    )  # fmt: skip
    record(session, parts.keys, fact, now=now)


def _best(session: Session, row: Notification) -> str:
    """Return the best state among a notification's attempts: a late word about one never undoes another's success."""
    session.flush()
    states = session.scalars(select(DeliveryAttempt.state).where(DeliveryAttempt.notification_id == row.id))
    return max(states, key=_BEST.index)
