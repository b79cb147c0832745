"""Two relays, two workers and two sealers at once: nothing is done twice, nobody waits for ever."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from app.audit.events import Event
from app.audit.record import Fact, record
from app.audit.sealing import verify_all
from app.factory import build_parts
from app.jobs import relay
from app.models.audit import AuditEvent, AuditLeaf
from app.models.outbox import OutboxEntry
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import factories as make
from tests.faults.arrivals import arrivals_at

pytestmark = [pytest.mark.flow, pytest.mark.both_databases]

STUDIES = 6


def check_the_audit(parts):
    with reading(parts, Scope(worker=True)) as session:
        verdict = verify_all(session, parts.keys, heads=parts.settings.heads_file.read_text().splitlines())
        positions = session.scalars(select(AuditLeaf.position).order_by(AuditLeaf.position)).all()
        events = session.scalar(select(func.count()).select_from(AuditEvent))
    assert verdict.problem is None
    assert list(positions) == list(range(events))
    return events


def owed(parts):
    with reading(parts, Scope(worker=True)) as session:
        return session.scalar(select(func.count()).select_from(OutboxEntry).where(OutboxEntry.closed_at.is_(None)))


def test_two_workers_and_two_relays_do_each_thing_once(stand):
    processes = ("worker", "worker-2", "relay", "relay-2")
    arriving = arrivals_at(stand)
    stand.start("valkey", "web")
    for _ in range(STUDIES):
        arriving.send()
    stand.start(*processes)
    arriving.wait_until_told()
    stand.until(lambda: owed(stand.parts) == 0, "everything to be done")
    for name in processes:
        log = stand.log(name).read_text()
        assert "failed" not in log, log
    arriving.check_told_once()
    for event, times in ((Event.STUDY_COMPLETED, STUDIES), (Event.NOTIFICATION_WRITTEN, STUDIES)):
        assert len(make.events(stand.parts, event)) == times
    stand.stop("web")  # a callback that comes late would write an event behind the head
    relay.seal(stand.parts)
    check_the_audit(stand.parts)


def test_sealers_that_run_at_once_give_every_event_one_position(settings):
    """Each sealer has a pool of its own, as in a process of its own; events come while they run."""
    all_parts = [build_parts(replace(settings)) for _ in range(4)]
    hospital = make.make_hospital(all_parts[0])

    def write(parts):
        for number in range(40):
            with unit_of_work(parts, Scope(hospital=hospital)) as session:
                fact = Fact(Event.WORKLIST_READ, "tests", f"worklist:{number}", hospital)
                record(session, parts.keys, fact, now=parts.clock())

    def seal(parts):
        for _ in range(40):
            relay.seal(parts)

    with ThreadPoolExecutor(6) as threads:
        running = [
            threads.submit(act, parts)
            for act, parts in zip([write, write, seal, seal, seal, seal], [*all_parts, *all_parts[:2]], strict=True)
        ]
        for act in running:
            act.result()
    relay.seal(all_parts[0])
    assert check_the_audit(all_parts[0]) >= 80
    for parts in all_parts:
        parts.decoder.close()
        parts.engine.dispose()
