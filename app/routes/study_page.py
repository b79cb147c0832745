"""Turning what a patient may see into the view model of the study page."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import Literal

from app.access.load.studies import SeriesFacts
from app.access.release import Release
from app.dicom.kinds import Kind
from app.services.hospitals import HospitalProfile
from app.services.reports import ReadReport
from app.services.viewing import Seen
from app.web import pages
from app.web.words import Lang

_Until = Literal["until_date", "until_report", "until_doctor"]
_WITHHELD: dict[str, _Until] = {
    "not-yet": "until_date",
    "report-not-final": "until_report",
    "after-my-doctor": "until_doctor",
}


def hospital(profile: HospitalProfile) -> pages.Hospital:
    """Return the hospital as pages name it."""
    return pages.Hospital(name=profile.message_name, telephone=profile.telephone, hours=profile.telephone_hours)


def _kind(kinds: AbstractSet[Kind]) -> str:
    """Return the name of what a series holds beside images, the first in order of `Kind`; `""` where it is images."""
    return next((kind.name.lower() for kind in Kind if kind in kinds), "") if Kind.IMAGE not in kinds else ""


def series_rows(series: Sequence[SeriesFacts], *, may_read: bool = False) -> tuple[pages.SeriesRow, ...]:
    """Return the series as pages list them; texts are offered to who may read the report."""
    return tuple(
        pages.SeriesRow(
            position=item.position,
            modality=item.modality,
            pictures=item.picture_count,
            shown=item.shown_count if may_read or Kind.PDF not in item.kinds else 0,
            title=item.description or None,
            reason=item.not_shown_reason,
            is_text=item.is_text and may_read,
            is_document=Kind.PDF in item.kinds,
            kind=_kind(item.kinds),
        )
        for item in series
    )


def study_page(seen: Seen, public_id: str, lang: Lang, *, big: bool) -> pages.StudyPage:
    """Return the page of a study, in the hospital's time."""
    zone, study = seen.hospital.zone, seen.study
    now = seen.now.astimezone(zone)
    key = seen.key
    return pages.StudyPage(
        lang=lang,
        big=big,
        public_id=public_id,
        now=now,
        hospital=hospital(seen.hospital),
        procedure=study.procedure,
        patient_name=study.patient_name,
        study_date=study.local_date or _local_date(study.complete_at, now),
        report=_report(seen),
        images=_images(seen),
        completeness=pages.Completeness(
            received=study.received,
            withdrawn=study.withdrawn,
            expected=study.expected,
            checked_at=study.complete_at.astimezone(zone) if study.complete_at else None,
        ),
        series=series_rows(seen.series, may_read=seen.report.open) if seen.images.open else (),
        key_image=pages.KeyImage(
            series=key.series,
            picture=key.place,
            of=key.of,
            width=key.width,
            height=key.height,
            marked_by_doctor=key.marked_by_doctor,
        )
        if key
        else None,
        openings=tuple(
            pages.OpeningRow(at=o.at.astimezone(zone), by="own_link" if o.own else "undone_match", current=o.current)
            for o in seen.openings
        ),
    )


def _local_date(moment: datetime | None, now: datetime) -> date:
    return moment.astimezone(now.tzinfo).date() if moment else now.date()


def _images(seen: Seen) -> pages.Withheld | Literal["available", "none_shown"]:
    if not seen.images.open:
        return _withheld(seen.images, seen)
    return "available" if any(item.shown_count for item in seen.series) else "none_shown"


def _report(seen: Seen) -> pages.Report | pages.Withheld | Literal["pending"]:
    content = seen.report_content
    if content is not None:
        return _shown(content, seen)
    return "pending" if seen.report.reason in {"no-report", "report-not-final"} else _withheld(seen.report, seen)


def _shown(report: ReadReport, seen: Seen) -> pages.Report:
    zone, content = seen.hospital.zone, report.content
    return pages.Report(
        status=report.status,
        issued=report.first_issued_at.astimezone(zone),
        conclusion=content.conclusion,
        findings=content.findings,
        authors=content.authors,
        signer=content.signer,
        changed_at=report.issued_at.astimezone(zone) if report.status == "amended" else None,
        change=content.change,
        has_pdf=report.pdf_object_id is not None,
    )


def _withheld(release: Release, seen: Seen) -> pages.Withheld:
    until = release.opens_at.astimezone(seen.hospital.zone).date() if release.opens_at else None
    return pages.Withheld(reason=_WITHHELD.get(release.reason or "", "until_report"), until=until)
