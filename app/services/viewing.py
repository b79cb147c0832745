"""What the holder of a link sees of a study, once policy has said which of it."""

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from app.access.actions import Action
from app.access.load.links import OpenLink
from app.access.load.studies import (
    SeriesFacts,
    StudyForPatient,
    marked_as_key,
    policy_facts,
    series_of,
    study_for_patient,
)
from app.access.policy import Decision, StudyFacts, decide
from app.access.release import Release
from app.audit.reading import openings_of
from app.core.errors import NotFound
from app.dicom.describe import ROOT
from app.dicom.kinds import Kind
from app.dicom.preview_pack import PackIndex
from app.dicom.structured_report import READABLE, Line, lines_of
from app.services import keys, looks, openings, previews, reports
from app.services.hospitals import HospitalProfile, profile
from app.services.looks import Look
from app.services.metadata import series_index, texts_of
from app.services.objects import ObjectReader, reader
from app.services.parts import Parts
from app.services.reports import ReadReport
from app.services.unit_of_work import Scope, reading


@dataclass(frozen=True, slots=True)
class Denied:
    """Not to be seen now: the reason code of policy, and the hospital.

    Holding the link is the right to know both.
    """

    reason: str
    hospital: HospitalProfile


@dataclass(frozen=True, slots=True)
class OpeningSeen:
    """An entry of "who looked". Not `own`: by the link of a patient to whom the study was matched wrongly."""

    at: datetime
    current: bool
    own: bool


@dataclass(frozen=True, slots=True)
class KeyPicture:
    """The picture that stands for a study: where it is (1-based), its size in pixels, and who chose it."""

    series: int
    place: int
    of: int
    width: int
    height: int
    marked_by_doctor: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A study as its patient sees it now."""

    hospital: HospitalProfile
    study: StudyForPatient
    images: Release
    report: Release
    report_content: ReadReport | None
    series: Sequence[SeriesFacts]
    key: KeyPicture | None
    openings: Sequence[OpeningSeen]
    now: datetime


def enter(parts: Parts, link: OpenLink, action: Action) -> Denied | None:
    """Decide whether this session may do `action`, and record the disclosure, or the refusal.

    Either is on record before anything is shown.
    """
    now, principal = parts.clock(), link.principal
    with reading(parts, Scope(hospital=principal.hospital_id)) as session:
        facts = _facts(session, link, now)
        decision = decide(principal, action, facts, now=now)
        hospital = profile(session, principal.hospital_id)
        known = openings.is_recorded(session, principal, link.study_id, action)
    if not decision.allowed:
        openings.deny(parts, principal, link.study_id, action, decision.reason)
        return Denied(_reason(decision, link), hospital)
    if not known:
        openings.ensure(parts, principal, link.study_id, action)
    return None


def _facts(session: Session, link: OpenLink, now: datetime) -> StudyFacts:
    facts = policy_facts(session, link.principal.hospital_id, link.study_id, now=now)
    if facts is None:
        raise NotFound
    return facts


def _reason(decision: Decision, link: OpenLink) -> str:
    return (link.revoked_reason or "revoked") if decision.reason == "revoked" else decision.reason


def see(parts: Parts, link: OpenLink) -> Seen:
    """Gather a study for its page. Report and pictures are in it only as far as policy allows each."""
    now, principal = parts.clock(), link.principal
    with reading(parts, Scope(hospital=principal.hospital_id)) as session:
        facts = _facts(session, link, now)
        study = study_for_patient(
            session, link.study_id, link.principal.patient_id, partial(keys.open_text, session, parts)
        )
        may_read = decide(principal, Action.REPORT_READ, facts, now=now).allowed
        may_look = decide(principal, Action.STUDY_RENDERED, facts, now=now).allowed
        report = reports.read(session, parts, study.service_request_id) if study.service_request_id else None
        series = series_of(session, link.study_id, partial(keys.open_text, session, parts))
        marked = [*(report.content.key_instances if report else ()), *marked_as_key(session, link.study_id)]
        key = _key_picture(session, parts, principal.hospital_id, series, marked) if may_look else None
        seen = Seen(
            hospital=profile(session, principal.hospital_id),
            study=study,
            images=facts.releases.images,
            report=facts.releases.report,
            report_content=report if may_read else None,
            series=series,
            key=key,
            openings=_who_looked(session, link),
            now=now,
        )
    _record(parts, link, report=may_read and report is not None, pictures=key is not None)
    return seen


def _who_looked(session: Session, link: OpenLink) -> list[OpeningSeen]:
    """Read from the audit when the study was opened; this session's own opening is the current one."""
    principal, action = link.principal, Action.STUDY_METADATA
    own = openings.recorded_at(session, principal, link.study_id, action)
    seen = openings_of(session, principal.hospital_id, link.study_id, action.value)
    return [OpeningSeen(at, at == own, patient_id == principal.patient_id) for at, patient_id in seen]


