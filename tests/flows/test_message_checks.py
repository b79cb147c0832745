"""When a message is written and when it is sent: checks at the send, the hospital's night, revisions."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from app.access.principals import HospitalClient
from app.audit.events import Event
from app.core.identifiers import new_id
from app.models.imaging import Study
from app.models.notifications import Notification, Suppression
from app.models.patients import ContactPoint, Patient
from app.services import announcing, dispatching, keys, links, matching, study_control, study_state
from app.services.hospitals import add_trial_number
from app.services.unit_of_work import reading, unit_of_work
from demo.carrier_callbacks import Fault
from tests import factories as make
from tests.flows.line import SILENT, tell_of_a_change


class TestCheckedAtTheSend:
    """Everything was right when the announcement was written."""

    def patient(self, line, **columns):
        make.change(line.parts, line.case, Patient, line.case.patient, **columns)

    def dies(self, line):
        self.patient(line, deceased=True)

    def is_protected(self, line):
        self.patient(line, protected=True)

    def opts_out(self, line):
        self.patient(line, opted_out=True)

    def asks_for_the_doctor(self, line):
        self.patient(line, after_my_doctor=True)

    def is_held(self, line):
        make.change(line.parts, line.case, Study, line.case.study, held_at=line.clock())

    def changes_number(self, line):
        with unit_of_work(line.parts, line.case.scope) as session:
            session.execute(update(ContactPoint).values(ended_at=line.clock()))

    def is_suppressed(self, line):
        with unit_of_work(line.parts, line.case.scope) as session:
            index = keys.index_of(line.parts.keys, "phone", make.PHONE)[1]
            now = line.clock()
            session.add(Suppression(hospital_id=line.case.hospital, value_index=index, channel="sms", created_at=now))

    def was_the_wrong_patient(self, line):
        with unit_of_work(line.parts, line.case.scope) as session:
            study = session.scalars(select(Study)).one()
            matching.undo(session, line.parts, study, by="tests", reason="wrong-person", now=line.clock())

    @pytest.mark.both_databases
    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            (dies, ("failed", "deceased")),
            (is_protected, ("failed", "protected")),
            (opts_out, ("failed", "opted-out")),
            (is_suppressed, ("failed", "opted-out")),
            (changes_number, ("expired", "number-changed")),
            (was_the_wrong_patient, ("expired", "match-undone")),
            (is_held, ("held", "study-held")),
            (asks_for_the_doctor, ("held", "not-released")),
        ],
    )
    def test_what_changed_since_stops_the_message(self, line, event, expected):
        line.announced()
        event(self, line)
        line.send()
        line.send(days=1)
        assert line.told == expected
        assert line.texts == []
        assert line.attempts == []
        assert [(row.outcome, row.reason) for row in make.events(line.parts, Event.MESSAGE_FATE)] == [expected]

    def test_a_report_that_comes_during_a_hold_is_told_in_the_one_first_message(self, line):
        line.announced()
        self.is_held(line)
        line.send()
        make.change(line.parts, line.case, Study, line.case.study, held_at=None)
        tell_of_a_change(line)
        with unit_of_work(line.parts, line.case.scope) as session:
            announcing.wake(session, session.scalars(select(Study)).one(), now=line.clock())
        line.send(SILENT)
        first, second = line.rows(Notification)
        assert (first.state, first.reason) == ("expired", "superseded")
        assert (second.state, second.template) == ("accepted", "study-ready")
        assert len(line.texts) == 1

    def test_a_number_whose_holder_said_not_mine_gets_nothing_until_the_hospital_says_so(self, line):
        line.announced()
        line.send(SILENT)
        (token,) = [text.rpartition("/s/")[2] for text in line.texts]
        links.switch_off(line.parts, links.look(line.parts, token), token)
        tell_of_a_change(line)
        line.send()
        with reading(line.parts, line.case.scope) as session:
            study = session.scalars(select(Study)).one()
            assert announcing.waits_for(session, study, now=line.clock()).reason == "number-refused"
        assert len(line.texts) == 1
        client = HospitalClient(line.case.hospital, new_id())
        with unit_of_work(line.parts, line.case.scope) as session:
            study_control.send_again(session, line.parts, client, study.study_instance_uid)
        line.send(SILENT)
        assert len(line.texts) == 2

    def test_it_is_checked_again_before_a_repetition(self, line):
        line.announced()
        line.send(Fault(status=429, code=20429))
        self.dies(line)
        line.send(hours=1)
        assert line.told == ("failed", "deceased")
        assert line.texts == []

    def test_what_a_hold_kept_back_is_sent_after_it(self, line):
        line.announced()
        self.is_held(line)
        line.send()
        make.change(line.parts, line.case, Study, line.case.study, held_at=None)
        with unit_of_work(line.parts, line.case.scope) as session:
            (row_id,) = dispatching.requeue_held(session, line.case.study, "study-held", now=line.clock())
            announcing.owe(
                session, line.case.hospital, announcing.DISPATCH, str(row_id), due_at=line.clock(), now=line.clock()
            )
        line.send(SILENT)
        assert line.told == ("accepted", None)

    def test_trial_mode_writes_to_listed_numbers_only_and_shows_the_rest(self, line):
        line.announced(live=False)
        line.send()
        assert line.told == ("held", "trial-mode")
        listed = make.make_case(line.parts, "yz2", live=False)
        with unit_of_work(line.parts, listed.scope) as session:
            add_trial_number(session, line.parts, listed.hospital, make.PHONE)
        make.announce(line.parts, listed)
        line.send()
        assert len(line.texts) == 1


class TestNight:
    def at(self, line, moment, **hospital):
        line.clock.moment = moment
        line.announced(quiet_hours="21:00-08:00", **hospital)
        line.send()

    @pytest.mark.parametrize(
        ("zone", "night", "morning"),
        [
            ("Asia/Shanghai", "2026-03-02T15:00", "2026-03-03T00:00"),
            ("Europe/Paris", "2026-03-28T22:30", "2026-03-29T06:00"),  # clocks go forward in this night
            ("Europe/Paris", "2026-10-24T21:30", "2026-10-25T07:00"),  # and back in this one
            ("Pacific/Auckland", "2026-03-02T09:00", "2026-03-02T19:00"),  # UTC is a day behind
            ("Pacific/Apia", "2026-03-02T09:00", "2026-03-02T19:00"),
        ],
    )
    def test_nothing_is_sent_in_the_hospitals_night(self, line, zone, night, morning):
        ends = datetime.fromisoformat(morning).replace(tzinfo=UTC)
        self.at(line, datetime.fromisoformat(night).replace(tzinfo=UTC), time_zone=zone)
        line.clock.moment = ends - timedelta(seconds=1)
        line.send()
        assert line.texts == []
        line.clock.moment = ends
        line.send(SILENT)
        assert len(line.texts) == 1

    def test_an_urgent_order_is_told_at_night(self, line):
        line.clock.moment = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
        hospital = make.make_hospital(line.parts, quiet_hours="21:00-08:00")
        patient = make.make_patient(line.parts, hospital)
        order = make.make_order(line.parts, hospital, patient, priority="urgent")
        line.case = make.Case(hospital, patient, order, make.make_study_ready(line.parts, hospital, order))
        make.announce(line.parts, line.case)
        line.send(SILENT)
        assert len(line.texts) == 1

    def test_a_repetition_too_waits_for_the_morning(self, line):
        line.clock.moment = datetime(2026, 3, 2, 12, 59, 50, tzinfo=UTC)
        line.announced(quiet_hours="21:00-08:00")
        line.send(Fault(status=429, code=20429))
        line.send(SILENT, minutes=30)
        assert line.texts == []
        line.send(hours=11)
        assert len(line.texts) == 1


class TestRevisions:
    def test_a_change_of_consequence_is_told_once_more(self, line):
        line.announced()
        line.send(SILENT)
        tell_of_a_change(line)
        make.announce(line.parts, line.case)
        line.send(SILENT)
        assert len(line.texts) == 2
        assert "有更新" in line.texts[1]
        assert [row.subject_revision for row in line.rows(Notification)] == [1, 2]

    @pytest.mark.parametrize("status", ["preliminary"])
    def test_a_change_without_consequence_is_not_told(self, line, status):
        line.announced()
        line.send(SILENT)
        with unit_of_work(line.parts, line.case.scope) as session:
            study = session.scalars(select(Study)).one()
            study_state.report_changed(session, study, status=status, now=line.clock())
            study.revision += 1  # a late instance: the study was completed again
        make.announce(line.parts, line.case)
        line.send()
        assert len(line.texts) == 1

    @pytest.mark.both_databases
    def test_many_announcements_at_once_write_one_notification(self, line):
        line.case = make.make_case(line.parts)
        with ThreadPoolExecutor(4) as workers:
            list(workers.map(lambda _: make.announce(line.parts, line.case), range(4)))
        with reading(line.parts, line.case.scope) as session:
            assert session.scalar(select(func.count()).select_from(Notification)) == 1

    @pytest.mark.parametrize(
        ("break_it", "reason"),
        [
            ({"held_at": make.NOON}, "held"),
            ({"complete_at": None}, "not-complete"),
            ({"state": "rendering"}, "rendering"),
            ({"patient_id": None, "kept_apart_from": make.new_id()}, "match-undone"),
        ],
    )
    def test_what_cannot_be_opened_is_not_announced(self, line, break_it, reason):
        line.case = make.make_case(line.parts)
        make.change(line.parts, line.case, Study, line.case.study, **break_it)
        make.announce(line.parts, line.case)
        assert line.rows(Notification) == []
        with reading(line.parts, line.case.scope) as session:
            gate = announcing.waits_for(session, session.scalars(select(Study)).one(), now=line.clock())
        assert gate.reason == reason
