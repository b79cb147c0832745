"""Disclosures: once each, refused or not, whoever comes at the same time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from app.access.actions import Action
from app.access.load.links import open_link
from app.audit.events import Event
from app.core.errors import NotFound
from app.core.identifiers import digest_of
from app.models.imaging import Study
from app.models.links import Opening
from app.services import openings, throttle, viewing
from app.services.unit_of_work import reading
from tests import factories as make


@pytest.fixture
def case(parts):
    return make.make_case(parts)


def principal_of(parts, case):
    opened = make.open_link(parts, make.make_link(parts, case))
    with reading(parts, case.scope) as session:
        return open_link(session, digest_of(opened.secret), opened.public_id).principal


@pytest.mark.both_databases
def test_many_requests_at_once_record_one_disclosure(parts, case):
    principal = principal_of(parts, case)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: openings.ensure(parts, principal, case.study, Action.STUDY_RENDERED), range(16)))
    with reading(parts, case.scope) as session:
        assert session.scalar(select(func.count()).select_from(Opening)) == 1
        assert openings.is_recorded(session, principal, case.study, Action.STUDY_RENDERED)
        assert not openings.is_recorded(session, principal, case.study, Action.REPORT_READ)
    (row,) = make.events(parts, Event.STUDY_OPENED)
    assert (row.actor, row.patient_id, row.reason) == (principal.actor, case.patient, "study:rendered")


def test_each_session_discloses_anew(parts, case):
    for _ in range(2):
        openings.ensure(parts, principal_of(parts, case), case.study, Action.STUDY_METADATA)
    assert len(make.events(parts, Event.STUDY_OPENED)) == 2


def test_a_refusal_is_an_event_and_no_opening(parts, case):
    openings.deny(parts, principal_of(parts, case), case.study, Action.REPORT_READ, "held")
    (row,) = make.events(parts, Event.ACCESS_DENIED)
    assert (row.outcome, row.reason, row.resource) == ("denied", "study:report held", f"study:{case.study}")
    with reading(parts, case.scope) as session:
        assert session.scalar(select(func.count()).select_from(Opening)) == 0


def test_a_script_that_asks_for_ever_does_not_fill_the_audit(parts, case, monkeypatch):
    monkeypatch.setattr(throttle, "time", SimpleNamespace(time=lambda: 0.0))  # the minute does not turn
    principal = principal_of(parts, case)
    for _ in range(70):
        openings.deny(parts, principal, case.study, Action.STUDY_RENDERED, "held")
    openings.deny(parts, principal, case.study, Action.REPORT_READ, "held")
    reasons = [row.reason for row in make.events(parts, Event.ACCESS_DENIED)]
    assert reasons.count("study:rendered held") == 60
    assert reasons.count("study:report held") == 1


def link_of(parts, case):
    opened = make.open_link(parts, make.make_link(parts, case))
    with reading(parts, case.scope) as session:
        return open_link(session, digest_of(opened.secret), opened.public_id)


def test_the_right_patient_reads_that_the_study_was_opened_by_a_wrong_one(parts, case):
    assert viewing.enter(parts, link_of(parts, case), Action.STUDY_METADATA) is None
    patient = make.make_patient(parts, case.hospital, phone="+8613900139000")
    order = make.make_order(parts, case.hospital, patient)
    make.change(parts, case, Study, case.study, patient_id=patient, service_request_id=order)
    right = replace(case, patient=patient, order=order)

    link = link_of(parts, right)
    assert viewing.enter(parts, link, Action.STUDY_METADATA) is None

    assert [(seen.own, seen.current) for seen in viewing.see(parts, link).openings] == [(True, True), (False, False)]


@pytest.mark.parametrize(
    "show", [viewing.see, lambda parts, link: viewing.series_pictures(parts, link, 1), viewing.report_pdf]
)
def test_who_entered_sees_nothing_of_a_study_that_was_given_to_another_patient_since(parts, case, show):
    link = link_of(parts, case)
    assert viewing.enter(parts, link, Action.STUDY_METADATA) is None
    patient = make.make_patient(parts, case.hospital, phone="+8613900139000")
    order = make.make_order(parts, case.hospital, patient)
    for patient_id, order_id in ((None, None), (patient, order)):
        make.change(parts, case, Study, case.study, patient_id=patient_id, service_request_id=order_id)
        with pytest.raises(NotFound):
            show(parts, link)
