"""What a patient types to prove a fact, turned from untrusted text into a value; malformed input spends no try."""

import re
import unicodedata
from datetime import date
from typing import Literal

from app.services.facts import OLDEST_YEAR

Problem = Literal["incomplete", "impossible_date"]
_WHOLE_DATE = re.compile(r"(\d{4})(?:\D(\d{1,2})\D(\d{1,2})\D?|(\d{2})(\d{2}))")
_VISIT_NUMBER_LENGTH = 64


def parse_birth_date(y: str, m: str, d: str, *, today: date) -> date | Problem:
    """Read a date of birth from three boxes, or from a whole date pasted into the first.

    Parameters
    ----------
    y, m, d : str
        As typed: ``3`` and ``03`` alike, full-width digits, spaces, or ``19490312`` in ``y`` with the others empty.
    today : date
        In the hospital's time zone; nobody is born later.

    Returns
    -------
    date or {"incomplete", "impossible_date"}
        The date, or what is the matter with the input.
    """
    texts = [_normalised(text) for text in (y, m, d)]
    whole = _WHOLE_DATE.fullmatch(texts[0])
    if whole and not texts[1] and not texts[2]:
        texts = [part for part in whole.groups() if part]
    if not (re.fullmatch(r"\d{4}", texts[0]) and all(re.fullmatch(r"\d{1,2}", text) for text in texts[1:])):
        return "incomplete"
    return _date_of(*(int(text) for text in texts), today=today)


def _date_of(year: int, month: int, day: int, *, today: date) -> date | Problem:
    try:
        born = date(year, month, day)
    except ValueError:
        return "impossible_date"
    return born if born.year >= OLDEST_YEAR and born <= today else "impossible_date"


def parse_id_last4(text: str) -> str | Problem:
    """Read the last four characters of an ID number: digits, letters of a passport, X of a Chinese one."""
    last4 = _normalised(text).upper()
    return last4 if re.fullmatch(r"[0-9A-Z]{4}", last4) else "incomplete"


def parse_visit_number(text: str) -> str | Problem:
    """Read a visit number: whatever the hospital prints, without spaces."""
    visit_number = _normalised(text)
    return visit_number if 0 < len(visit_number) <= _VISIT_NUMBER_LENGTH else "incomplete"


def mask_name(name: str) -> str:
    """Return the first character and always two stars, whatever the real length: ``王**``, ``W**``."""
    return f"{name.strip()[:1].upper()}**"


def _normalised(text: str) -> str:
    """Full-width digits become ASCII (NFKC); spaces go."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))
