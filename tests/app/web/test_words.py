import re
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from string import Formatter

import pytest

from app.dicom.kinds import Kind
from app.web import page_words, pages, words

TEMPLATES = Path(pages.__file__).parents[1] / "templates"
FAMILIES = {
    "fact.{}.title": ("birth_date", "id_last4", "visit_number"),
    "fact.{}.help": ("birth_date", "id_last4", "visit_number"),
    "fact.{}.label": ("id_last4", "visit_number"),
    "fact.mismatch.{}": ("birth_date", "id_last4", "visit_number"),
    "fact.incomplete.{}": ("birth_date", "id_last4", "visit_number"),
    "fact.use.{}": ("birth_date", "id_last4", "visit_number"),
    "fact.{}": ("year", "month", "day", "impossible_date", "slow_down"),
    "fact.tip.{}": ("swapped", "lunar", "relative"),
    "series.{}": ("complete", "missing", "uncounted"),
    "series.files.{}": ("complete", "missing", "uncounted"),
    "report.{}": ("preliminary", "final", "amended"),
    "report.withheld.{}": ("until_date", "until_report", "until_doctor"),
    "images.withheld.{}": ("until_date", "until_report", "until_doctor"),
    "openings.{}": ("own_link", "undone_match"),
    "kind.{}": tuple(kind.name.lower() for kind in Kind if kind is not Kind.IMAGE),
    "look.{}": ("own", "window", "presentation", "lung", "soft_tissue", "bone", "brain"),
    "privacy.{}": ("responsible", "purpose", "recorded", "retention", "rights"),
}
NOTICES = (
    "expired",
    "locked",
    "revoked",
    "held",
    "replaced",
    "switched_off",
    "ended",
    "not_ready",
    "too_often",
    "unknown",
)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def keys_made_from_parts() -> set[str]:
    made = {pattern.format(part) for pattern, parts in FAMILIES.items() for part in parts}
    made |= {f"notice.{why}.{part}" for why in (*NOTICES, "reopen", "resent", "trouble") for part in ("title", "text")}
    return made | {f"notice.{why}.when" for why in NOTICES if why != "unknown"}


def source_texts() -> str:
    files = [*TEMPLATES.glob("*.html"), Path(pages.__file__), Path(page_words.__file__), Path(words.__file__)]
    return "\n".join(path.read_text(encoding="utf-8") for path in files).replace("'", '"')


@pytest.mark.parametrize("key", list(words.catalogue()))
def test_every_phrase_stands_in_three_languages_with_the_same_placeholders(key):
    forms = words.catalogue()[key]
    assert set(words.LANGUAGES) <= set(forms) <= {*words.LANGUAGES, "en_one", "fr_one"}
    assert all(text.strip() for text in forms.values())
    assert {frozenset(placeholders(text)) for text in forms.values()} == {frozenset(placeholders(forms["zh"]))}


def test_no_phrase_cheers():
    assert not [key for key, forms in words.catalogue().items() if re.search("[!！]", "".join(forms.values()))]


def test_every_key_of_a_template_exists():
    literal = set(re.findall(r'say\((?:lang, )?"([^"{]+[^".])"[,)]', source_texts()))
    assert len(literal) > 60
    assert literal - set(words.catalogue()) == set()
    assert keys_made_from_parts() - set(words.catalogue()) == set()


def test_no_phrase_is_without_a_user():
    text = source_texts()
    script = (TEMPLATES.parent / "static" / "viewer.js").read_text(encoding="utf-8")
    unused = []
    for key in set(words.catalogue()) - keys_made_from_parts():
        family, _, name = key.partition(".")
        in_script = family == "script" and (f'"{name}"' in script or f"words.{name}" in script)
        if not (f'"{key}"' in text or in_script or family in {"reason", "edge", "modality"}):
            unused.append(key)
    assert unused == []


@pytest.mark.parametrize(
    ("lang", "n", "expected"),
    [
        ("zh", 1, "还可以试 1 次。"),
        ("en", 1, "1 try left."),
        ("en", 2, "2 tries left."),
        ("fr", 1, "Il reste 1 essai."),
        ("fr", 3, "Il reste 3 essais."),
    ],
)
def test_one_is_singular_where_the_language_has_a_singular(lang, n, expected):
    assert words.say(lang, "fact.tries_left", n=n) == expected


def test_nought_is_singular_in_french_and_plural_in_english():
    assert words.say("fr", "series.uncounted", n=0, series="x") == "x, 0 image reçue"
    assert words.say("en", "series.uncounted", n=0, series="x") == "x, 0 images received"


def test_whole_numbers_are_grouped_as_the_language_does():
    assert [words.number(lang, 1248) for lang in words.LANGUAGES] == ["1248", "1,248", "1\u202f248"]


def test_french_has_a_no_break_space_before_high_punctuation():
    assert words.say("fr", "landing.not_you") == "Pas pour vous\u00a0?"


@pytest.mark.parametrize(
    ("lang", "expected"), [("zh", "3 月 12 日 16:40"), ("en", "12 March 16:40"), ("fr", "12 mars 16:40")]
)
def test_a_moment_is_worded_on_the_hospitals_clock(lang, expected):
    now = datetime(2026, 3, 15, 9, 0, tzinfo=timezone(timedelta(hours=8)))
    assert words.moment(lang, datetime(2026, 3, 12, 8, 40, tzinfo=UTC), now) == expected


def test_today_is_the_hospitals_today():
    now = datetime(2026, 3, 15, 0, 30, tzinfo=timezone(timedelta(hours=8)))
    assert words.moment("zh", datetime(2026, 3, 14, 16, 10, tzinfo=UTC), now) == "今天 00:10"
    assert words.moment("zh", datetime(2026, 3, 14, 15, 10, tzinfo=UTC), now) == "3 月 14 日 23:10"


@pytest.mark.parametrize(
    ("lang", "expected"), [("zh", "2025 年 3 月 1 日"), ("en", "1 March 2025"), ("fr", "1er mars 2025")]
)
def test_the_year_is_written_only_when_it_is_another(lang, expected):
    assert words.short_day(lang, date(2025, 3, 1), date(2026, 3, 1)) == expected
    assert "2025" not in words.short_day(lang, date(2025, 3, 1), date(2025, 12, 1))


@pytest.mark.parametrize(
    ("query", "cookie", "header", "expected"),
    [
        ("fr", "en", "zh-CN", "fr"),
        (None, "en", "fr", "en"),
        ("de", "xx", "fr-CA,en;q=0.5", "fr"),
        (None, None, "zh-Hans-CN,zh;q=0.9", "zh"),
        (None, None, "en-GB;q=0.2, fr;q=0.9", "fr"),
        (None, None, "de", "zh"),
        (None, None, None, "zh"),
        (None, None, ";;;=,,q", "zh"),
    ],
)
def test_the_language_is_asked_for_then_remembered_then_preferred(query, cookie, header, expected):
    assert words.choose_language(query, cookie, header) == expected


def test_an_unknown_key_is_a_mistake_that_shows():
    with pytest.raises(KeyError):
        words.say("zh", "no.such.phrase")
