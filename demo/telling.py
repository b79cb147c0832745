"""One examination through the doors, from registering it to the message on its patient's phone."""

import json
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from demo.doors import Doors, Receipt, Refused
from demo.examinations import Examination, made_up_number

_LINK = re.compile(r"https?://\S+/s/(\S+)")
_SECONDS = 60  # and one more for each instance
_TOLD = {"accepted", "delivered"}
_ENDED = {"failed", "held", "expired"}
_UNMATCHED = {
    "no-accession-number", "order-unknown", "patient-differs", "several-orders", "birth-date-differs",
    "instances-disagree",
}  # fmt: skip


Wait = Callable[[Callable[[], bool], str, float], None]
"""Asks until it is true; takes the question, what is waited for, and the seconds until TimeoutError."""


class Stuck(Exception):
    """A study does not reach its patient; the sentence says where it stands."""


@dataclass(frozen=True, slots=True)
class Told:
    """A study whose message was accepted: what the phone shows, the link in it, and the fact that opens it."""

    title: str
    study_instance_uid: str
    link: str
    fact: str
    body: str

    @property
    def token(self) -> str:
        """Return what makes the link this patient's, whatever the address before it."""
        return self.link.rpartition("/")[2]

    def at(self, base_url: str) -> "Told":
        """Return the same, for an installation that has moved to another address."""
        link = f"{base_url}/s/{self.token}"
        return Told(self.title, self.study_instance_uid, link, self.fact, self.body.replace(self.link, link))


@dataclass(slots=True)
class Teller:
    """Takes examinations through the doors, one after the other."""

    doors: Doors
    sent_messages: Path
    wait: Wait
    say: Callable[[str], None]

    def tell(self, examination: Examination, known_tokens: Collection[str]) -> Told:
        """Register, send, call complete, and wait for the message.

        Parameters
        ----------
        known_tokens : collection of str
            Of messages that came before: the same phone may have had several.

        Raises
        ------
        Refused
            When a door refuses.
        Stuck
            When no instance was stored, or no message was accepted in time.
        """
        order = self._register(examination)
        receipt = self._send(examination)
        self.doors.post(f"/studies/{examination.study_instance_uid}/complete", {"instances": receipt.sent})
        course = _Course(examination, order, self.doors, self.say)
        try:
            self.wait(course.is_told, "the message", _SECONDS + receipt.sent)
        except TimeoutError:
            raise Stuck(f"{examination.title}: no message was accepted in time; it stands at: {course.stage}") from None
        body, link = self._message(str(examination.patient["phone"]), known_tokens)
        return Told(examination.title, examination.study_instance_uid, link, examination.fact, body)

    def _register(self, examination: Examination) -> dict[str, Any]:
        """Register what there is; returns the order as it was registered."""
        self.doors.put("/patients", examination.patient)
        order = examination.order
        try:
            self.doors.put("/service-requests", order)
        except Refused as refused:
            if refused.status != HTTPStatus.CONFLICT:
                raise
            # Anonymised studies often share an accession number, which belongs to another patient's order already.
            order = order | {"accession_number": made_up_number(examination.study_instance_uid)}
            self.doors.put("/service-requests", order)
        if examination.report:
            self.doors.put("/reports", examination.report)
        return order

    def _send(self, examination: Examination) -> Receipt:
        self.say(f"{examination.title}: sending")
        began = time.monotonic()
        receipt = examination.send(self.doors)
        self.say(f"{examination.title}: {receipt} in {time.monotonic() - began:.1f} s")
        if not receipt.stored:
            raise Stuck(f"{examination.title}: nothing was stored.")
        return receipt

    def _message(self, phone: str, known_tokens: Collection[str]) -> tuple[str, str]:
        lines = [json.loads(line) for line in self.sent_messages.read_text(encoding="utf-8").splitlines()]
        bodies = [line["body"] for line in lines if line["to"] == phone]
        found = [(body, match[0]) for body in bodies if (match := _LINK.search(body)) and match[1] not in known_tokens]
        return found[-1]


@dataclass(slots=True)
class _Course:
    """What the hospital sees of a study on its way, by the study's own state."""

    examination: Examination
    order: dict[str, Any]
    doors: Doors
    say: Callable[[str], None]
    stage: str = ""
    resolved: bool = False

    def is_told(self) -> bool:
        study = self.doors.study(self.examination.study_instance_uid)
        stage = _stage(study)
        if stage != self.stage:
            self.stage = stage
            self.say(f"{self.examination.title}: {stage}")
        if study["waits_for"] and study["waits_for"]["reason"] in _UNMATCHED and not self.resolved:
            self._resolve()
        message = study["messages"][-1] if study["messages"] else {"state": "none"}
        if message["state"] in _ENDED:
            raise Stuck(f"{self.examination.title}: {stage}")
        return message["state"] in _TOLD

    def _resolve(self) -> None:
        """Say whose study it is, as a person at the worklist does."""
        reference = {name: value for name, value in self.order.items() if name in {"accession_number", "issuer"}}
        self.doors.post(f"/worklist/{self.examination.study_instance_uid}/resolve", reference)
        self.resolved = True


def _stage(study: dict[str, Any]) -> str:
    if study["messages"]:
        message = study["messages"][-1]
        return f"message {message['state']}" + (f", {message['reason']}" if message["reason"] else "")
    waits_for = study["waits_for"]["reason"] if study["waits_for"] else study["state"]
    return str(study["state"]) if waits_for == study["state"] else f"{study['state']}, waits for: {waits_for}"
