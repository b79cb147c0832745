"""The phone pages: what each needs to know (frozen view models), and one function that turns it into HTML.

Routes fill the models; nothing here decides who may see what. All moments are aware; each page words them in the time
zone of its ``now``, which is the hospital's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Literal

from flask import render_template
from markupsafe import Markup, escape

from app.dicom.structured_report import Line
from app.web import words
from app.web.assets import asset
from app.web.facts import Problem, parse_birth_date
from app.web.page_words import Look, edge_words, look_words, modality_words, reason_words, script_words
from app.web.words import Lang

_LIST_STARTS_NEAR = 1955
_OLDEST_LISTED = 1900

FactKind = Literal["birth_date", "id_last4", "visit_number"]
FactInput = Literal["boxes", "list"]
FactError = Literal["none", "mismatch", "slow_down"] | Problem
DeadReason = Literal[
    "expired", "locked", "revoked", "held", "replaced", "switched_off", "ended", "not_ready", "too_often", "unknown"
]
Notice = DeadReason | Literal["reopen", "resent", "trouble"]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What every page knows: its language, and whether the reader asked for large type."""

    lang: Lang
    big: bool = False


@dataclass(frozen=True, kw_only=True)
class Hospital:
    """Who speaks: the message name and the telephone that the patient already knows."""

    name: str
    telephone: str | None = None
    hours: str | None = None


@dataclass(frozen=True, kw_only=True)
class Landing(Page):
    """The first page; ``hospital_name`` only on an installation that serves one hospital."""

    hospital_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class FactValues:
    """What was typed, as typed, so that an error clears nothing."""

    y: str = ""
    m: str = ""
    d: str = ""
    fact: str = ""


@dataclass(frozen=True, kw_only=True)
class FactPage(Page):
    """One question; its forms post to ``/s`` with the token in a hidden field."""

    token: str
    hospital: Hospital
    masked_name: str
    kind: FactKind
    kinds_available: tuple[FactKind, ...]
    tries_left: int
    tries_total: int
    today: date
    input: FactInput = "boxes"
    values: FactValues = field(default_factory=FactValues)
    error: FactError = "none"

    @property
    def last_try(self) -> bool:
        """Tell whether one more mistake locks the link."""
        return self.tries_left == 1

    @property
    def echo(self) -> str:
        """Return the date that was typed, in words; empty while it is none."""
        born = parse_birth_date(self.values.y, self.values.m, self.values.d, today=self.today)
        return words.full_day(self.lang, born) if isinstance(born, date) else ""

    @property
    def other_kinds(self) -> tuple[FactKind, ...]:
        """Return the facts that would open the link as well, in the hospital's order."""
        return tuple(kind for kind in self.kinds_available if kind != self.kind)

    @property
    def listed_years(self) -> range:
        """Return the years of the list, oldest first."""
        return range(_OLDEST_LISTED, self.today.year + 1)

    @property
    def listed_year(self) -> int:
        """Return the year at which the list opens: the one typed, else one near the middle of patients' ages."""
        return int(self.values.y) if self.values.y.isdecimal() else _LIST_STARTS_NEAR


@dataclass(frozen=True, kw_only=True)
class DeadPage(Page):
    """Why a link opens nothing, and the next step; ``token`` is needed for the button that sends a new one."""

    why: DeadReason
    now: datetime
    hospital: Hospital | None = None
    when: datetime | None = None
    token: str | None = None
    can_resend: bool = False


@dataclass(frozen=True, kw_only=True)
class ReopenPage(Page):
    """``/v/...`` without a session: open the link in the message again."""


@dataclass(frozen=True, kw_only=True)
class TroublePage(Page):
    """Something went wrong on our side."""


@dataclass(frozen=True, kw_only=True)
class ResentPage(Page):
    """A new link is on its way to the registered phone, no digit of which is ever shown."""

    hospital: Hospital


@dataclass(frozen=True, kw_only=True)
class Withheld:
    """Not open yet by the hospital's release rule; ``until`` goes with ``until_date``."""

    reason: Literal["until_date", "until_report", "until_doctor"]
    until: date | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report as the hospital sent it; ``change`` is the hospital's own sentence on what an amendment changed."""

    status: Literal["preliminary", "final", "amended"]
    issued: datetime
    conclusion: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    signer: str | None = None
    changed_at: datetime | None = None
    change: str | None = None
    has_pdf: bool = False


@dataclass(frozen=True, kw_only=True)
class KeyImage:
    """Picture ``picture`` of ``of`` in series ``series``, both 1-based; width and height in pixels."""

    series: int
    picture: int
    of: int
    width: int
    height: int
    marked_by_doctor: bool = False


@dataclass(frozen=True, kw_only=True)
class Completeness:
    """True counts of pictures, those apart that the hospital took back; ``expected`` is None where it gave no total."""

    received: int
    withdrawn: int = 0
    expected: int | None = None
    checked_at: datetime | None = None

    @property
    def missing(self) -> int:
        """Return how many are still to come."""
        return max(0, (self.expected or 0) - self.received - self.withdrawn)