def _record(parts: Parts, link: OpenLink, *, report: bool, pictures: bool) -> None:
    wanted = ((Action.REPORT_READ, report), (Action.STUDY_RENDERED, pictures))
    with reading(parts, Scope(hospital=link.principal.hospital_id)) as session:
        missing = [
            action
            for action, shown in wanted
            if shown and not openings.is_recorded(session, link.principal, link.study_id, action)
        ]
    for action in missing:
        openings.ensure(parts, link.principal, link.study_id, action)


def _key_picture(
    session: Session, parts: Parts, hospital_id: UUID, series: Sequence[SeriesFacts], marked: Sequence[str]
) -> KeyPicture | None:
    """Choose the first marked instance, by the report or a document, else what stands for the largest series."""
    candidates = sorted((item for item in series if item.shown_count), key=lambda item: -item.shown_count)
    candidates = [item for item in candidates if Kind.PDF not in item.kinds]  # behind another door
    chosen: KeyPicture | None = None
    for item in candidates:
        index = pack_index(session, parts, hospital_id, item)
        if index is None:
            continue
        place = _marked_place(index, marked)
        if place is not None:
            return _key_at(item, index, place, marked=True)
        if chosen is None and index.key is not None:
            chosen = _key_at(item, index, index.key, marked=False)
        if chosen is not None and not marked:
            break
    return chosen


