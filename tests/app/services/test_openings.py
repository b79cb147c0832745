"""Disclosures: once each, refused or not, whoever comes at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from app.access.actions import Action
from app.access.load.links import open_link
from app.audit.events import Event
from app.core.identifiers import digest_of
from app.models.links import Opening
from app.services import openings
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
