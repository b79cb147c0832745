"""Whose study it is: what matches, what waits and why, and what an undone match takes back."""

import pytest
from sqlalchemy import select, update

from app.audit.events import Event
from app.models.imaging import Study
from app.models.links import Capability
from app.models.patients import Patient, PatientIdentifier
from app.services import links, matching
from app.services.unit_of_work import unit_of_work
from tests import factories as make


@pytest.fixture
def hospital(parts):
    return make.make_hospital(parts)


@pytest.fixture
def patient(parts, hospital):
    return make.make_patient(parts, hospital, identifier="P1")


@pytest.fixture
def order(parts, hospital, patient):
    return make.make_order(parts, hospital, patient, accession_number="A1")


def match(parts, hospital, study_id):
    with unit_of_work(parts, make.Scope(hospital=hospital)) as session:
        study = session.scalars(select(Study).where(Study.id == study_id)).one()
        matched = matching.match(session, parts, study, now=parts.clock())
        return matched, study.unmatched_reason, study.patient_id


@pytest.mark.both_databases
def test_patient_id_with_issuer_and_accession_number_match(parts, hospital, patient, order):
    study = make.make_study(parts, hospital, order)
    assert match(parts, hospital, study) == (True, None, patient)
    assert match(parts, hospital, study) == (True, None, patient)
    assert [row.actor for row in make.events(parts, Event.STUDY_MATCHED)] == ["matching"]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"accession_number": ""}, "no-accession-number"),
        ({"accession_number": "A2"}, "order-unknown"),
        ({"accession_number": "a1"}, "order-unknown"),
        ({"dicom_patient_id": "P2"}, "patient-differs"),
        ({"dicom_patient_id": ""}, "patient-differs"),
        ({"dicom_issuer": "ELSEWHERE"}, "patient-differs"),
        ({"identity_conflict": True}, "instances-disagree"),
        ({"dicom_birth_date": "19580308"}, "birth-date-differs"),
    ],
)
def test_what_does_not_match_waits_with_its_reason(parts, hospital, order, columns, reason):
    study = make.make_study(parts, hospital, order, **columns)
    assert match(parts, hospital, study) == (False, reason, None)


@pytest.mark.parametrize("born", ["19580307", "", None])
def test_a_birth_date_contradicts_only_when_both_know_it(parts, hospital, patient, order, born):
    study = make.make_study(parts, hospital, order, dicom_birth_date="19700101" if born is None else born)
    if born is None:
        with unit_of_work(parts, make.Scope(hospital=hospital)) as session:
            session.execute(update(Patient).values(birth_date=None))
    assert match(parts, hospital, study) == (True, None, patient)


def test_same_name_birth_date_and_phone_never_match(parts, hospital, order):
    make.make_patient(parts, hospital, identifier="P2")  # the same person to the eye
    study = make.make_study(parts, hospital, order, dicom_patient_id="P2", dicom_patient_name="Wang^Xiaoming")
    assert match(parts, hospital, study) == (False, "patient-differs", None)


def test_an_order_of_another_hospital_never_matches(parts, hospital, order):
    other = make.make_hospital(parts, "yz2")
    study = make.make_study(parts, other, accession_number="A1", dicom_patient_id="P1")
    assert match(parts, other, study) == (False, "order-unknown", None)


def test_two_orders_that_fit_are_for_a_person_to_choose(parts, hospital, patient, order):
    make.make_order(parts, hospital, patient, accession_number="A1", issuer="SECOND")
    study = make.make_study(parts, hospital, order)
    assert match(parts, hospital, study) == (False, "several-orders", None)


def test_the_same_number_for_two_patients_goes_by_the_patient_id(parts, hospital, patient, order):
    other = make.make_patient(parts, hospital, identifier="P2")
    make.make_order(parts, hospital, other, accession_number="A1", issuer="SECOND")
    study = make.make_study(parts, hospital, order)
    assert match(parts, hospital, study) == (True, None, patient)


@pytest.mark.both_databases
def test_an_undone_match_ends_the_first_patients_links_and_is_not_made_again(parts):
    case = make.make_case(parts)
    token = make.make_link(parts, case)
    with unit_of_work(parts, case.scope) as session:
        study = session.scalars(select(Study)).one()
        matching.undo(session, parts, study, by="tests", reason="wrong-person", now=parts.clock())
    assert links.look(parts, token).why == "revoked"
    assert match(parts, case.hospital, case.study) == (False, "match-undone", None)
    (row,) = make.events(parts, Event.STUDY_UNMATCHED)
    assert (row.patient_id, row.reason) == (case.patient, "wrong-person")


def test_undoing_leaves_the_patients_other_links_alone(parts):
    case = make.make_case(parts)
    order = make.make_order(parts, case.hospital, case.patient)
    other = make.Case(case.hospital, case.patient, order, make.make_study_ready(parts, case.hospital, order))
    make.make_link(parts, case)
    kept = make.make_link(parts, other)
    with unit_of_work(parts, case.scope) as session:
        study = session.get_one(Study, case.study)
        matching.undo(session, parts, study, by="tests", reason="wrong-person", now=parts.clock())
    assert links.look(parts, kept).why == ""
    with unit_of_work(parts, case.scope) as session:
        ended = session.scalars(select(Capability).where(Capability.revoked_at.is_not(None))).all()
        assert len(ended) == 1
        assert session.scalars(select(PatientIdentifier)).one()
