"""What a channel is: handed a template and its parameters, it says what became of one attempt."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class Fate(StrEnum):
    """The outcome of one attempt as far as the provider told us."""

    ACCEPTED = "accepted"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    OPTED_OUT = "opted-out"
    MISCONFIGURED = "misconfigured"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message: template id, parameters, language, address, and the attempt that the provider's callbacks name."""

    template: str
    language: str
    hospital: str
    link: str
    to: str
    attempt_id: UUID


@dataclass(frozen=True, slots=True)
class Sent:
    """What the provider answered. `code` is its own error code, without text; `retry_after` its wish, in seconds."""

    fate: Fate
    reference: str | None = None
    code: str | None = None
    retry_after: int = 0


class Channel(Protocol):
    """A way to reach a person."""

    def send(self, message: Outgoing) -> Sent:
        """Try once; never raises for what the provider or the network does."""
        ...
