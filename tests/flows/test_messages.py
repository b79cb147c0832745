"""Law 2: what is announced, sent, repeated and given up, against a carrier that keeps state, over real HTTP."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import requests
from sqlalchemy import select

from app.audit.events import Event
from app.models.links import AccessToken
from app.models.notifications import DeliveryAttempt, DeliveryReceipt, Suppression
from app.models.patients import Patient
from app.notify.compose import utf16_units
from app.services import dispatching, links
from app.services.unit_of_work import reading
from demo.carrier_callbacks import Fault, sign
from tests import factories as make
from tests.flows.line import AFTER, AUTH_TOKEN, SILENT, claim_one, die, tell_of_a_change


class TestOnce:
    @pytest.mark.both_databases
    def test_a_study_is_told_once_and_its_callbacks_carry_it_to_delivered(self, line):
        line.announced()
        line.send()
        line.until(lambda: line.told == ("delivered", None))
        make.announce(line.parts, line.case)
        line.send(hours=1)
        assert len(line.texts) == 1
        assert line.attempts == [(1, "delivered")]
        statuses = {row.provider_status for row in line.rows(DeliveryReceipt)}
        assert statuses == {"queued", "sent", "delivered"}
        link = line.texts[0].split("：")[-1]
        assert link.startswith(f"{line.parts.settings.public_url}/s/")
        assert links.look(line.parts, link.rsplit("/", 1)[1]).why == ""

    @pytest.mark.both_databases
    def test_two_workers_at_once_send_each_message_once(self, line):
        line.announced()
        for number in range(5):
            patient = make.make_patient(line.parts, line.case.hospital, phone=f"+861380013900{number}")
            order = make.make_order(line.parts, line.case.hospital, patient)
            study = make.make_study_ready(line.parts, line.case.hospital, order)
            make.announce(line.parts, make.Case(line.case.hospital, patient, order, study))
        with ThreadPoolExecutor(3) as workers:
            list(workers.map(lambda _: make.dispatch_all(line.parts), range(3)))
        assert len(line.texts) == 6
        assert len({message.to for message in line.carrier.messages}) == 6
        assert [number for number, _ in line.attempts] == [1] * 6

    @pytest.mark.both_databases
    def test_a_worker_that_was_thought_dead_and_its_heir_send_once(self, line):
        """The lease ran out while the first was still talking to the carrier."""
        line.announced()
        line.carrier.fail_next(replace(SILENT, delay=0.6))
        first = claim_one(line)
        thread = threading.Thread(target=dispatching.dispatch, args=(line.parts, first))
        thread.start()
        line.carrier.wait_for(lambda messages: len(messages) == 1)
        line.clock.forward(minutes=6)
        line.send()
        assert line.attempts == [(1, "uncertain")]
        thread.join()
        assert line.attempts == [(1, "accepted")]
        line.send(hours=2)
        assert len(line.texts) == 1
        assert line.told == ("accepted", None)

    def test_the_message_says_nothing_of_the_examination_and_fits_one_part(self, line):
        line.announced()
        line.send()
        (text,) = line.texts
        assert text.startswith("【云泽一院】")
        assert utf16_units(text) <= 70
        for word in ("王", "胸", "CT", "报告", "影像"):
            assert word not in text

    @pytest.mark.parametrize(
        ("patients", "hospitals", "begins"),
        [("fr", "zh", "云泽一院 : un document"), ("en", "zh", "云泽一院: something"), (None, "fr", "云泽一院 : un")],
    )
    def test_the_message_speaks_the_patients_language_else_the_hospitals(self, line, patients, hospitals, begins):
        line.case = make.make_case(line.parts, language=hospitals)
        make.change(line.parts, line.case, Patient, line.case.patient, language=patients)
        make.announce(line.parts, line.case)
        line.send()
        assert line.texts[0].startswith(begins)


class TestUncertain:
    @pytest.mark.both_databases
    def test_a_crash_before_the_record_is_repeated_once_and_never_twice(self, line):
        line.announced()
        die(line, sends=False)
        line.send(minutes=6)
        assert line.told == ("uncertain", None)
        assert line.texts == []
        line.send(minutes=14)
        assert line.attempts == [(1, "uncertain")]
        line.clock.forward(minutes=2)
        line.carrier.fail_next(SILENT)
        die(line, sends=True)
        assert line.attempts == [(1, "uncertain"), (2, "sending")]
        for _ in range(4):
            line.send(minutes=30)
        assert line.attempts == [(1, "uncertain"), (2, "uncertain")]
        assert line.told == ("failed", "fate-unknown")
        assert len(line.texts) == 1
        assert [row.reason for row in make.events(line.parts, Event.MESSAGE_FATE)] == ["fate-unknown"]

    @pytest.mark.both_databases
    def test_a_callback_reconciles_what_a_crash_left_open(self, line):
        line.announced()
        line.carrier.fail_next(SILENT)
        die(line, sends=True)
        line.send(minutes=6)
        assert line.told == ("uncertain", None)
        assert line.callback("delivered").status_code == 204
        assert line.told == ("delivered", None)
        line.send(hours=1)
        assert len(line.texts) == 1

    def test_the_repetition_waits_for_the_callback_first(self, line):
        line.announced()
        line.send(replace(SILENT, lose_reply=True))
        line.send(minutes=14)
        assert len(line.texts) == 1
        line.send(SILENT, minutes=2)
        assert len(line.texts) == 2
        assert line.attempts == [(1, "uncertain"), (2, "accepted")]
        line.send(days=1)
        assert len(line.texts) == 2

    @pytest.mark.parametrize(
        "fault", [replace(SILENT, lose_reply=True), replace(SILENT, delay=1.5), Fault(status=500), Fault(status=502)]
    )
    def test_an_answer_that_says_nothing_leaves_the_fate_open(self, line, fault):
        line.announced()
        line.send(fault)
        assert line.told == ("uncertain", None)
        assert line.attempts == [(1, "uncertain")]

    def test_a_lost_reply_is_reconciled_by_the_carriers_own_callbacks(self, line):
        line.announced()
        line.send(Fault(lose_reply=True))
        line.until(lambda: line.told == ("delivered", None))
        line.send(hours=1)
        assert len(line.texts) == 1

    def test_each_attempt_carries_a_token_of_its_own(self, line):
        line.announced()
        line.send(replace(SILENT, lose_reply=True))
        line.send(SILENT, seconds=AFTER.total_seconds())
        first, second = line.texts
        assert first != second
        with reading(line.parts, line.case.scope) as session:
            attempts = set(session.scalars(select(AccessToken.attempt_id)))
        assert attempts == {row.id for row in line.rows(DeliveryAttempt)}


class TestRefusals:
    @pytest.mark.parametrize(("status", "code"), [(429, 20429), (500, 20500), (503, 0), (401, 20003)])
    def test_what_may_pass_is_tried_for_half_a_day_with_new_numbers(self, line, status, code):
        line.announced()
        most = dispatching.MAX_ATTEMPTS
        for number in range(1, most + 3):
            line.send(Fault(status=status, code=code))
            if number < most:
                assert line.told[0] == "queued"
            line.clock.forward(hours=9)
        assert line.attempts == [(number, "failed") for number in range(1, most + 1)]
        assert line.told[0] == "failed"
        assert line.texts == []

    def test_a_passing_trouble_ends_with_one_message(self, line):
        line.announced()
        line.send(Fault(status=429, code=20429))
        line.send(seconds=29)
        assert line.texts == []
        line.send(SILENT, seconds=2)
        assert len(line.texts) == 1
        assert line.attempts == [(1, "failed"), (2, "accepted")]
        assert line.told == ("accepted", None)

    @pytest.mark.parametrize("code", [21211, 21408, 21606, 21614, 21617, 30004, 30005, 30006, 30007, 21999])
    def test_what_will_not_pass_is_tried_once(self, line, code):
        line.announced()
        line.send(Fault(status=400, code=code))
        line.send(days=1)
        assert line.attempts == [(1, "failed")]
        assert line.told == ("failed", str(code))
        assert [row.outcome for row in make.events(line.parts, Event.MESSAGE_FATE)] == ["failed"]

    def test_an_answer_of_stop_is_remembered_for_the_number(self, line):
        line.announced()
        line.send(Fault(status=400, code=21610))
        assert line.told == ("failed", "21610")
        tell_of_a_change(line)
        line.send(hours=1)
        assert line.told == ("failed", "opted-out")
        assert line.attempts == [(1, "failed")]

    def test_a_stop_known_only_to_a_callback_is_remembered_too(self, line):
        line.announced()
        line.send(SILENT)
        line.callback("undelivered", ErrorCode="21610")
        assert line.told == ("failed", "21610")
        assert len(line.rows(Suppression)) == 1

    @pytest.mark.parametrize("outcome", ["undelivered", "failed"])
    def test_what_the_carrier_could_not_deliver_is_failed_with_its_code(self, line, outcome):
        line.announced()
        line.send(Fault(outcome=outcome, error_code=30005))
        line.until(lambda: line.told == ("failed", "30005"))


class TestCallbacks:
    @pytest.fixture
    def accepted(self, line):
        line.announced()
        line.send(SILENT)
        return line

    def test_a_late_word_never_undoes_a_delivery(self, accepted):
        for status in ("delivered", "sent", "queued", "failed", "undelivered"):
            assert accepted.callback(status).status_code == 204
            assert accepted.told == ("delivered", None)
        assert accepted.attempts == [(1, "delivered")]

    def test_callbacks_in_any_order_and_twice_end_alike(self, line):
        line.announced()
        line.send(Fault(callbacks="reversed"))
        line.until(lambda: len(line.rows(DeliveryReceipt)) == 3)
        assert line.told == ("delivered", None)
        tell_of_a_change(line)
        line.send(Fault(callbacks="twice"))
        line.until(lambda: len(line.rows(DeliveryReceipt)) == 6)
        assert [state for _, state in line.attempts] == ["delivered", "delivered"]

    @pytest.mark.both_databases
    def test_a_callback_that_comes_many_times_at_once_is_stored_once(self, accepted):
        attempt = accepted.rows(DeliveryAttempt)[0]
        with ThreadPoolExecutor(6) as posts:
            answers = list(posts.map(lambda _: accepted.callback("delivered", attempt).status_code, range(6)))
        assert set(answers) == {204}
        assert len(accepted.rows(DeliveryReceipt)) == 1
        assert len(make.events(accepted.parts, Event.MESSAGE_FATE)) == 1

    def test_a_callback_faster_than_the_reply_keeps_its_word(self, line):
        line.announced()
        line.send(Fault(delay=0.5))
        assert line.told == ("delivered", None)
        assert line.attempts == [(1, "delivered")]
        assert line.rows(DeliveryAttempt)[0].provider_reference == line.carrier.messages[0].reference

    def test_late_news_of_a_first_attempt_does_not_undo_the_second(self, line):
        line.announced()
        line.send(replace(SILENT, lose_reply=True))
        line.send(SILENT, seconds=AFTER.total_seconds())
        first, second = line.rows(DeliveryAttempt)
        line.callback("delivered", second)
        line.callback("failed", first, ErrorCode="30005")
        assert line.told == ("delivered", None)
        assert line.attempts == [(1, "failed"), (2, "delivered")]

    def test_the_payload_is_kept_encrypted(self, accepted, database):
        accepted.callback("delivered")
        assert make.PHONE not in str(make.everything(database))
        assert accepted.rows(DeliveryReceipt)[0].payload_sealed

    @pytest.mark.parametrize("forged", ["token", "missing", "field", "address"])
    def test_a_forged_callback_is_refused_and_changes_nothing(self, accepted, database, forged):
        row = accepted.rows(DeliveryAttempt)[0]
        url = f"{accepted.parts.settings.public_url}/webhooks/twilio/{row.id}"
        form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
        signature = sign("another" if forged == "token" else AUTH_TOKEN, url, form)
        headers = {} if forged == "missing" else {"X-Twilio-Signature": signature}
        if forged == "field":
            form["MessageStatus"] = "failed"
        if forged == "address":
            url = url.replace(str(row.id), "00000000-0000-7000-8000-000000000000")
        before = make.everything(database)
        assert requests.post(url, data=form, headers=headers, timeout=10).status_code == 403
        assert make.everything(database) == before

    def test_a_callback_for_an_unknown_attempt_finds_nothing(self, accepted):
        row = accepted.rows(DeliveryAttempt)[0]
        row.id = row.notification_id
        assert accepted.callback("delivered", row).status_code == 404
