"""The relay: rings for what is due, frees what dead workers held, signs audit heads."""

import threading

from app.audit.sealing import seal_pending, write_head
from app.core.logs import get_logger
from app.outbox import due_topics, reopen_dead_leases
from app.services.parts import Parts
from app.services.unit_of_work import Scope, reading, unit_of_work

INTERVAL_SECONDS = 2.0
_log = get_logger("relay")


def run(parts: Parts, stop: threading.Event) -> None:
    """Tick until stopped; a failing tick is logged and tried again."""
    while not stop.is_set():
        try:
            tick(parts)
        except Exception as error:  # noqa: BLE001  the relay must outlive a lost database
            _log.warning("relay tick failed", error=type(error).__name__)
        stop.wait(INTERVAL_SECONDS)


def tick(parts: Parts) -> None:
    """Ring, free, sign; once."""
    now = parts.clock()
    with unit_of_work(parts, Scope(worker=True)) as session:
        freed = reopen_dead_leases(session, now=now)
    if freed:
        _log.warning("freed dead leases", count=freed)
    with reading(parts, Scope(worker=True)) as session:
        topics = due_topics(session, now=now)
    if topics:
        parts.bell.ring(topics)
    seal(parts)


def seal(parts: Parts) -> None:
    """Sign heads until nothing is pending; the newest leaves the database as a line of the heads file."""
    while True:
        with unit_of_work(parts, Scope(worker=True)) as session:
            head = seal_pending(session, parts.keys, now=parts.clock())
        if head is None:
            break
    if parts.settings.heads_file.name:
        with reading(parts, Scope(worker=True)) as session:
            write_head(session, parts.settings.heads_file)
