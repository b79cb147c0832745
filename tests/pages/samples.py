"""Invented patients and hospitals that fill the view models; nobody here exists."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

from app.web import pages
from app.web.page_words import Look
from app.web.words import Lang

ZONE = timezone(timedelta(hours=8))
NOW = datetime(2026, 3, 15, 9, 30, tzinfo=ZONE)
TOKEN = "AbCdEfGhIjKlMnOpQrStUv"
PUBLIC_ID = "0195f3c2-7c1e-7b11-9d53-2f6f0a9f4c10"
HOSPITALS = {
    "zh": pages.Hospital(name="云泽市第一人民医院", telephone="0000-6600 1234", hours="每天 8:00–17:30"),
    "en": pages.Hospital(name="Yunze First People’s Hospital", telephone="0000-6600 1234", hours="daily 8:00–17:30"),
    "fr": pages.Hospital(name="Hôpital n° 1 de Yunze", telephone="0000-6600 1234", hours="tous les jours 8 h–17 h 30"),
}
NAMES = {"zh": "王**", "en": "W**", "fr": "W**"}
PROCEDURES = {"zh": "胸部 CT", "en": "CT of the chest", "fr": "Scanner thoracique"}
CONCLUSIONS = {
    "zh": ("1. 右肺上叶小结节，约 4 毫米，建议 12 个月后复查。", "2. 两肺其余部分未见明显异常。"),
    "en": ("1. Small nodule in the right upper lobe, about 4 mm; control in 12 months.", "2. Otherwise clear lungs."),
    "fr": ("1. Petit nodule du lobe supérieur droit, environ 4 mm ; contrôle à 12 mois.", "2. Pas d’autre anomalie."),
}
SERIES = (
    pages.SeriesRow(position=1, modality="CT", pictures=48, shown=47, title="肺 1 毫米薄层"),
    pages.SeriesRow(position=2, modality="CT", pictures=1, shown=1),
    pages.SeriesRow(position=3, modality="DOC", pictures=0, shown=0, title="剂量报告", reason="no_pixel_data"),
)
OTHERS = (
    pages.SeriesRow(
        position=4, modality="SR", pictures=0, shown=0, title="剂量", reason="no_pixel_data", kind="dose_report"
    ),
    pages.SeriesRow(position=5, modality="ES", pictures=2, shown=0, title="录像", reason="video"),
    pages.SeriesRow(position=6, modality="DOC", pictures=3, shown=3, title="检查单", is_document=True),
)
LOOKS = (
    Look(name="lung"), Look(name="bone"), Look(name="file-2", label="WINDOW2"),
    Look(name="state-1.2.3", label="AS READ BY THE DOCTOR ON CALL", is_presentation=True),
)  # fmt: skip
KEY_IMAGE = pages.KeyImage(series=1, picture=24, of=48, width=512, height=512, marked_by_doctor=True)


def landing(lang: Lang = "zh", **changes) -> pages.Landing:
    return replace(pages.Landing(lang=lang), **changes)


def fact(lang: Lang = "zh", **changes) -> pages.FactPage:
    page = pages.FactPage(
        lang=lang,
        token=TOKEN,
        hospital=HOSPITALS[lang],
        masked_name=NAMES[lang],
        kind="birth_date",
        kinds_available=("birth_date", "id_last4", "visit_number"),
        tries_left=5,
        tries_total=5,
        today=NOW.date(),
    )
    return replace(page, **changes)


def wrong_fact(lang: Lang = "zh", **changes) -> pages.FactPage:
    values = pages.FactValues(y="1949", m="12", d="3")
    return replace(fact(lang, values=values, error="mismatch", tries_left=3), **changes)


def dead(lang: Lang = "zh", **changes) -> pages.DeadPage:
    page = pages.DeadPage(
        lang=lang,
        why="locked",
        now=NOW,
        hospital=HOSPITALS[lang],
        when=NOW - timedelta(days=3),
        token=TOKEN,
        can_resend=True,
    )
    return replace(page, **changes)


def report(lang: Lang = "zh", **changes) -> pages.Report:
    page = pages.Report(
        status="final",
        issued=datetime(2026, 3, 12, 8, 40, tzinfo=UTC),
        conclusion=CONCLUSIONS[lang],
        findings=("胸廓对称，气管居中。右肺上叶见一小结节，直径约 4 毫米，边界清楚。", "纵隔未见肿大淋巴结。"),
        authors=("张三",),
        signer="李四",
        has_pdf=True,
    )
    return replace(page, **changes)


def study(lang: Lang = "zh", **changes) -> pages.StudyPage:
    page = pages.StudyPage(
        lang=lang,
        public_id=PUBLIC_ID,
        now=NOW,
        hospital=HOSPITALS[lang],
        procedure=PROCEDURES[lang],
        patient_name="王小明",
        study_date=date(2026, 3, 12),
        report=report(lang),
        images="available",
        completeness=pages.Completeness(received=49, expected=49, checked_at=NOW - timedelta(hours=3)),
        series=SERIES,
        key_image=KEY_IMAGE,
        openings=(
            pages.OpeningRow(at=NOW, current=True),
            pages.OpeningRow(at=NOW - timedelta(days=2)),
        ),
    )
    return replace(page, **changes)


def viewer(lang: Lang = "zh", **changes) -> pages.ViewerPage:
    page = pages.ViewerPage(
        lang=lang,
        public_id=PUBLIC_ID,
        procedure=PROCEDURES[lang],
        series=SERIES,
        position=1,
        k=24,
        picture=picture(24),
    )
    return replace(page, **changes)


def clips(lang: Lang = "zh", **changes) -> pages.ClipsPage:
    page = pages.ClipsPage(
        lang=lang, public_id=PUBLIC_ID, procedure=PROCEDURES[lang], position=5, title="录像", modality="ES",
        clips=(True, False),
    )  # fmt: skip
    return replace(page, **changes)


def picture(k: int) -> pages.Picture:
    """Picture 24 is marked as key; 40 cannot be shown; 41 has no known orientation; 42 is oblique."""
    reason = "decoder_failed" if k == 40 else None
    edges = {41: None, 42: pages.Edges(left="RA", right="LP")}.get(k, pages.Edges(left="R", right="L"))
    return pages.Picture(w=512, h=512, edges=edges, reason=reason, marked=k == 24)