@dataclass(frozen=True, kw_only=True)
class SeriesRow:
    """One series: its 1-based position, its pictures, how many of them can be shown, and why not when none can."""

    position: int
    modality: str
    pictures: int
    shown: int
    title: str | None = None
    reason: str | None = None
    is_text: bool = False
    is_document: bool = False
    kind: str = ""

    @property
    def is_other(self) -> bool:
        """Tell what is listed by its name alone, in words of ``kind``."""
        return bool(self.kind) and not self.shown and not self.is_text and self.reason != "video"

    @property
    def is_of_pictures(self) -> bool:
        """Tell pictures from text, curves and other data."""
        return bool(self.pictures) and self.reason != "no_pixel_data"


@dataclass(frozen=True, kw_only=True)
class OpeningRow:
    """One time somebody looked: by the patient's own link, or by that of one to whom it was matched by mistake."""

    at: datetime
    by: Literal["own_link", "undone_match"] = "own_link"
    current: bool = False


@dataclass(frozen=True, kw_only=True)
class StudyPage(Page):
    """The answer, then the picture, then what can be done."""

    public_id: str
    now: datetime
    hospital: Hospital
    procedure: str
    patient_name: str
    study_date: date
    report: Report | Withheld | Literal["pending"]
    images: Withheld | Literal["available", "none_shown"]
    completeness: Completeness
    series: tuple[SeriesRow, ...] = ()
    key_image: KeyImage | None = None
    openings: tuple[OpeningRow, ...] = ()

    @property
    def counts_pictures(self) -> bool:
        """Tell whether each file is one picture; else the true counts are of files, and the page says so."""
        return self.completeness.received == sum(row.pictures for row in self.series if row.is_of_pictures)


@dataclass(frozen=True, kw_only=True)
class Edges:
    """What lies at the left and right edge of a picture, as orientation letters (PS3.3 C.7.6.1.1.1)."""

    left: str
    right: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture of a series: its size in pixels, its edges if known, and why it cannot be shown if so."""

    w: int
    h: int
    edges: Edges | None = None
    reason: str | None = None
    marked: bool = False


@dataclass(frozen=True, kw_only=True)
class ViewerPage(Page):
    """One picture of one series; the script flicks through the rest, links do without it."""

    public_id: str
    procedure: str
    series: tuple[SeriesRow, ...]
    position: int
    k: int
    picture: Picture
    is_document: bool = False
    looks: tuple[Look, ...] = ()
    look: str | None = None
    preparing: str | None = None

    @property
    def preparing_look(self) -> Look:
        """Return the look that is being made."""
        return next(look for look in self.looks if look.name == self.preparing)

    @property
    def current(self) -> SeriesRow:
        """Return the series on the screen."""
        return next(row for row in self.series if row.position == self.position)


@dataclass(frozen=True, kw_only=True)
class DocumentPage(Page):
    """The structured reports of one series, as their author's words and numbers."""

    public_id: str
    procedure: str
    title: str
    documents: Sequence[Sequence[Line]]
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ClipsPage(Page):
    """The videos of one series; false stands for one that no browser plays."""

    public_id: str
    procedure: str
    position: int
    title: str
    modality: str
    clips: tuple[bool, ...]


def render_clips(page: ClipsPage) -> str:
    return _render("clips.html", page)


def render_document(page: DocumentPage) -> str:
    return _render("document.html", page)


def render_landing(page: Landing) -> str:
    return _render("landing.html", page)


def render_fact(page: FactPage) -> str:
    return _render("fact.html", page)


def render_dead(page: DeadPage) -> str:
    when = words.moment(page.lang, page.when, page.now) if page.when else None
    return _render_notice(page, page.why, hospital=page.hospital, when=when, token=page.token)


def render_reopen(page: ReopenPage) -> str:
    return _render_notice(page, "reopen")


def render_trouble(page: TroublePage) -> str:
    return _render_notice(page, "trouble")


def render_resent(page: ResentPage) -> str:
    return _render_notice(page, "resent", hospital=page.hospital)


def render_study(page: StudyPage) -> str:
    return _render(
        "study.html",
        page,
        full_day=partial(words.full_day, page.lang),
        short_day=partial(words.short_day, page.lang, today=page.now.date()),
        moment=partial(words.moment, page.lang, now=page.now),
        is_report=isinstance(page.report, Report),
        checked_today=_is_checked_today(page),
    )


def render_viewer(page: ViewerPage) -> str:
    return _render("viewer.html", page, script_words=script_words(page.lang), edge_words=partial(edge_words, page.lang))


def _is_checked_today(page: StudyPage) -> bool:
    at = page.completeness.checked_at
    return at is not None and at.astimezone(page.now.tzinfo).date() == page.now.date()


def _render_notice(page: Page, why: Notice, **context: object) -> str:
    return _render("notice.html", page, why=why, **context)


def _render(template: str, page: Page, **context: object) -> str:
    lang = page.lang
    return render_template(
        template,
        page=page,
        say=_speaker(lang),
        asset=asset,
        tags=words.LANGUAGE_TAGS,
        months=words.months(lang),
        reason_words=partial(reason_words, lang),
        modality_words=partial(modality_words, lang),
        look_words=partial(look_words, lang),
        **context,
    )


def _speaker(lang: Lang) -> Callable[..., Markup]:
    """Return ``say`` for templates: values are escaped, unless they are markup already."""

    def say(key: str, **values: object) -> Markup:
        return escape(words.phrase(lang, key, values.get("n"))).format(**words.fill(lang, values))

    return say
