"""When a hospital's night allows a message. Pure; wall-clock times of the hospital's zone, through clock changes."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def earliest(now: datetime, zone: ZoneInfo, quiet: tuple[time, time] | None) -> datetime:
    """Return `now` outside the quiet hours, else the moment at which they end.

    Parameters
    ----------
    now : datetime
        Aware.
    zone : ZoneInfo
        The hospital's zone; its calendar decides, whatever UTC or the server says.
    quiet : (start, end) or None
        Local times; `start` belongs to the quiet, `end` does not. A start later than the end spans midnight.

    Notes
    -----
    An end that a clock change skips falls as long after the gap as it lay inside it (02:30 in a spring night is 03:30
    on the new clock); one that happens twice falls on its first occurrence.
    """
    if quiet is None or quiet[0] == quiet[1]:
        return now
    start, end = quiet
    local = now.astimezone(zone)
    clock = local.time().replace(tzinfo=None)
    spans_midnight = start > end
    inside = clock >= start or clock < end if spans_midnight else start <= clock < end
    if not inside:
        return now
    day = local.date() + timedelta(days=1) if spans_midnight and clock >= start else local.date()
    ends = datetime.combine(day, end, tzinfo=zone).astimezone(UTC)
    return max(ends, now)


def parse_quiet_hours(text: str) -> tuple[time, time] | None:
    """Read `21:00-08:00`, or `none`.

    Raises
    ------
    ValueError
        For anything else.
    """
    if text == "none":
        return None
    start, separator, end = text.partition("-")
    if not separator:
        raise ValueError("Quiet hours have the form 21:00-08:00, or none.")
    return time.fromisoformat(start), time.fromisoformat(end)
