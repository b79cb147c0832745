"""The clock leaps, and is changed twice a year: nothing is stuck for longer than the leap, nothing is told twice."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import requests
from sqlalchemy import select

from app.audit.sealing import verify_all
from app.dicom.instance import parse_header
from app.jobs import relay
from app.jobs.drain import drain_all
from app.models.audit import AuditEvent, AuditLeaf
from app.models.imaging import Study
from app.models.notifications import DeliveryAttempt
from app.notify.quiet_hours import earliest, parse_quiet_hours
from app.outbox import LEASE
from app.services import dispatching, links, study_state
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from app.services.unit_of_work import Scope, reading
from demo.carrier_callbacks import Fault
from tests import factories as make
from tests.flows.line import SILENT, claim_one, die

pytestmark = pytest.mark.flow

STEP = timedelta(minutes=30)
OTHERS = {what: f"+86138001390{number:02}" for number, what in enumerate(("refused", "quiet", "arriving"))}
LEAPS = [timedelta(hours=1), timedelta(days=1), timedelta(hours=-1), timedelta(days=-1)]


def announced(line, hospital, phone):
    patient = make.make_patient(line.parts, hospital, phone=phone)
    order = make.make_order(line.parts, hospital, patient)
    study = make.make_study_ready(line.parts, hospital, order)
    make.announce(line.parts, make.Case(hospital, patient, order, study))


def half_received(line, hospital, phone):
    """One slice of a study arrives; it waits to become quiet."""
    patient = make.make_patient(line.parts, hospital, phone=phone, identifier="ARRIVING-P")
    make.make_order(line.parts, hospital, patient, accession_number="ARRIVING-A")
    intake = Intake(line.parts, Sender(hospital, "stow-rs", "tests", make.ISSUER))
    intake.take(iter([make.slice_file("1.2.3.77", 1, "ARRIVING-P", "ARRIVING-A")]), parse_header)
    intake.close()
    assert [outcome.failure for outcome in intake.outcomes] == [0]


def as_it_stands_when_the_clock_leaps(line):
    """A worker died after the carrier took its message; others are refused, wait for the morning, or still arrive."""
    line.announced()
    line.carrier.fail_next(SILENT)
    die(line, sends=True)
    announced(line, line.case.hospital, OTHERS["refused"])
    line.send(Fault(status=429, code=20429))
    half_received(line, line.case.hospital, OTHERS["arriving"])
    night = make.make_hospital(line.parts, "night", quiet_hours="11:00-15:00", message_name="云泽二院")
    announced(line, night, OTHERS["quiet"])
    relay.tick(line.parts)


def live_on(line, duration):
    """Let the worker and the relay run for so long, by the clock of the machine."""
    end = line.clock() + duration
    while line.clock() < end:
        line.clock.forward(seconds=STEP.total_seconds())
        drain_all(line.parts)
        relay.tick(line.parts)


def check_the_audit(line):
    line.carrier.close()  # its last callbacks are recorded
    relay.tick(line.parts)
    heads = line.parts.settings.heads_file.read_text().splitlines()
    with reading(line.parts, Scope(worker=True)) as session:
        verdict = verify_all(session, line.parts.keys, heads=heads)
        positions = session.scalars(select(AuditLeaf.position).order_by(AuditLeaf.position)).all()
        events = len(session.scalars(select(AuditEvent.id)).all())
    assert verdict.problem is None
    assert list(positions) == list(range(events))
    assert verdict.events == events
    assert json.loads(heads[-1])["size"] == events


class TestLeaps:
    @pytest.mark.both_databases
    @pytest.mark.parametrize("leap", LEAPS, ids=str)
    def test_all_that_waits_goes_on_within_the_leap_and_nothing_twice(self, line, leap):
        as_it_stands_when_the_clock_leaps(line)
        line.clock.moment += leap
        line.callback("delivered", line.rows(DeliveryAttempt)[0])
        backwards = max(-leap, timedelta(0))
        live_on(line, backwards + timedelta(hours=3))
        told = sorted(message.to for message in line.carrier.messages)
        assert told == sorted([make.PHONE, *OTHERS.values()])
        line.clock.forward(days=1)
        live_on(line, STEP)
        assert len(line.carrier.messages) == len(told)
        with reading(line.parts, line.case.scope) as session:
            assert set(session.scalars(select(Study.state))) == {study_state.READY}
        check_the_audit(line)

    @pytest.mark.both_databases
    def test_a_sender_overtaken_by_the_clock_is_waited_for(self, line):
        """The clock, or a machine that slept, makes an attempt look old whose sender is still at it."""
        line.announced()
        line.carrier.fail_next(replace(SILENT, delay=0.6))
        sender = threading.Thread(target=dispatching.dispatch, args=(line.parts, claim_one(line)))
        sender.start()
        line.carrier.wait_for(lambda messages: len(messages) == 1)
        line.clock.forward(days=1)
        relay.tick(line.parts)
        line.send()
        assert line.attempts == [(1, "uncertain")]
        sender.join()
        assert line.attempts == [(1, "accepted")]
        line.send(days=1)
        assert len(line.texts) == 1

    def test_a_dead_workers_lease_outlives_a_leap_back_by_the_leap_alone(self, line):
        line.announced()
        die(line, sends=False)
        line.clock.forward(days=-1)
        line.send(hours=24)
        assert line.attempts == [(1, "sending")]
        line.send(seconds=LEASE.total_seconds() + 1)
        assert line.attempts == [(1, "uncertain")]


class TestEnds:
    """Sessions and links end at a moment of the clock, whichever way it went there."""

    def page(self, line, opened):
        url = f"{line.parts.settings.public_url}/v/{opened.public_id}"
        return requests.get(url, cookies={"filmpass": opened.secret}, timeout=10, allow_redirects=False).status_code

    @pytest.mark.parametrize(("leap", "answer"), [(timedelta(hours=1), 200), (timedelta(days=1), 401), (-STEP, 200)])
    def test_a_session_ends_when_the_clock_says_so(self, line, leap, answer):
        line.announced()
        opened = make.open_link(line.parts, make.make_link(line.parts, line.case))
        assert self.page(line, opened) == 200
        line.clock.moment += leap
        assert self.page(line, opened) == answer

    def test_an_expired_link_stays_shut_and_spends_no_try(self, line):
        line.announced(link_days=1)
        token = make.make_link(line.parts, line.case)
        line.clock.forward(days=1)
        state = links.look(line.parts, token)
        assert state.why == "expired"
        line.clock.forward(hours=-1)
        assert links.look(line.parts, token).why == ""
        assert links.look(line.parts, token).link.tries_left == state.link.tries_left
        line.clock.forward(days=365)
        assert links.look(line.parts, token).why == "expired"


class TestClockChanges:
    """The nights in which a zone changes its clocks: the message leaves when the night ends on the wall clock."""

    @pytest.mark.parametrize(
        ("zone", "quiet", "written", "sent"),
        [
            # Spring: 02:00 to 03:00 does not exist. 02:30 becomes 03:30; 08:00 comes an hour sooner.
            ("Europe/Berlin", "22:00-02:30", "2026-03-28T22:00", "2026-03-29T01:30"),
            ("Europe/Berlin", "22:00-08:00", "2026-03-28T22:00", "2026-03-29T06:00"),
            ("America/New_York", "22:00-02:30", "2026-03-08T04:00", "2026-03-08T07:30"),
            ("America/New_York", "22:00-08:00", "2026-03-08T04:00", "2026-03-08T12:00"),
            # Autumn: an hour happens twice. The first 02:30 (New York: 01:30) counts; 08:00 comes an hour later.
            ("Europe/Berlin", "22:00-02:30", "2026-10-24T21:00", "2026-10-25T00:30"),
            ("Europe/Berlin", "22:00-08:00", "2026-10-24T21:00", "2026-10-25T07:00"),
            ("America/New_York", "22:00-01:30", "2026-11-01T03:00", "2026-11-01T05:30"),
            ("America/New_York", "22:00-08:00", "2026-11-01T03:00", "2026-11-01T13:00"),
        ],
    )
    def test_the_message_leaves_at_the_first_end_of_the_night(self, line, zone, quiet, written, sent):
        line.clock.moment = datetime.fromisoformat(written).replace(tzinfo=UTC)
        leaves = datetime.fromisoformat(sent).replace(tzinfo=UTC)
        line.announced(time_zone=zone, quiet_hours=quiet)
        while line.clock() < leaves - STEP:
            line.send(seconds=STEP.total_seconds())
            assert line.texts == []
        line.send(SILENT, seconds=STEP.total_seconds())
        assert len(line.texts) == 1
        line.send(days=1)
        assert len(line.texts) == 1

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
    @pytest.mark.parametrize("day", ["2026-03-08", "2026-03-29", "2026-10-25", "2026-11-01"])
    @pytest.mark.parametrize("quiet", ["21:00-08:00", "22:00-02:30", "22:00-01:30", "01:30-06:00", "02:15-02:45"])
    def test_every_minute_of_the_night_ends_outside_it(self, zone, day, quiet):
        night, place = parse_quiet_hours(quiet), ZoneInfo(zone)
        moment = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=6)
        for minutes in range(0, 30 * 60, 5):
            now = moment + timedelta(minutes=minutes)
            end = earliest(now, place, night)
            assert now <= end <= now + timedelta(hours=25)
            assert earliest(end, place, night) == end, "a message that waited for the end is not put off again"
