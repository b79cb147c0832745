"""A study's state, completeness and report, over the API."""

import pytest
from sqlalchemy import func, select

from app.dicom.instance import parse_header
from app.jobs.drain import drain
from app.models.imaging import ManifestEntry, Study
from app.services import study_state
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from app.services.unit_of_work import Scope, reading
from tests import factories
from tests.app.routes.hospital.conftest import ORDER, PATIENT, REPORT
from tests.app.routes.hospital.story import UID, arrive, link_of, state, tell, why_dead, work


def study_row(system):
    with reading(system.parts, Scope(hospital=system.hospital)) as session:
        return session.scalars(select(Study).where(Study.hospital_id == system.hospital)).one()


def test_the_whole_way_in_plain_fields(registered, carrier):
    assert registered.get(f"/studies/{UID}").status_code == 404
    arrive(registered, 1, 2)
    got = state(registered)
    assert (got["state"], got["told"], got["waits_for"]["reason"]) == ("receiving", False, "receiving")
    assert got["instances"] == {"received": 2, "expected": None, "missing": 0, "missing_uids": []}
    registered.post(f"/studies/{UID}/complete", {"manifest": [f"{UID}.1.{number}" for number in (1, 2, 3, 4)]})
    got = state(registered)
    assert got["instances"] == {
        "received": 2,
        "expected": 4,
        "missing": 2,
        "missing_uids": [f"{UID}.1.3", f"{UID}.1.4"],
    }
    arrive(registered, 3, 4)
    work(registered)
    got = state(registered)
    assert (got["state"], got["revision"], got["told"], got["waits_for"]) == ("ready", 1, True, None)
    assert got["patient_identifiers"] == [{"value": "D-1001", "issuer": "YZ1"}]
    assert got["order"] == {"accession_number": "CT-1", "issuer": "YZ1"}
    assert got["series"] == [
        {
            "series_instance_uid": f"{UID}.1",
            "modality": "CT",
            "instances": 4,
            "pictures": 4,
            "shown": 4,
            "not_shown_reason": None,
        }
    ]
    (message,) = got["messages"]
    assert (message["state"], message["revision"]) == ("accepted", 1)
    assert [attempt["state"] for attempt in message["attempts"]] == ["accepted"]
    assert [sent.to for sent in carrier.sent] == ["+8613800138000"]
    assert registered.events("study.read")


def test_a_study_can_be_called_complete_before_its_images(registered, carrier):
    answer = registered.post(f"/studies/{UID}/complete", {"instances": 2})
    assert (answer.status_code, answer.json["outcome"]) == (201, "created")
    assert state(registered)["instances"] == {"received": 0, "expected": 2, "missing": 2, "missing_uids": []}
    work(registered)
    assert registered.get("/worklist").json["studies"] == []
    arrive(registered, 1, 2)
    work(registered)
    got = state(registered)
    assert (got["state"], got["told"]) == ("ready", True)
    assert got["patient_identifiers"] == [{"value": "D-1001", "issuer": "YZ1"}]


def test_registering_after_the_images_works_too(system, carrier):
    arrive(system, 1)
    system.post(f"/studies/{UID}/complete")
    work(system)
    assert state(system)["waits_for"]["reason"] == "order-unknown"
    system.put("/patients", PATIENT)
    system.put("/service-requests", ORDER)
    work(system)
    assert state(system)["told"] is True
    assert len(carrier.sent) == 1


def test_nobody_is_told_by_a_message_that_did_not_go_out(make_system, carrier):
    trial = make_system("tr3", live=False)
    trial.put("/patients", PATIENT)
    trial.put("/service-requests", ORDER)
    tell(trial)
    got = state(trial)
    assert [message["reason"] for message in got["messages"]] == ["trial-mode"]
    assert (got["told"], got["waits_for"], carrier.sent) == (False, None, [])


def test_a_patient_is_told_of_news_only_when_their_message_went_out(registered, carrier):
    tell(registered)
    assert state(registered)["told"] is True
    registered.put("/reports", REPORT)
    drain(registered.parts, study_state.ANNOUNCE)
    assert state(registered)["told"] is False
    work(registered)
    assert state(registered)["told"] is True


