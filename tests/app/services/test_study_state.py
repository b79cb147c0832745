"""The life of a study: when it settles, what reopens it, and what its patient is told of again."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.identifiers import new_id
from app.models.imaging import Instance, Series, Study
from app.models.outbox import OutboxEntry
from app.services import study_state
from app.services.study_state import ANNOUNCE, READY, RECEIVING, RENDER, RENDERING, SETTLE
from app.services.unit_of_work import unit_of_work
from tests import factories as make


class Life:
    """One study whose events are told one by one."""

    def __init__(self, parts, clock):
        self.parts, self.clock = parts, clock
        self.hospital = make.make_hospital(parts)
        self.study_id = make.make_study(parts, self.hospital)
        self.series_id = new_id()
        self.do(lambda session, _: session.add(self._series(clock())))

    def _series(self, now):
        return Series(
            id=self.series_id, hospital_id=self.hospital, study_id=self.study_id, series_instance_uid="1.2", modality="CT",
            changes=0, preview_changes=0, created_at=now,
        )  # fmt: skip

    def do(self, act):
        with unit_of_work(self.parts, make.Scope(hospital=self.hospital)) as session:
            study = session.scalars(select(Study)).one()
            result = act(session, study)
            session.flush()
            return result

    def arrive(self, *uids, other_content=False):
        def act(session, study):
            session.add_all(self._instance(uid) for uid in uids)
            session.get_one(Series, self.series_id).changes += 1
            study_state.arrive(session, self.parts, study, other_content=other_content, now=self.clock())

        self.do(act)

    def _instance(self, uid):
        return Instance(
            study_id=self.study_id, sop_instance_uid=uid, hospital_id=self.hospital, series_id=self.series_id,
            sop_class_uid="1.2", current_digest=b"d",
        )  # fmt: skip

    def call(self, expected=None, manifest=()):
        self.do(
            lambda session, study: study_state.call_complete(
                session, study, expected=expected, manifest=manifest, now=self.clock()
            )
        )

    def settle(self):
        return self.do(lambda session, _: study_state.settle(session, self.parts, self.study_id, now=self.clock()))

    def render(self):
        def act(session, _):
            series = session.get_one(Series, self.series_id)
            series.preview_changes = series.changes
            session.flush()
            study_state.rendered(session, self.study_id, now=self.clock())

        self.do(act)

    def tell(self):
        """What announcing notes."""

        def act(session, study):
            study.announced_revision = study.consequence
            study.announced_incomplete = study_state.missing(session, study) > 0

        self.do(act)

    def complete(self):
        assert self.settle() is None
        self.render()
        assert self.state == READY

    @property
    def state(self):
        return self.do(lambda _, study: study.state)

    @property
    def numbers(self):
        return self.do(lambda _, study: (study.revision, study.consequence))

    @property
    def owed(self):
        return self.do(
            lambda session, _: set(session.scalars(select(OutboxEntry.topic).where(OutboxEntry.closed_at.is_(None))))
        )


@pytest.fixture
def life(parts):
    return Life(*make.with_clock(parts))


def test_a_study_settles_once_it_is_quiet(life):
    life.arrive("1.2.1")
    assert life.settle() == make.NOON + timedelta(seconds=60)
    life.clock.forward(seconds=59)
    assert life.settle() is not None
    life.clock.forward(seconds=1)
    assert life.settle() is None
    assert life.state == RENDERING
    assert life.owed == {SETTLE, RENDER}


def test_every_arrival_starts_the_quiet_anew(life):
    life.arrive("1.2.1")
    life.clock.forward(seconds=50)
    life.arrive("1.2.2")
    life.clock.forward(seconds=59)
    assert life.settle() is not None


def test_called_complete_it_settles_at_once(life):
    life.arrive("1.2.1")
    life.call()
    assert life.settle() is None
    assert life.do(lambda _, study: study.completed_by) == "call"


def test_a_call_before_the_first_instance_completes_nothing(life):
    life.call()
    assert life.settle() is None
    assert life.state == RECEIVING
    life.arrive("1.2.1")
    assert life.settle() is not None


@pytest.mark.parametrize("promise", [{"expected": 2}, {"manifest": ("1.2.1", "1.2.2")}])
def test_what_was_promised_settles_it_the_moment_it_is_there(life, promise):
    life.call(**promise)
    life.arrive("1.2.1")
    assert life.settle() is not None
    life.arrive("1.2.2")
    assert life.settle() is None
    assert life.do(lambda _, study: study.completed_by) == "manifest"


def test_an_instance_outside_the_manifest_does_not_stand_in_for_one_inside(life):
    life.call(manifest=("1.2.1", "1.2.2"))
    life.arrive("1.2.1", "1.2.9")
    assert life.settle() is not None
    assert life.do(study_state.missing) == 1


def test_it_is_ready_when_the_last_series_has_its_previews(life):
    other = new_id()

    def second_series(session, _):
        row = life._series(life.clock())
        row.id, row.series_instance_uid, row.changes = other, "1.3", 1
        session.add(row)

    life.arrive("1.2.1")
    life.do(second_series)
    life.call()
    life.settle()
    life.render()
    assert life.state == RENDERING
    life.do(lambda session, _: setattr(session.get_one(Series, other), "preview_changes", 1))
    life.render()
    assert life.state == READY
    assert ANNOUNCE in life.owed


def test_previews_of_a_study_that_was_reopened_do_not_make_it_ready(life):
    life.arrive("1.2.1")
    life.call()
    life.settle()
    life.arrive("1.2.2")
    life.render()
    assert life.state == RECEIVING


class TestConsequence:
    @pytest.fixture
    def told(self, life):
        life.arrive("1.2.1")
        life.call()
        life.complete()
        life.tell()
        assert life.numbers == (1, 1)
        return life

    def test_a_late_instance_raises_the_revision_only(self, told):
        told.arrive("1.2.2")
        assert told.state == RECEIVING
        told.call()
        told.complete()
        assert told.numbers == (2, 1)

    def test_other_content_in_place_of_what_was_seen_is_told(self, told):
        told.arrive("1.2.2", other_content=True)
        told.arrive("1.2.3", other_content=True)
        told.call()
        told.complete()
        assert told.numbers == (2, 2)

    def test_other_content_before_anybody_was_told_is_not(self, life):
        life.arrive("1.2.1")
        life.arrive("1.2.2", other_content=True)
        life.call()
        life.complete()
        assert life.numbers == (1, 1)

    def test_what_was_promised_and_missing_is_told_when_it_has_come(self, life):
        life.call(expected=3)
        life.arrive("1.2.1")
        life.clock.forward(seconds=60)
        life.complete()
        life.tell()
        life.arrive("1.2.2")
        life.clock.forward(seconds=60)
        life.complete()
        assert life.numbers == (2, 1)
        life.arrive("1.2.3")
        life.complete()
        assert life.numbers == (3, 2)
        life.tell()
        life.arrive("1.2.4")
        life.complete()
        assert life.numbers == (4, 2)

    @pytest.mark.parametrize(("status", "consequence"), [("preliminary", 1), ("final", 2), ("amended", 2)])
    def test_a_final_report_is_told_and_a_preliminary_is_not(self, told, status, consequence):
        for _ in range(2):  # a second before the first was told is the same news
            told.do(lambda session, study: study_state.report_changed(session, study, status=status, now=told.clock()))
        assert told.numbers == (1, consequence)

    def test_a_report_before_the_first_message_is_part_of_it(self, life):
        life.arrive("1.2.1")
        life.call()
        life.complete()
        life.do(lambda session, study: study_state.report_changed(session, study, status="final", now=life.clock()))
        assert life.numbers == (1, 1)
