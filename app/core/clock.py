"""The time: aware UTC, read in one place, handed down so that tests and policy can choose it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the current moment, aware, in UTC."""
    return datetime.now(UTC)
