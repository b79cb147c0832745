"""The release rule: when a study's images and its report may be seen, each by its own door. Pure and total.

A rule is JSON in the hospital's policy: `{"images": D, "report": D, "classes": [{"codes": ["XR"], "images": D,
"report": D}]}`
with a door D one of `"at-once"`, `"report-final"` and `{"days": n}` (n days after completion for images, after the
final report
for the report). The first class whose code begins the procedure code wins. What cannot be read keeps the door closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

DEFAULT_RULE: Mapping[str, Any] = {"images": "at-once", "report": "report-final", "classes": []}
FINAL = frozenset({"final", "amended"})
_CENTURY = 36_525  # days


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What the rule needs of the newest report."""

    status: str
    first_final_at: datetime | None


@dataclass(frozen=True, slots=True)
class Release:
    """Whether a door is open; else why not, and when it opens if that is known."""

    open: bool
    reason: str | None = None
    opens_at: datetime | None = None


OPEN = Release(open=True)


@dataclass(frozen=True, slots=True)
class Releases:
    """Both doors of a study."""

    images: Release
    report: Release

    @property
    def any_open(self) -> bool:
        """Whether there is anything to see."""
        return self.images.open or self.report.open


def rule_problem(rule: Mapping[str, Any]) -> str | None:
    """Return what makes a rule unreadable, or None; an unreadable one would keep its door closed for ever."""
    classes = rule.get("classes", [])
    if not isinstance(classes, list) or not all(_is_class(item) for item in classes):
        return "Each class needs codes, a list of texts that procedure codes begin with."
    doors = [rule.get("images"), rule.get("report")]
    doors += [item[name] for item in classes for name in ("images", "report") if name in item]
    if set(rule) - {"images", "report", "classes"} or not all(_is_door(door) for door in doors):
        return 'Images and report are each "at-once", "report-final" or {"days": n}.'
    return None


def _is_class(item: Any) -> bool:
    codes = item.get("codes") if isinstance(item, Mapping) else None
    return isinstance(codes, list) and bool(codes) and all(isinstance(code, str) for code in codes)


def _is_door(door: Any) -> bool:
    days = door.get("days") if isinstance(door, Mapping) else None
    return door in ("at-once", "report-final") or (type(days) is int and 0 <= days <= _CENTURY)


def releases_of(
    rule: Mapping[str, Any],
    *,
    procedure_code: str | None,
    complete_at: datetime | None,
    report: ReportFacts | None,
    waits_for_doctor: bool,
    now: datetime,
) -> Releases:
    """Apply a hospital's rule to one study.

    Parameters
    ----------
    waits_for_doctor : bool
        The patient asked for "after my doctor", and the hospital has not released the study yet.
    """
    if waits_for_doctor:
        closed = Release(open=False, reason="after-my-doctor")
        return Releases(closed, closed)
    try:
        chosen = _class_of(rule, procedure_code)
        images = _images(chosen.get("images"), complete_at, report, now)
        return Releases(images, _report(chosen.get("report"), report, now))
    except (TypeError, AttributeError, OverflowError):  # a rule of another shape, or a date beyond the calendar
        closed = Release(open=False, reason="rule-unreadable")
        return Releases(closed, closed)


def _class_of(rule: Mapping[str, Any], code: str | None) -> Mapping[str, Any]:
    for item in rule.get("classes", ()):
        if code and any(code.startswith(prefix) for prefix in item.get("codes", ())):
            return {**rule, **item}
    return rule


def _images(door: Any, complete_at: datetime | None, report: ReportFacts | None, now: datetime) -> Release:
    if complete_at is None:
        return Release(open=False, reason="not-complete")
    if door == "at-once":
        return OPEN
    if door == "report-final":
        return OPEN if report and report.first_final_at else Release(open=False, reason="report-not-final")
    return _after_days(door, complete_at, now)


def _report(door: Any, report: ReportFacts | None, now: datetime) -> Release:
    if report is None:
        return Release(open=False, reason="no-report")
    if door == "at-once":
        return OPEN
    if report.first_final_at is None:
        return Release(open=False, reason="report-not-final")
    if door == "report-final":
        return OPEN
    return _after_days(door, report.first_final_at, now)


def _after_days(door: Any, start: datetime, now: datetime) -> Release:
    days = door.get("days") if isinstance(door, Mapping) else None
    if not isinstance(days, int) or isinstance(days, bool) or days < 0:
        return Release(open=False, reason="rule-unreadable")
    opens_at = start + timedelta(days=days)
    return OPEN if opens_at <= now else Release(open=False, reason="not-yet", opens_at=opens_at)
