"""The demo carrier's messages: what Twilio's Message resource is, is refused for, and becomes.

References
----------
Twilio's OpenAPI document `twilio_api_v2010`, Message resource; the error numbers are those of
twilio.com/docs/api/errors, the magic numbers those of Twilio's test credentials.
"""

import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

API_VERSION = "2010-04-01"
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_SENDER = re.compile(r"\+?[A-Za-z0-9 ]{2,15}", re.ASCII)
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}", re.ASCII)
_ENDS = frozenset({"delivered", "undelivered", "failed"})
_REFUSED_NUMBERS = {
    "+15005550001": (21211, "Invalid 'To' Phone Number"),
    "+15005550002": (21612, "The 'To' phone number is not currently reachable via SMS"),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region of the 'To' number"),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number is not a valid mobile number"),
}
_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_TWICE = frozenset("\f^{}\\[~]|€")


class Refused(Exception):
    """An answer other than success: HTTP status, Twilio's error number, a sentence."""

    def __init__(self, status: int, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence


@dataclass(frozen=True, slots=True)
class Message:
    """One message as the carrier keeps it."""

    sid: str
    account_sid: str
    to: str
    sender: str | None
    messaging_service_sid: str | None
    body: str
    segments: int
    status: str
    created: datetime
    updated: datetime
    sent: datetime | None
    error_code: int | None
    status_callback: str
    obfuscate: bool
    discard: bool

    def resource(self) -> dict[str, Any]:
        """Return the message as the API shows it."""
        uri = f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{self.sid}"
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": format_datetime(self.created),
            "date_sent": self.sent and format_datetime(self.sent),
            "date_updated": format_datetime(self.updated),
            "direction": "outbound-api",
            "error_code": self.error_code,
            "error_message": None,
            "from": self.sender,
            "messaging_service_sid": self.messaging_service_sid,
            "num_media": "0",
            # A service has chosen no sender yet when it accepts.
            "num_segments": "0" if self.status == "accepted" else str(self.segments),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }


class MessageBook:
    """All messages of one account, and the numbers that said STOP; safe among threads."""

    def __init__(self, account_sid: str) -> None:
        self._account_sid = account_sid
        self._messages: dict[str, Message] = {}
        self._opted_out: set[str] = set()
        self._lock = threading.Lock()

    def opt_out(self, number: str) -> None:
        """Note that the owner of a number answered STOP."""
        with self._lock:
            self._opted_out.add(number)

    def create(self, form: Mapping[str, str]) -> Message:
        """Accept a message as Twilio does.

        Raises
        ------
        Refused
            With 400 and the number of Twilio's error.
        """
        self._check(form)
        now = datetime.now(UTC).replace(microsecond=0)
        service = form.get("MessagingServiceSid")
        message = Message(
            sid=f"SM{secrets.token_hex(16)}",
            account_sid=self._account_sid,
            to=form["To"],
            sender=form.get("From"),
            messaging_service_sid=service,
            body=form["Body"],
            segments=count_segments(form["Body"]),
            status="accepted" if service else "queued",
            created=now,
            updated=now,
            sent=None,
            error_code=None,
            status_callback=form.get("StatusCallback", ""),
            obfuscate=form.get("AddressRetention") == "obfuscate",
            discard=form.get("ContentRetention") == "discard",
        )
        with self._lock:
            self._messages[message.sid] = message
        return message

    def _check(self, form: Mapping[str, str]) -> None:
        to, callback = form.get("To", ""), form.get("StatusCallback", "")
        if not to:
            raise Refused(400, 21604, "A 'To' phone number is required.")
        if to in _REFUSED_NUMBERS:
            raise Refused(400, *_REFUSED_NUMBERS[to])
        if not _E164.fullmatch(to):
            raise Refused(400, 21211, "Invalid 'To' Phone Number")
        if not form.get("From") and not form.get("MessagingServiceSid"):
            raise Refused(400, 21603, "A 'From' phone number is required.")
        if form.get("MessagingServiceSid") and not _SERVICE.fullmatch(form["MessagingServiceSid"]):
            raise Refused(400, 21701, "The Messaging Service does not exist")
        if form.get("From") and (form["From"] == "+15005550001" or not _SENDER.fullmatch(form["From"])):
            raise Refused(400, 21212, "Invalid 'From' Phone Number")
        if not form.get("Body"):
            raise Refused(400, 21602, "Message body is required.")
        if len(form["Body"]) > 1600:
            raise Refused(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
        if callback and not re.match(r"https?://[^/_]+(/|$)", callback):
            raise Refused(400, 21609, "Invalid 'StatusCallback' URL.")
        # The carrier keeps no address of an obfuscated message, so its own STOP handling cannot apply (23002).
        if to in self._opted_out and form.get("AddressRetention") != "obfuscate":
            raise Refused(400, 21610, "Attempt to send to unsubscribed recipient")

    def get(self, sid: str) -> Message:
        """Return one message; 20404 when there is none."""
        with self._lock:
            if sid not in self._messages:
                raise Refused(404, 20404, "The requested resource was not found")
            return self._messages[sid]

    def newest_first(self) -> list[Message]:
        """Return every message that was not deleted."""
        with self._lock:
            return list(self._messages.values())[::-1]

    def advance(self, sid: str, status: str, error_code: int | None = None) -> Message | None:
        """Move a message on, and redact what the sender asked to have redacted; None when it was deleted."""
        now = datetime.now(UTC).replace(microsecond=0)
        with self._lock:
            message = self._messages.get(sid)
            if message is None:
                return None
            moved = replace(message, status=status, error_code=error_code, updated=now)
            if status in {"sent", *_ENDS}:
                to = message.to[:-4] + "XXXX" if message.obfuscate else message.to
                body = "" if message.discard else message.body
                moved = replace(moved, sent=message.sent or now, to=to, body=body)
            self._messages[sid] = moved
            return moved

    def update(self, sid: str, form: Mapping[str, str]) -> Message:
        """Redact the body: the one change to a message that is not scheduled."""
        message = self.get(sid)
        if "Status" in form:
            raise Refused(400, 30409, "This message cannot be canceled")
        if form.get("Body") != "":
            raise Refused(400, 30400, "Parameters are not valid")
        self._end_needed(message)
        with self._lock:
            self._messages[sid] = replace(message, body="")
            return self._messages[sid]

    def delete(self, sid: str) -> None:
        """Remove a message that has come to an end."""
        self._end_needed(self.get(sid))
        with self._lock:
            self._messages.pop(sid, None)

    def _end_needed(self, message: Message) -> None:
        if message.status not in _ENDS:
            raise Refused(409, 20009, "Cannot change this resource before it is complete")


def count_segments(body: str) -> int:
    """Return the number of parts of an SMS: 160 (153) GSM-7 characters, or 70 (67) UTF-16 units (3GPP TS 23.038)."""
    if set(body) <= _GSM7 | _GSM7_TWICE:
        units, one, many = sum(1 + (character in _GSM7_TWICE) for character in body), 160, 153
    else:
        units, one, many = len(body.encode("utf-16-le")) // 2, 70, 67
    return 1 if units <= one else -(-units // many)
