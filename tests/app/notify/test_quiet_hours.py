"""The hospital's night, through clock changes and across the date line."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notify.quiet_hours import earliest, parse_quiet_hours

NIGHT = (time(21), time(8))
ZONES = ["Asia/Shanghai", "Europe/Paris", "Pacific/Apia", "Pacific/Auckland", "America/St_Johns", "Asia/Kathmandu"]


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "quiet", "now", "expected"),
    [
        ("Asia/Shanghai", NIGHT, "2026-03-02T12:59:59", "2026-03-02T12:59:59"),
        ("Asia/Shanghai", NIGHT, "2026-03-02T13:00:00", "2026-03-03T00:00:00"),
        ("Asia/Shanghai", NIGHT, "2026-03-02T23:59:59", "2026-03-03T00:00:00"),
        ("Asia/Shanghai", NIGHT, "2026-03-03T00:00:00", "2026-03-03T00:00:00"),
        ("Asia/Shanghai", (time(12), time(14)), "2026-03-02T05:00:00", "2026-03-02T06:00:00"),
        ("Asia/Shanghai", (time(8), time(8)), "2026-03-02T00:00:00", "2026-03-02T00:00:00"),
        ("Europe/Paris", NIGHT, "2026-03-28T22:00:00", "2026-03-29T06:00:00"),  # 23:00 CET to 08:00 CEST: 8 hours
        ("Europe/Paris", NIGHT, "2026-10-24T21:00:00", "2026-10-25T07:00:00"),  # 23:00 CEST to 08:00 CET: 10 hours
        ("Europe/Paris", (time(22), time(2, 30)), "2026-03-28T22:00:00", "2026-03-29T01:30:00"),  # 02:30 does not exist
        ("Europe/Paris", (time(22), time(2, 30)), "2026-10-24T21:00:00", "2026-10-25T00:30:00"),  # the first 02:30
        ("Pacific/Auckland", NIGHT, "2026-03-02T08:00:00", "2026-03-02T19:00:00"),  # 21:00 on the 2nd, 08:00 on the 3rd
        ("Pacific/Apia", NIGHT, "2026-03-02T18:59:00", "2026-03-02T19:00:00"),
        ("Pacific/Apia", NIGHT, "2011-12-30T09:00:00", "2011-12-30T18:00:00"),  # the day that Samoa left out
    ],
)
def test_the_moment_at_which_the_night_ends(zone, quiet, now, expected):
    assert earliest(utc(now), ZoneInfo(zone), quiet) == utc(expected)


def test_without_quiet_hours_every_moment_will_do():
    assert earliest(utc("2026-03-02T20:00:00"), ZoneInfo("Asia/Shanghai"), None) == utc("2026-03-02T20:00:00")


@given(
    st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  made aware here
    st.sampled_from(ZONES),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
)
def test_it_is_never_earlier_never_more_than_a_day_and_itself_outside(now, zone, start, end):
    moment = earliest(now, ZoneInfo(zone), (start, end))
    assert now <= moment <= now + timedelta(hours=25)


@pytest.mark.parametrize("text", ["21:00", "21:00-25:00", "night", "", "-", "21-8h"])
def test_other_texts_are_no_quiet_hours(text):
    with pytest.raises(ValueError):
        parse_quiet_hours(text)


def test_the_two_forms():
    assert parse_quiet_hours("21:00-08:00") == NIGHT
    assert parse_quiet_hours("none") is None