def _marked_place(index: PackIndex, marked: Sequence[str]) -> int | None:
    """Return the middle frame of the first marked instance in this series that can be shown."""
    for uid in marked:
        places = [place for place, frame in enumerate(index.frames) if frame.sop_instance_uid == uid]
        if places:
            frame = index.frames[places[len(places) // 2]]
            if frame.picture is not None and not frame.burned_in_annotation:
                return places[len(places) // 2]
    return None


def _key_at(item: SeriesFacts, index: PackIndex, place: int, *, marked: bool) -> KeyPicture | None:
    size = index.frames[place].key_image
    if size is None:
        return None
    return KeyPicture(item.position, place + 1, len(index.frames), size.width, size.height, marked)


def pack_index(session: Session, parts: Parts, hospital_id: UUID, series: SeriesFacts) -> PackIndex | None:
    """Return the index of a series' previews, or None before they exist."""
    if series.preview_object_id is None:
        return None
    return previews.index_of_pack(reader(session, parts, hospital_id, series.preview_object_id))


@dataclass(frozen=True, slots=True)
class SeriesPictures:
    """What the viewer needs of one series.

    `look` is the one that the pictures are in, None for their own. `preparing` was asked for and is on its way.
    `marked` are the instances that a report or a document marks as key.
    """

    study: StudyForPatient
    series: Sequence[SeriesFacts]
    index: PackIndex
    marked: frozenset[str]
    looks: Sequence[Look]
    look: str | None = None
    preparing: str | None = None


def series_pictures(parts: Parts, link: OpenLink, position: int, look: str | None = None) -> SeriesPictures:
    """Return one series (1-based) for the viewer; in a look, where it is one that is offered.

    Raises
    ------
    NotFound
        When there is no such series, nothing of it was made yet, or it holds a document that may not be read.
    """
    hospital_id = link.principal.hospital_id
    with reading(parts, Scope(hospital=hospital_id)) as session:
        study, series, chosen = series_at(session, parts, link, position)
        own = pack_index(session, parts, hospital_id, chosen)
        if own is None:
            raise NotFound
        report = reports.read(session, parts, study.service_request_id) if study.service_request_id else None
        marked = {*(report.content.key_instances if report else ()), *marked_as_key(session, link.study_id)}
        offers = looks.offered(session, parts, hospital_id, series, chosen, own)
        look = look if look in {offer.name for offer in offers} else None
        in_look = looks.pack_index(session, parts, hospital_id, chosen, look) if look else None
    if own.documents and enter(parts, link, Action.REPORT_READ):
        raise NotFound
    if look and in_look is None:
        looks.ask_for(parts, hospital_id, chosen, look)
        return SeriesPictures(study, series, own, frozenset(marked), offers, preparing=look)
    return SeriesPictures(study, series, in_look or own, frozenset(marked), offers, look)


def series_at(
    session: Session, parts: Parts, link: OpenLink, position: int
) -> tuple[StudyForPatient, Sequence[SeriesFacts], SeriesFacts]:
    """Return a study, its series, and the one of them at a position (1-based).

    Raises
    ------
    NotFound
        When there is no such series.
    """
    open_text = partial(keys.open_text, session, parts)
    study = study_for_patient(session, link.study_id, link.principal.patient_id, open_text)
    series = series_of(session, link.study_id, open_text)
    chosen = next((item for item in series if item.position == position), None)
    if chosen is None:
        raise NotFound
    return study, series, chosen


@dataclass(frozen=True, slots=True)
class Documents:
    """The structured reports of one series, each as its lines; where pictures that they refer to are, both 1-based."""

    study: StudyForPatient
    title: str
    documents: Sequence[Sequence[Line]]
    places: Mapping[str, tuple[int, int]]


def series_documents(parts: Parts, link: OpenLink, position: int) -> Documents:
    """Return what can be read of one series (1-based); the caller has entered with `REPORT_READ`.

    Raises
    ------
    NotFound
        When there is no such series, or no text in it.
    """
    hospital_id = link.principal.hospital_id
    with reading(parts, Scope(hospital=hospital_id)) as session:
        study, series, chosen = series_at(session, parts, link, position)
        if not chosen.is_text or chosen.metadata_object_id is None:
            raise NotFound
        index = series_index(session, parts, hospital_id, chosen.metadata_object_id)
    elements = [json.loads(text.replace(ROOT, b"")) for _, text in texts_of(index)]
    documents = [lines_of(item) for item in elements if item["00080016"]["Value"][0] in READABLE]
    named = {line.instance for lines in documents for line in lines if line.instance}
    return Documents(study, chosen.description, documents, _places(parts, hospital_id, series, named))


def _places(
    parts: Parts, hospital_id: UUID, series: Sequence[SeriesFacts], named: Container[str]
) -> dict[str, tuple[int, int]]:
    """Find the first pictures of some instances: series and place in it."""
    found: dict[str, tuple[int, int]] = {}
    with reading(parts, Scope(hospital=hospital_id)) as session:
        for item in series:
            index = pack_index(session, parts, hospital_id, item)
            for place, frame in enumerate(index.frames if index else (), start=1):
                if frame.picture and frame.sop_instance_uid in named:
                    found.setdefault(frame.sop_instance_uid, (item.position, place))
    return found


def report_pdf(parts: Parts, link: OpenLink) -> ObjectReader:
    """Return a reader for the report's PDF; the caller has entered with `REPORT_READ`."""
    with reading(parts, Scope(hospital=link.principal.hospital_id)) as session:
        study = study_for_patient(
            session, link.study_id, link.principal.patient_id, partial(keys.open_text, session, parts)
        )
        report = reports.read(session, parts, study.service_request_id) if study.service_request_id else None
        if report is None or report.pdf_object_id is None:
            raise NotFound
        return reader(session, parts, link.principal.hospital_id, report.pdf_object_id)
