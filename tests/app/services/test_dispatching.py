"""Law 2 under any order of answers, crashes, callbacks and waits."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from app.audit import events
from app.models.notifications import DeliveryAttempt, Notification
from app.notify.channels.base import Fate, Sent
from app.outbox import claim, reopen_dead_leases
from app.services import announcing, dispatching, receipts
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import factories as make

_codes = itertools.count()
MAY_HAVE_ARRIVED = {"accepted", "unknown", "crash"}


class Killed(BaseException):
    """The process ends between the sending and its record."""


class ScriptedChannel:
    """Answers as told, and notes what was sent."""

    def __init__(self):
        self.next, self.sends = "accepted", []

    def send(self, message):
        self.sends.append(self.next)
        if self.next == "crash":
            raise Killed
        return Sent(Fate(self.next), reference=str(message.attempt_id) if self.next == "accepted" else None)


class Story:
    def __init__(self, parts):
        self.channel = ScriptedChannel()
        handed, self.clock = make.with_clock(parts)
        self.parts = replace(handed, channels={"sms": self.channel})
        self.case = make.make_case(self.parts, f"h{next(_codes)}")
        make.announce(self.parts, self.case)

    def step(self, act):
        kind, _, value = act.partition(":")
        {"send": self.send, "wait": self.wait, "callback": self.callback, "late": self.late}[kind](value)

    def send(self, answer):
        self.channel.next = answer
        with unit_of_work(self.parts, Scope(worker=True)) as session:
            reopen_dead_leases(session, now=self.clock())
            batch = claim(session, announcing.DISPATCH, limit=500, now=self.clock())
        for owed in (owed for owed in batch if owed.hospital_id == self.case.hospital):
            try:
                dispatching.dispatch(self.parts, owed)
            except Killed:
                assert answer == "crash"

    def wait(self, minutes):
        self.clock.forward(minutes=int(minutes))

    def callback(self, status, which=-1):
        attempts = self.rows(DeliveryAttempt)
        if attempts:
            attempt_id = attempts[which].id
            with unit_of_work(self.parts, self.case.scope) as session:
                form = {"MessageStatus": status, "MessageSid": str(attempt_id)}
                receipts.accept(session, self.parts, attempt_id, form)

    def late(self, status):
        """A callback for the first attempt, whatever came after it."""
        self.callback(status, which=0)

    def rows(self, table):
        with reading(self.parts, self.case.scope) as session:
            return session.scalars(
                select(table).where(table.hospital_id == self.case.hospital).order_by(table.created_at, table.id)
            ).all()

    def check(self, was):
        """Hold the law; `was` is the state of the notification before this step."""
        (told,), attempts = self.rows(Notification), self.rows(DeliveryAttempt)
        sends = self.channel.sends
        assert sum(answer in MAY_HAVE_ARRIVED for answer in sends) <= 2
        assert "accepted" not in sends[:-1]
        assert len(sends) == len(attempts) <= dispatching.MAX_ATTEMPTS + 1
        assert [row.number for row in attempts] == list(range(1, len(attempts) + 1))
        if was == "delivered":
            assert told.state == "delivered"
        return told.state


acts = st.lists(
    st.sampled_from(
        [
            *(f"send:{answer}" for answer in ("accepted", "transient", "permanent", "unknown", "crash")),
            *("send:transient", "send:unknown", "wait:1", "wait:6", "wait:16", "wait:300"),
            *(f"{kind}:{status}" for kind in ("callback", "late") for status in ("sent", "delivered", "undelivered")),
        ]
    ),
    max_size=16,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts)
def test_whatever_happens_in_whatever_order_the_patient_is_told_within_the_law(parts, story):
    told = Story(parts)
    state = "queued"
    for act in story:
        told.step(act)
        state = told.check(state)


@pytest.mark.parametrize("answer", ["transient", "unknown", "crash", "misconfigured"])
def test_it_always_comes_to_an_end(parts, answer):
    story = Story(parts)
    for _ in range(20):
        story.step(f"send:{answer}")
        story.step("wait:300")
    (told,) = story.rows(Notification)
    assert told.state == "failed"
    with unit_of_work(story.parts, Scope(worker=True)) as session:
        assert claim(session, announcing.DISPATCH, limit=8, now=story.clock()) == []


@pytest.mark.parametrize("hears", ["the sender", "the callback"])
@pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_who_hears_of_an_attempt_waits_while_the_next_is_made_and_reads_the_clock_after_it(parts, hears):
    story, asked, answer = Story(parts), Event(), Event()

    def send(_message):
        asked.set()
        assert answer.wait(10)
        return Sent(Fate.ACCEPTED, reference="SM1")

    def callback():
        asked.set()
        assert answer.wait(10)
        story.step("callback:delivered")

    if hears == "the callback":
        story.step("send:unknown")
    story.channel.send = send
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(callback) if hears == "the callback" else pool.submit(story.step, "send:accepted")
        assert asked.wait(10)
        with unit_of_work(story.parts, story.case.scope) as session:
            session.scalars(select(Notification).with_for_update()).one()
            answer.set()
            until_someone_waits_for_a_lock(story.parts)
            story.wait(20)
        heard.result(10)
    event = events.Event.MESSAGE_SENT if hears == "the sender" else events.Event.MESSAGE_FATE
    assert make.events(story.parts, event)[-1].at >= story.clock()


def until_someone_waits_for_a_lock(parts):
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 10
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.execute(waiting).scalar():
            assert time.monotonic() < deadline, "nobody waits for a lock"