def test_the_same_call_twice_keeps_one_manifest(registered):
    for _ in range(2):
        registered.post(f"/studies/{UID}/complete", {"manifest": ["1.2", "1.3", "1.2"]})
    with reading(registered.parts, Scope(hospital=registered.hospital)) as session:
        assert session.scalar(select(func.count()).select_from(ManifestEntry)) == 2


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"instances": 0}, "/instances"),
        ({"instances": "3"}, "/instances"),
        ({"manifest": []}, "/manifest"),
        ({"manifest": ["1.2", "../x"]}, "/manifest/1"),
        ({"instances": 1, "manifest": ["1.2"]}, ""),
        ({"number": 1}, "/number"),
    ],
)
def test_a_completeness_that_says_nothing_usable_is_refused(system, body, pointer):
    answer = system.post(f"/studies/{UID}/complete", body, valid=False)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert system.get(f"/studies/{UID}").status_code == 404


@pytest.mark.parametrize("uid", ["1..2", "abc", "1.2x", "1" * 65])
def test_what_is_no_uid_is_refused(system, uid):
    assert system.post(f"/studies/{uid}/complete", {}).json["code"] == "invalid-uid"
    assert system.get(f"/studies/{uid}").status_code == 400


def test_a_final_report_for_a_told_study_is_told_of(registered, carrier):
    registered.put("/reports", REPORT | {"status": "preliminary"})
    tell(registered)
    assert len(carrier.sent) == 1
    registered.put("/reports", REPORT | {"version": 2, "issued_at": "2026-03-02T13:00:00+08:00"})
    work(registered)
    assert [sent.template for sent in carrier.sent] == ["study-ready", "study-changed"]


def test_an_older_version_of_a_report_that_comes_late_is_not_told_of(registered, carrier):
    registered.put("/reports", REPORT | {"version": 2, "issued_at": "2026-03-02T13:00:00+08:00"})
    tell(registered)
    assert registered.put("/reports", REPORT).status_code == 201
    work(registered)
    assert len(carrier.sent) == 1


def test_other_content_under_a_uid_is_listed(registered):
    arrive(registered, 1)
    changed = factories.slice_file(UID, 1, "D-1001", "CT-1").replace(b"Wang^Xiaoming ", b"Wang^Xiaoning ")
    intake = Intake(registered.parts, Sender(registered.hospital, "stow", "tests", "YZ1"))
    intake.take(iter([changed]), parse_header)
    intake.close()
    (version,) = state(registered)["other_versions"]
    assert (version["sop_instance_uid"], version["shown"]) == (f"{UID}.1.1", True)
    assert state(registered)["instances"]["received"] == 1


def test_the_neighbour_cannot_tell_a_study_from_none(registered, neighbour, carrier):
    tell(registered)
    wrong = "1.2.3.4.5"
    for method, act, body in (
        ("GET", "", None),
        ("POST", "/undo-match", {"reason": "other"}),
        ("POST", "/send-again", None),
    ):
        theirs = neighbour.send(method, f"/studies/{UID}{act}", body)
        nothing = neighbour.send(method, f"/studies/{wrong}{act}", body)
        without_id = [
            {name: value for name, value in answer.json.items() if name != "instance"} for answer in (theirs, nothing)
        ]
        assert theirs.status_code == nothing.status_code == 404
        assert without_id[0] == without_id[1]
    neighbour.post(f"/studies/{UID}/hold", {"reason": "other"})
    neighbour.post(f"/studies/{UID}/complete", {"instances": 9})
    assert why_dead(registered, carrier.sent[0]) == ""
    assert state(registered)["instances"]["expected"] == 3
    assert study_row(registered).held_at is None
    assert neighbour.get("/messages").json["messages"] == []


def test_nothing_of_a_whole_story_is_logged_in_clear(registered, carrier, capfd):
    tell(registered)
    registered.put("/patients", PATIENT | {"phone": "020 6600 1234"})
    captured = capfd.readouterr()
    for secret in ("王", "Wang", "13800138000", "6600", PATIENT["id_number"], link_of(carrier.sent[0]), registered.key):
        assert secret not in captured.out + captured.err
