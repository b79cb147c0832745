"""The release rule: both doors, in every state, by every kind of rule."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.release import DEFAULT_RULE, OPEN, Release, ReportFacts, releases_of, rule_problem

NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)
DONE = NOW - 3 * DAY
FINAL_SINCE = NOW - 2 * DAY
FINAL = ReportFacts("final", FINAL_SINCE)
PRELIMINARY = ReportFacts("preliminary", None)


def shut(reason, opens_at=None):
    return Release(open=False, reason=reason, opens_at=opens_at)


def ask(rule, *, code=None, complete_at=DONE, report=FINAL, waits=False, now=NOW):
    return releases_of(
        rule, procedure_code=code, complete_at=complete_at, report=report, waits_for_doctor=waits, now=now
    )


@pytest.mark.parametrize(
    ("door", "complete_at", "report", "expected"),
    [
        ("at-once", DONE, None, OPEN),
        ("at-once", None, FINAL, shut("not-complete")),
        ("report-final", DONE, None, shut("report-not-final")),
        ("report-final", DONE, PRELIMINARY, shut("report-not-final")),
        ("report-final", DONE, FINAL, OPEN),
        ("report-final", DONE, ReportFacts("amended", FINAL_SINCE), OPEN),
        ("report-final", DONE, ReportFacts("preliminary", FINAL_SINCE), OPEN),
        ({"days": 3}, DONE, None, OPEN),
        ({"days": 4}, DONE, None, shut("not-yet", DONE + 4 * DAY)),
        ({"days": 0}, DONE, None, OPEN),
        ({"days": -1}, DONE, None, shut("rule-unreadable")),
        ({"days": "3"}, DONE, None, shut("rule-unreadable")),
        ("soon", DONE, FINAL, shut("rule-unreadable")),
        (None, DONE, FINAL, shut("rule-unreadable")),
    ],
)
def test_door_of_the_images(door, complete_at, report, expected):
    assert ask({"images": door, "report": "at-once"}, complete_at=complete_at, report=report).images == expected


@pytest.mark.parametrize(
    ("door", "report", "expected"),
    [
        ("at-once", None, shut("no-report")),
        ("at-once", PRELIMINARY, OPEN),
        ("report-final", PRELIMINARY, shut("report-not-final")),
        ("report-final", FINAL, OPEN),
        ({"days": 2}, FINAL, OPEN),
        ({"days": 2}, PRELIMINARY, shut("report-not-final")),
        ({"days": 3}, FINAL, shut("not-yet", FINAL_SINCE + 3 * DAY)),
        ("soon", FINAL, shut("rule-unreadable")),
    ],
)
def test_door_of_the_report(door, report, expected):
    assert ask({"images": "at-once", "report": door}, report=report).report == expected


def test_the_days_end_at_their_moment():
    rule = {"images": {"days": 7}, "report": "at-once"}
    assert not ask(rule, now=DONE + 7 * DAY - timedelta(microseconds=1)).images.open
    assert ask(rule, now=DONE + 7 * DAY).images.open


def test_after_my_doctor_closes_both_doors_whatever_the_rule():
    releases = ask({"images": "at-once", "report": "at-once"}, waits=True)
    assert releases.images == releases.report == shut("after-my-doctor")
    assert not releases.any_open


def test_the_first_class_whose_code_begins_the_procedure_code_wins():
    rule = {
        "images": "at-once",
        "report": "at-once",
        "classes": [
            {"codes": ["PET"], "images": "report-final"},
            {"codes": ["CT", "MR"], "images": {"days": 9}},
            {"codes": ["CT1"], "images": "at-once"},
        ],
    }
    assert ask(rule, code="CT12").images.reason == "not-yet"
    assert ask(rule, code="PET-1", report=PRELIMINARY).images.reason == "report-not-final"
    assert ask(rule, code="XR").images.open
    assert ask(rule, code=None).images.open
    assert ask(rule, code="CT12").report.open  # what a class leaves out is the hospital's own


def test_the_default_is_images_at_once_and_report_when_final():
    assert ask(DEFAULT_RULE, report=PRELIMINARY).images.open
    assert not ask(DEFAULT_RULE, report=PRELIMINARY).report.open


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["images", "report", "classes", "codes", "days"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["images", "report", "classes"]), json_values), st.sampled_from([None, "CT1"]))
def test_a_rule_that_cannot_be_read_opens_no_door_and_raises_nothing(rule, code):
    releases = ask(rule, code=code)
    for door, name in ((releases.images, "images"), (releases.report, "report")):
        if not any(_can_open(value) for value in [rule.get(name), *_of_classes(rule, name)]):
            assert not door.open


rules = st.dictionaries(st.sampled_from(["images", "report", "classes"]), json_values)
doors = st.sampled_from(["at-once", "report-final"]) | st.fixed_dictionaries({"days": st.integers()})
classes = st.lists(
    st.fixed_dictionaries({"codes": st.lists(st.text(max_size=3), min_size=1)}, optional={"images": doors})
)
good_rules = st.fixed_dictionaries({"images": doors, "report": doors}, optional={"classes": classes})


@given(rules | good_rules, st.sampled_from([None, "CT1"]))
def test_a_rule_that_is_let_in_can_be_read(rule, code):
    if rule_problem(rule) is None:
        releases = ask(rule, code=code)
        assert "rule-unreadable" not in {releases.images.reason, releases.report.reason}


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"images": "at-once"},
        {"images": "at-once", "report": "soon"},
        {"images": {"days": 10**12}, "report": "at-once"},
        {"images": "at-once", "report": "at-once", "classes": None},
        {"images": "at-once", "report": "at-once", "classes": [{"codes": []}]},
        {"images": "at-once", "report": "at-once", "classes": [{"codes": 7}]},
        {"images": "at-once", "report": "at-once", "more": 1},
    ],
)
def test_what_is_no_rule_is_named(rule):
    assert rule_problem(rule)


def _can_open(value):
    return value in ("at-once", "report-final") or (isinstance(value, dict) and type(value.get("days")) is int)


def _of_classes(rule, name):
    classes = rule.get("classes")
    return [item.get(name) for item in classes if isinstance(item, dict)] if isinstance(classes, list) else []
