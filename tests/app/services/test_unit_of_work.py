"""One act, one transaction."""

import threading
from contextlib import nullcontext
from dataclasses import replace

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import InternalError, OperationalError

from app.models.hospitals import Hospital
from app.models.outbox import OutboxEntry
from app.outbox import owe
from app.services.unit_of_work import NestedUnitOfWork, Scope, looking, reading, unit_of_work
from tests import factories as make


class RecordingBell:
    """Notes what was rung, and whether the work could be found by then."""

    def __init__(self, parts):
        self.parts, self.rung = parts, []

    def ring(self, topics):
        with reading(self.parts, Scope(worker=True)) as session:
            found = set(session.scalars(select(OutboxEntry.topic)))
        self.rung.append((set(topics), found))


@pytest.fixture
def ringing(parts):
    bell = RecordingBell(parts)
    return replace(parts, bell=bell), bell


@pytest.fixture
def hospital(parts):
    return make.make_hospital(parts)


def _owe(session, hospital, topic="study.settle"):
    owe(session, hospital, topic, "key", due_at=make.NOON, now=make.NOON)


@pytest.mark.both_databases
def test_it_commits_on_clean_exit_and_rings_after_that(ringing, hospital):
    parts, bell = ringing
    with unit_of_work(parts, Scope(hospital=hospital)) as session:
        _owe(session, hospital)
        assert bell.rung == []
    assert bell.rung == [({"study.settle"}, {"study.settle"})]


@pytest.mark.both_databases
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_it_rolls_back_on_any_exception_and_stays_silent(ringing, hospital, error):
    parts, bell = ringing
    with pytest.raises(error), unit_of_work(parts, Scope(hospital=hospital)) as session:
        _owe(session, hospital)
        raise error
    with reading(parts, Scope(worker=True)) as session:
        assert session.scalars(select(OutboxEntry)).all() == []
    assert bell.rung == []


def test_what_owes_nothing_rings_nothing(ringing, hospital):
    parts, bell = ringing
    with unit_of_work(parts, Scope(hospital=hospital)):
        pass
    assert bell.rung == []


def test_it_refuses_to_nest(parts, hospital):
    with unit_of_work(parts, Scope(hospital=hospital)) as outer:
        _owe(outer, hospital)
        with pytest.raises(NestedUnitOfWork), unit_of_work(parts, Scope(hospital=hospital)):
            raise AssertionError("entered")
    with unit_of_work(parts, Scope(hospital=hospital)) as session:  # the refusal left nothing open
        assert session.scalars(select(OutboxEntry)).one().topic == "study.settle"


def test_threads_have_units_of_their_own(parts, hospital):
    done = []

    def other():
        with unit_of_work(parts, Scope(hospital=hospital)):
            done.append(True)

    thread = threading.Thread(target=other)
    with reading(parts, Scope(hospital=hospital)):
        thread.start()
        thread.join()
    assert done == [True]


@pytest.mark.both_databases
def test_reading_stands_inside_a_unit_and_keeps_nothing_that_is_written(parts, hospital):
    with unit_of_work(parts, Scope(hospital=hospital)), reading(parts, Scope(hospital=hospital)) as session:
        assert session.get_one(Hospital, hospital).code == "yz1"
    refused = pytest.raises(InternalError) if parts.engine.dialect.name == "postgresql" else nullcontext()
    with refused, reading(parts, Scope(hospital=hospital)) as session:
        session.get_one(Hospital, hospital).name = "x"
        session.flush()
    with reading(parts, Scope(hospital=hospital)) as session:
        assert session.get_one(Hospital, hospital).name != "x"


@pytest.fixture
def impatient(parts):
    """A SQLite that never waits for whoever else writes."""

    def no_patience(connection, _record):
        connection.execute("PRAGMA busy_timeout=0")

    event.listen(parts.engine, "connect", no_patience)
    parts.engine.dispose()
    return parts


def test_a_look_takes_no_right_to_write(impatient, hospital):
    with unit_of_work(impatient, Scope(hospital=hospital)) as session:
        _owe(session, hospital)
        with looking(impatient, Scope(hospital=hospital)) as connection:
            assert connection.execute(select(OutboxEntry.id)).first() is None


def test_threads_write_to_sqlite_in_turn_and_none_has_to_look_again(impatient, hospital):
    failed = []

    def write():
        try:
            for _ in range(10):
                with unit_of_work(impatient, Scope(hospital=hospital)) as session:
                    _owe(session, hospital)
        except OperationalError as error:
            failed.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
