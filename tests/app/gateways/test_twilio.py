"""The pause that a carrier asks for, in either of its forms."""

import pytest

from app.gateways.twilio import _seconds_to_wait

NOW = "Mon, 02 Mar 2026 04:00:00 GMT"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Mon, 02 Mar 2026 04:10:00 GMT", 600),
        ("Mon, 02 Mar 2026 03:00:00 GMT", 0),
        ("99999999999999999999", 86_400),
        ("Fri, 02 Mar 2096 04:00:00 GMT", 86_400),
        ("-5", 0),
        ("soon", 0),
        ("١٢", 0),
        ("", 0),
    ],
)
def test_seconds_and_dates_are_read_and_anything_else_is_no_wish(text, seconds):
    assert _seconds_to_wait({"Retry-After": text, "Date": NOW}) == seconds


def test_a_date_without_the_carriers_own_clock_says_nothing():
    assert _seconds_to_wait({"Retry-After": NOW}) == 0
    assert _seconds_to_wait({"Retry-After": NOW, "Date": "Mon, 02 Mar 2026 03:00:00"}) == 0
