"""The demo carrier's side of the conversation: a message moves on, and its sender is told, signed as Twilio signs."""

import base64
import hashlib
import hmac
import queue
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import requests

from demo.carrier_messages import API_VERSION, Message, MessageBook

_TIMEOUTS = (5, 15)  # seconds to connect and to read, as Twilio's defaults
_ATTEMPTS = 2  # Twilio's default: one repetition


@dataclass(frozen=True, slots=True)
class Fault:
    """How the next message shall go wrong; the default goes right.

    Attributes
    ----------
    status, code
        Refuse with this HTTP status and Twilio error (429 and 20429, 500 and 20500, 400 and 21610 ...).
    delay
        Seconds from the request to the reply; the message is accepted at once.
    lose_reply
        Accept the message, then break the connection without a word.
    retry_after
        Seconds to wait, said in the header of the reply.
    reply
        The form of the reply: Twilio's JSON, a page of a proxy, JSON that breaks off, JSON of another shape, or bytes
        that come slowly and never end.
    outcome, error_code
        How an accepted message ends.
    callbacks
        What becomes of its status callbacks.
    """

    status: int = 0
    code: int = 0
    delay: float = 0
    lose_reply: bool = False
    retry_after: int = 0
    reply: Literal["json", "html", "truncated", "list", "endless"] = "json"
    outcome: Literal["delivered", "undelivered", "failed"] = "delivered"
    error_code: int | None = None
    callbacks: Literal["normal", "dropped", "twice", "reversed"] = "normal"


class Courier:
    """Moves accepted messages to their end and posts the status callbacks, on threads of its own.

    `acknowledged` holds address and status of every callback that was answered with success.
    """

    def __init__(self, book: MessageBook, auth_token: str, *, ca_file: str | None, threads: int = 4) -> None:
        self._book = book
        self._auth_token = auth_token
        self._ca_file = ca_file
        self.acknowledged: list[tuple[str, str]] = []
        self._work: queue.SimpleQueue[tuple[str, Fault] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def take(self, sid: str, fault: Fault) -> None:
        """Deliver a message that was accepted."""
        self._work.put((sid, fault))

    def close(self) -> None:
        """Finish what is owed and end the threads."""
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while item := self._work.get():
            self._deliver(*item)

    def _deliver(self, sid: str, fault: Fault) -> None:
        steps = ["sent", fault.outcome] if fault.outcome != "failed" else ["failed"]
        if self._book.get(sid).messaging_service_sid:
            steps.insert(0, "queued")
        waiting: list[Message] = []
        for status in steps:
            error_code = fault.error_code if status == fault.outcome else None
            message = self._book.advance(sid, status, error_code)
            if message is None or not message.status_callback or fault.callbacks == "dropped":
                continue
            if fault.callbacks == "reversed":
                waiting.insert(0, message)
                continue
            for _ in range(2 if fault.callbacks == "twice" else 1):
                self._post(message)
        for message in waiting:
            self._post(message)

    def _post(self, message: Message) -> None:
        url = message.status_callback.partition("#")[0]  # a fragment holds Twilio's connection overrides
        form = callback_form(message)
        headers = {
            "X-Twilio-Signature": sign(self._auth_token, url, form),
            "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
        }
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the machine does not lead to this machine
            for _ in range(_ATTEMPTS):
                try:
                    reply = session.post(
                        url, data=form, headers=headers, timeout=_TIMEOUTS, verify=self._ca_file or True
                    )
                except requests.RequestException as problem:
                    print(f"callback {message.status} of {message.sid}: {type(problem).__name__}", flush=True)
                    continue
                if reply.ok:
                    self.acknowledged.append((url, message.status))
                if reply.status_code < 500:
                    return
                print(f"callback {message.status} of {message.sid}: answered {reply.status_code}", flush=True)


def callback_form(message: Message) -> dict[str, str]:
    """Return the form of a status callback."""
    form = {
        "AccountSid": message.account_sid,
        "ApiVersion": API_VERSION,
        "MessageSid": message.sid,
        "MessageStatus": message.status,
        "SmsSid": message.sid,
        "SmsStatus": message.status,
        "To": message.to,
    }
    if message.sender:
        form["From"] = message.sender
    if message.messaging_service_sid:
        form["MessagingServiceSid"] = message.messaging_service_sid
    if message.error_code:
        form["ErrorCode"] = str(message.error_code)
    return form


def sign(auth_token: str, url: str, form: Mapping[str, str]) -> str:
    """Return X-Twilio-Signature: HMAC-SHA1 over the URL and the sorted parameters (twilio.com/docs/usage/security)."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode()
