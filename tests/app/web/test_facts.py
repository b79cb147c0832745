from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web import facts

TODAY = date(2026, 3, 15)
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


@pytest.mark.parametrize(
    ("y", "m", "d"),
    [
        ("1949", "3", "12"),
        ("1949", "03", "12"),
        ("１９４９", "３", "１２"),
        (" 1949 ", "3 ", " 12"),
        ("19490312", "", ""),
        ("1949-03-12", "", ""),
        ("1949/3/12", "", ""),
        ("1949年3月12日", "", ""),
        ("１９４９０３１２", "", ""),
    ],
)
def test_a_birth_date_is_read_however_it_is_typed(y, m, d):
    assert facts.parse_birth_date(y, m, d, today=TODAY) == date(1949, 3, 12)


@pytest.mark.parametrize(
    ("y", "m", "d"),
    [
        ("", "", ""),
        ("49", "3", "12"),
        ("1949", "", "12"),
        ("1949", "3", ""),
        ("1949", "three", "12"),
        ("1949312", "", ""),
        ("19490312", "3", ""),
        ("1949", "123", "1"),
        ("-949", "3", "12"),
    ],
)
def test_what_is_no_whole_date_is_incomplete(y, m, d):
    assert facts.parse_birth_date(y, m, d, today=TODAY) == "incomplete"


@pytest.mark.parametrize(
    ("y", "m", "d"),
    [("1949", "2", "31"), ("1949", "13", "1"), ("1949", "0", "1"), ("2026", "3", "16"), ("1700", "1", "1")],
)
def test_a_day_that_never_was_is_impossible(y, m, d):
    assert facts.parse_birth_date(y, m, d, today=TODAY) == "impossible_date"


@given(st.dates(min_value=date(1900, 1, 1), max_value=TODAY))
def test_every_date_is_read_back_from_boxes_and_from_full_width_paste(born):
    assert facts.parse_birth_date(str(born.year), str(born.month), str(born.day), today=TODAY) == born
    assert facts.parse_birth_date(f"{born:%Y%m%d}".translate(WIDE), "", "", today=TODAY) == born


@given(st.text(), st.text(), st.text())
def test_no_text_makes_the_parsers_fail(y, m, d):
    assert facts.parse_birth_date(y, m, d, today=TODAY) is not None
    assert facts.parse_id_last4(y) is not None
    assert facts.parse_visit_number(m) is not None


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("123x", "123X"),
        ("１２３４", "1234"),
        (" 1 2 3 X", "123X"),
        ("123", "incomplete"),
        ("x123", "X123"),
        ("12-4", "incomplete"),
    ],
)
def test_an_id_number_ends_in_digits_or_letters(typed, expected):
    assert facts.parse_id_last4(typed) == expected


@pytest.mark.parametrize(
    ("typed", "expected"), [(" ＭＺ 0042 ", "MZ0042"), ("", "incomplete"), ("9" * 65, "incomplete")]
)
def test_a_visit_number_loses_its_spaces_only(typed, expected):
    assert facts.parse_visit_number(typed) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("王小明", "王**"), ("欧阳", "欧**"), ("wang xiaoming", "W**"), ("  李", "李**"), ("", "**")]
)
def test_a_masked_name_tells_nothing_of_its_length(name, expected):
    assert facts.mask_name(name) == expected
