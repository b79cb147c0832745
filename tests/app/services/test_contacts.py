"""Telephone numbers: one form, the right country, and only those that take messages."""

import pytest

from app.core.errors import InvalidInput
from app.services.contacts import parse_phone


@pytest.mark.parametrize(
    ("text", "zone", "number"),
    [
        ("138 0013 8000", "Asia/Shanghai", "+8613800138000"),
        ("１３８００１３８０００", "Asia/Shanghai", "+8613800138000"),
        ("+33 6 12 34 56 78", "Asia/Shanghai", "+33612345678"),
        ("06 12 34 56 78", "Europe/Paris", "+33612345678"),
        ("6123 4567", "Asia/Hong_Kong", "+85261234567"),
        ("(650) 253-0000", "America/Los_Angeles", "+16502530000"),
        ("138 0013 8000", "UTC", "+8613800138000"),
    ],
)
def test_a_mobile_number_gets_the_country_of_the_hospitals_zone(text, zone, number):
    assert parse_phone(text, zone) == number


def test_a_number_of_a_range_that_the_plan_does_not_know_is_taken():
    assert parse_phone("+33639980000", "Asia/Shanghai") == "+33639980000"


@pytest.mark.parametrize(
    "text", ["020 6600 1234", "+33 1 42 34 56 78", "+1 800 253 0000", "1380013", "138001380001380013", "call me", "+"]
)
def test_other_numbers_are_refused_without_being_repeated(text):
    with pytest.raises(InvalidInput) as refused:
        parse_phone(text, "Asia/Shanghai")
    (error,) = refused.value.errors
    assert error.pointer == "/phone"
    assert text not in str(refused.value)
