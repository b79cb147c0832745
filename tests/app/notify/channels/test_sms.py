"""Reading a carrier's answer: the table of codes, and what an answer without a code means."""

import pytest

from app.notify.channels.base import Fate
from app.notify.channels.sms import fate_of


@pytest.mark.parametrize(
    ("fate", "codes"),
    [
        (Fate.PERMANENT, [21211, 21212, 21606, 21408, 21614, 21617, 30004, 30005, 30006, 30007, 21000, 21999]),
        (Fate.OPTED_OUT, [21610]),
        (Fate.TRANSIENT, [20429, 30001, 30003, 30008, 20500, 99999, 1]),
        (Fate.MISCONFIGURED, [20003, 30002]),
    ],
)
def test_codes(fate, codes):
    assert {code: fate_of(code, 400) for code in codes} == dict.fromkeys(codes, fate)


@pytest.mark.parametrize(
    ("http_status", "fate"),
    [(429, Fate.TRANSIENT), (503, Fate.TRANSIENT), (500, Fate.UNKNOWN), (502, Fate.UNKNOWN), (None, Fate.UNKNOWN)],
)
def test_without_a_code_only_what_was_surely_not_processed_is_tried_again(http_status, fate):
    assert fate_of(None, http_status) is fate
