"""Every word the phone pages say, in the patient's language.

The phrases stand in ``words.toml`` beside this file, so that a translator needs no Python. ``en_one`` and ``fr_one``
are the singular forms, chosen by the value ``n``; Chinese has none.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

Lang = Literal["zh", "en", "fr"]
LANGUAGES: tuple[Lang, ...] = get_args(Lang)
LANGUAGE_TAGS: Mapping[Lang, str] = MappingProxyType({"zh": "zh-CN", "en": "en", "fr": "fr"})
_THOUSANDS: Mapping[Lang, str] = MappingProxyType({"zh": "", "en": ",", "fr": "\u202f"})
_LARGEST_FRENCH_SINGULAR = 1


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Read the phrases once; French gets its no-break space before high punctuation."""
    phrases = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
    return MappingProxyType({key: _with_french_spaces(forms) for key, forms in phrases.items()})


def _with_french_spaces(forms: Mapping[str, str]) -> dict[str, str]:
    return {
        form: re.sub(r" (?=[:;?!»])|(?<=«) ", "\u00a0", text) if form.startswith("fr") else text
        for form, text in forms.items()
    }


def phrase(lang: Lang, key: str, n: object = None) -> str:
    """Return the phrase with its ``{placeholders}`` unfilled, singular where ``n`` asks for it.

    Raises
    ------
    KeyError
        When the catalogue has no such key: a mistake in a template, found by the tests.
    """
    forms = catalogue()[key]
    return forms.get(f"{lang}_one", forms[lang]) if _is_singular(lang, n) else forms[lang]


def _is_singular(lang: Lang, n: object) -> bool:
    if not isinstance(n, int):
        return False
    return n <= _LARGEST_FRENCH_SINGULAR if lang == "fr" else n == 1


def fill(lang: Lang, values: Mapping[str, object]) -> dict[str, object]:
    """Write whole numbers the way the language groups them; leave every other value alone."""
    return {name: number(lang, value) if isinstance(value, int) else value for name, value in values.items()}


def say(lang: Lang, key: str, **values: object) -> str:
    """Return the phrase in ``lang`` with its placeholders filled, as plain text."""
    return phrase(lang, key, values.get("n")).format(**fill(lang, values))


def number(lang: Lang, value: int) -> str:
    """Group thousands: ``1248``, ``1,248``, ``1 248``."""
    return f"{value:,}".replace(",", _THOUSANDS[lang])


def full_day(lang: Lang, day: date) -> str:
    """Write a date with its year: ``1949 年 3 月 12 日``, ``12 March 1949``, ``12 mars 1949``."""
    if lang == "zh":
        return f"{day.year} 年 {day.month} 月 {day.day} 日"
    return f"{_day_and_month(lang, day)} {day.year}"


def short_day(lang: Lang, day: date, today: date) -> str:
    """Write a date, with its year only when that is not the present one."""
    if day.year != today.year:
        return full_day(lang, day)
    return _day_and_month(lang, day)


def months(lang: Lang) -> list[str]:
    """Name the twelve months as a date of the language writes them."""
    return say(lang, "date.months").split()


def _day_and_month(lang: Lang, day: date) -> str:
    month = months(lang)[day.month - 1]
    if lang == "zh":
        return f"{month} 月 {day.day} 日"
    return f"{'1er' if lang == 'fr' and day.day == 1 else day.day} {month}"


def moment(lang: Lang, at: datetime, now: datetime) -> str:
    """Write a moment on the clock of ``now``'s time zone: ``今天 16:40``, ``12 March 16:40``.

    Parameters
    ----------
    at, now : datetime
        Both aware; ``now`` in the hospital's time zone, where the patient reads it.
    """
    local = at.astimezone(now.tzinfo)
    is_today = local.date() == now.date()
    day = say(lang, "date.today") if is_today else short_day(lang, local.date(), now.date())
    return f"{day} {local:%H:%M}"


def choose_language(query_value: str | None, cookie_value: str | None, accept_language: str | None) -> Lang:
    """Choose what was asked for, else what was remembered, else what the browser prefers, else Chinese."""
    for wanted in (query_value, cookie_value):
        for lang in LANGUAGES:
            if wanted == lang:
                return lang
    preferred = [tag.partition("-")[0].lower() for tag in parse_accept_header(accept_language, LanguageAccept).values()]
    return next((lang for tag in preferred for lang in LANGUAGES if tag == lang), "zh")
