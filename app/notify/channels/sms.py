"""SMS: composes the text, hands it to the carrier, and reads the carrier's answer into a fate.

Error codes come from a small table; an unknown 21xxx is permanent for that request, anything else unknown is
transient and
tried a limited number of times, since the vendor asks not to program against its codes.
"""

from app.core.settings import Settings
from app.gateways.twilio import Answer, TwilioGateway
from app.notify.channels.base import Fate, Outgoing, Sent
from app.notify.compose import compose

_PERMANENT = frozenset({21211, 21212, 21606, 21408, 21614, 21617, 30004, 30005, 30006, 30007})
_TRANSIENT = frozenset({20429, 30001, 30003, 30008})
_MISCONFIGURED = frozenset({20003, 30002})
_OPTED_OUT = frozenset({21610})
_NOT_PROCESSED = frozenset({301, 302, 307, 308, *range(400, 500), 503})


def fate_of(code: int | None, http_status: int | None = None) -> Fate:
    """Read an error code, or the HTTP status when there is none.

    A 5xx of the carrier says that the request was not processed only when its own error code comes with it. Without
    one, a refusal (4xx), "elsewhere" and "unavailable" (503) say so; anything else, and silence, leave the fate
    unknown.
    """
    if code is None:
        return Fate.TRANSIENT if http_status in _NOT_PROCESSED else Fate.UNKNOWN
    if code in _OPTED_OUT:
        return Fate.OPTED_OUT
    if code in _MISCONFIGURED:
        return Fate.MISCONFIGURED
    if code in _TRANSIENT:
        return Fate.TRANSIENT
    if code in _PERMANENT or 21000 <= code < 22000:
        return Fate.PERMANENT
    return Fate.TRANSIENT


class SmsChannel:
    """Text messages through Twilio or what speaks its API."""

    def __init__(self, gateway: TwilioGateway, settings: Settings) -> None:
        self._gateway = gateway
        self._public_url = settings.public_url.rstrip("/")

    def send(self, message: Outgoing) -> Sent:
        """Try once."""
        body = compose(message.template, message.language, hospital=message.hospital, link=message.link)
        answer = self._gateway.create_message(
            to=message.to, body=body, callback_url=f"{self._public_url}/webhooks/twilio/{message.attempt_id}"
        )
        return _sent(answer)


def _sent(answer: Answer) -> Sent:
    if answer.sid is not None:
        return Sent(Fate.ACCEPTED, reference=answer.sid)
    if not answer.reached:
        return Sent(Fate.TRANSIENT)
    code = str(answer.code) if answer.code is not None else None
    return Sent(fate_of(answer.code, answer.http_status), code=code, retry_after=answer.retry_after)
