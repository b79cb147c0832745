"""The carrier misbehaves in every way that it can; what counts are the bodies that it accepted."""

import time
from dataclasses import replace

import pytest
import requests

from app.factory import build_parts
from app.models.notifications import DeliveryAttempt
from demo.carrier_callbacks import Fault, sign
from tests import factories as make
from tests.flows.line import AFTER, AUTH_TOKEN, SILENT, die
from tests.stand import free_port

pytestmark = pytest.mark.flow


def announced_to(line, count):
    """Tell several patients, one second after another; returns their numbers in that order."""
    line.announced()
    numbers = [make.PHONE]
    for number in range(1, count):
        patient = make.make_patient(line.parts, line.case.hospital, phone=f"+861380013900{number}")
        order = make.make_order(line.parts, line.case.hospital, patient)
        study = make.make_study_ready(line.parts, line.case.hospital, order)
        line.clock.forward(seconds=1)
        make.announce(line.parts, make.Case(line.case.hospital, patient, order, study))
        numbers.append(f"+861380013900{number}")
    return numbers


class TestDown:
    @pytest.mark.both_databases
    @pytest.mark.parametrize(
        "weather",
        [Fault(status=503, reply="html"), Fault(status=429, code=20429), Fault(status=500, code=20500)],
        ids=["unavailable", "too many requests", "internal error"],
    )
    def test_an_hour_without_the_carrier_only_delays(self, line, weather):
        numbers = announced_to(line, 4)
        line.carrier.weather = weather
        for _ in range(12):
            line.send(minutes=5)
        assert line.texts == []
        assert [attempt.number for attempt in line.rows(DeliveryAttempt)].count(5) == 4, "it grows no storm"
        line.carrier.weather = SILENT
        for _ in range(13):
            line.send(minutes=5)
        assert [message.to for message in line.carrier.messages] == numbers
        line.send(days=2)
        assert len(line.texts) == 4

    def test_an_hour_in_which_nobody_listens_only_delays(self, line):
        numbers = announced_to(line, 2)
        nowhere = replace(line.parts.settings, twilio_base_url=f"http://127.0.0.1:{free_port()}")
        cut_off = replace(line.parts, channels=build_parts(nowhere).channels)
        for _ in range(12):
            line.clock.forward(minutes=5)
            make.dispatch_all(cut_off)
        assert line.told[0] == "queued"
        for _ in range(13):
            line.send(minutes=5)
        assert [message.to for message in line.carrier.messages] == numbers

    def test_a_token_that_cannot_be_read_sends_nothing_and_is_tried_again(self, line):
        line.announced()
        file = line.parts.settings.twilio_auth_token_file
        file.rename(file.with_suffix(".away"))
        line.send()
        assert line.attempts == [(1, "failed")]
        file.with_suffix(".away").rename(file)
        line.send(SILENT, seconds=31)
        assert len(line.texts) == 1

    def test_when_it_says_for_how_long_it_is_left_alone_for_so_long(self, line):
        line.announced()
        line.send(Fault(status=429, code=20429, retry_after=600))
        line.send(seconds=599)
        assert line.attempts == [(1, "failed")]
        line.send(SILENT, seconds=2)
        assert line.attempts == [(1, "failed"), (2, "accepted")]

    def test_a_pause_shorter_than_ours_does_not_hurry_us(self, line):
        line.announced()
        line.send(Fault(status=503, code=0, retry_after=1))
        line.send(seconds=29)
        assert line.attempts == [(1, "failed")]
        line.send(SILENT, seconds=2)
        assert len(line.texts) == 1


class TestStrangeAnswers:
    @pytest.mark.parametrize(
        "fault",
        [
            Fault(reply="truncated"),
            Fault(reply="list"),
            Fault(reply="html"),
            Fault(reply="endless"),
            Fault(delay=3),
            Fault(lose_reply=True),
        ],
        ids=lambda fault: "slow" if fault.delay else "lost" if fault.lose_reply else fault.reply,
    )
    def test_what_was_accepted_in_a_way_that_we_cannot_read_is_never_sent_again(self, line, fault):
        line.announced()
        began = time.monotonic()
        line.send(fault)
        assert time.monotonic() - began < 3, "the time limit holds for the whole exchange"
        line.until(lambda: line.told == ("delivered", None))
        line.send(days=1)
        assert line.attempts == [(1, "delivered")]
        assert len(line.texts) == 1

    def test_an_answer_within_the_time_limit_is_waited_for(self, line):
        line.announced()
        line.send(replace(SILENT, delay=0.7))
        assert line.told == ("accepted", None)

    def test_a_proxy_that_found_no_answer_leaves_the_fate_open(self, line):
        line.announced()
        line.send(Fault(status=502, reply="html"))
        assert line.told == ("uncertain", None)
        line.send(minutes=14)
        assert line.attempts == [(1, "uncertain")]
        line.send(SILENT, seconds=61)
        assert line.attempts == [(1, "uncertain"), (2, "accepted")]

    def test_a_proxy_that_refused_is_asked_again(self, line):
        line.announced()
        line.send(Fault(status=403, reply="html"))
        assert line.told[0] == "queued"
        line.send(SILENT, seconds=31)
        assert line.attempts == [(1, "failed"), (2, "accepted")]

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_it_is_not_followed_elsewhere(self, line, status):
        line.announced()
        line.send(Fault(status=status, reply="html"))
        assert line.texts == []
        assert line.attempts == [(1, "failed")]
        line.send(SILENT, seconds=31)
        assert len(line.texts) == 1


class TestLateWords:
    @pytest.mark.both_databases
    def test_a_callback_that_comes_days_later_still_counts_and_sends_nothing(self, line):
        line.announced()
        line.send(replace(SILENT, lose_reply=True))
        line.send(replace(SILENT, lose_reply=True), seconds=AFTER.total_seconds())
        line.send(seconds=AFTER.total_seconds())
        assert line.told == ("failed", "fate-unknown")
        line.clock.forward(days=5)
        assert line.callback("delivered", line.rows(DeliveryAttempt)[0]).status_code == 204
        assert line.told == ("delivered", None)
        line.send(days=1)
        assert len(line.texts) == 2, "the first, and its one repetition"

    def test_a_refusal_that_comes_after_a_crash_ends_the_waiting(self, line):
        line.announced()
        line.carrier.fail_next(SILENT)
        die(line, sends=True)
        line.callback("failed", ErrorCode="30005")
        line.send(days=1)
        assert line.told == ("failed", "30005")
        assert len(line.texts) == 1

    def test_a_signature_for_another_attempt_opens_nothing(self, line, database):
        line.announced()
        line.send(replace(SILENT, lose_reply=True))
        line.send(SILENT, seconds=AFTER.total_seconds())
        mine, other = (
            f"{line.parts.settings.public_url}/webhooks/twilio/{row.id}" for row in line.rows(DeliveryAttempt)
        )
        form = {"MessageSid": "SM1", "MessageStatus": "failed"}
        before = make.everything(database)
        for given in ("delivered", "failed"):
            headers = {"X-Twilio-Signature": sign(AUTH_TOKEN, other, form | {"MessageStatus": given})}
            answer = requests.post(mine, data=form | {"MessageStatus": given}, headers=headers, timeout=10)
            assert answer.status_code == 403
        assert make.everything(database) == before
