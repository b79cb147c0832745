import pytest

from demo.doors import Receipt
from demo.telling import _stage


def study(state, *, reason=None, messages=()):
    return {"state": state, "waits_for": {"reason": reason} if reason else None, "messages": list(messages)}


@pytest.mark.parametrize(
    ("seen", "stage"),
    [
        (study("receiving", reason="receiving"), "receiving"),
        (study("ready"), "ready"),
        (study("ready", reason="order-unknown"), "ready, waits for: order-unknown"),
        (study("ready", messages=[{"state": "accepted", "reason": None}]), "message accepted"),
        (study("ready", messages=[{"state": "held", "reason": "trial-mode"}]), "message held, trial-mode"),
    ],
)
def test_where_a_study_stands_is_said_in_a_few_words(seen, stage):
    assert _stage(seen) == stage


def test_receipt_says_what_was_refused_and_why():
    receipt = Receipt(stored=3)
    assert str(receipt) == "3 instances stored"
    receipt.refused.update([0xA700, 0xC000, 0xA700])
    assert str(receipt) == "3 instances stored; refused: 2 with A700, 1 with C000"
    assert receipt.sent == 6
