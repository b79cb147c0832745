"""What waits for a person, over the API."""

from sqlalchemy import select

from app.dicom.instance import parse_header
from app.models.imaging import Quarantine
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from app.services.unit_of_work import Scope, reading
from tests.app.routes.hospital.conftest import ORDER, PATIENT
from tests.app.routes.hospital.story import UID, arrive, state, tell, why_dead, work


def waiting(system, **query):
    return system.get("/worklist", **query).json["studies"]


def receive(system, uid, **identity):
    arrive(system, 1, uid=uid, **identity)
    system.post(f"/studies/{uid}/complete")
    work(system)


def test_a_study_waits_with_its_reason_and_what_it_said(registered):
    receive(registered, UID, patient="D-9", accession="CT-1")
    (study,) = waiting(registered)
    assert study["reason"] == "patient-differs"
    assert study["received"] == {
        "patient_id": "D-9",
        "issuer": "YZ1",
        "patient_name": "Wang^Xiaoming",
        "birth_date": "",
        "accession_number": "CT-1",
        "study_date": "",
        "study_description": "",
    }
    assert study["instances"] == 1
    assert study["age_seconds"] >= 0
    assert len(registered.events("worklist.read")) == 1


def test_a_person_may_bind_a_study_whatever_it_says(registered, carrier):
    receive(registered, UID, patient="D-9", accession="")
    answer = registered.post(f"/worklist/{UID}/resolve", {"accession_number": "CT-1"})
    assert answer.status_code == 200
    assert waiting(registered) == []
    work(registered)
    assert state(registered)["order"] == {"accession_number": "CT-1", "issuer": "YZ1"}
    assert [sent.to for sent in carrier.sent] == ["+8613800138000"]
    assert [event.actor[:8] for event in registered.events("study.matched")] == ["api-key:"]
    assert registered.post(f"/worklist/{UID}/resolve", {"accession_number": "CT-1"}).status_code == 409


def test_instances_that_disagree_wait_for_a_person(registered, carrier):
    arrive(registered, 1)
    arrive(registered, 2, patient="D-2")
    registered.post(f"/studies/{UID}/complete")
    work(registered)
    assert [study["reason"] for study in waiting(registered)] == ["instances-disagree"]
    registered.post(f"/worklist/{UID}/resolve", {"accession_number": "CT-1", "issuer": "YZ1"})
    work(registered)
    assert len(carrier.sent) == 1


def test_an_instance_of_somebody_else_holds_a_study_that_was_told(registered, carrier):
    tell(registered)
    arrive(registered, 4, patient="D-2")
    assert why_dead(registered, carrier.sent[0]) == "held"
    assert [study["reason"] for study in waiting(registered)] == ["instances-disagree"]
    got = state(registered)
    assert (got["held"], got["held_reason"]) == (True, "instances-disagree")
    assert registered.post(f"/worklist/{UID}/resolve", {"accession_number": "CT-1"}).status_code == 409
    registered.post(f"/studies/{UID}/release")
    assert waiting(registered) == []
    assert why_dead(registered, carrier.sent[0]) == ""


def test_a_mixed_study_taken_away_and_bound_anew_opens_again(registered, carrier):
    tell(registered)
    arrive(registered, 4, accession="CT-2")
    registered.post(f"/studies/{UID}/undo-match", {"reason": "wrong-order"})
    registered.post(f"/worklist/{UID}/resolve", {"accession_number": "CT-1"})
    registered.post(f"/studies/{UID}/complete")
    work(registered)
    assert why_dead(registered, carrier.sent[-1]) == ""
    assert len(carrier.sent) == 2


def test_an_instance_without_an_accession_number_contradicts_nobody(registered, carrier):
    tell(registered)
    arrive(registered, 4, accession="")
    assert state(registered)["held"] is False
    assert waiting(registered) == []


def test_a_match_that_was_undone_can_go_to_the_right_patient(registered, carrier):
    registered.put("/patients", PATIENT | {"identifier": {"value": "D-1002"}, "phone": "13900139000"})
    registered.put("/service-requests", ORDER | {"accession_number": "CT-2", "patient": {"value": "D-1002"}})
    tell(registered)
    registered.post(f"/studies/{UID}/undo-match", {"reason": "wrong-patient"})
    registered.post(f"/worklist/{UID}/resolve", {"accession_number": "CT-2"})
    work(registered)
    assert [sent.to for sent in carrier.sent] == ["+8613800138000", "+8613900139000"]
    assert state(registered)["patient_identifiers"] == [{"value": "D-1002", "issuer": "YZ1"}]


def test_a_match_undone_by_mistake_gives_the_patient_a_new_link(registered, carrier):
    tell(registered)
    registered.post(f"/studies/{UID}/undo-match", {"reason": "other"})
    registered.post(f"/worklist/{UID}/resolve", {"accession_number": "CT-1"})
    work(registered)
    assert [sent.to for sent in carrier.sent] == ["+8613800138000", "+8613800138000"]


def test_a_study_that_nobody_could_open_waits_too(system, carrier):
    system.put("/patients", {name: PATIENT[name] for name in ("identifier", "names", "phone")})
    system.put("/service-requests", {name: ORDER[name] for name in ORDER if name != "visit_number"})
    receive(system, UID)
    assert [study["reason"] for study in waiting(system)] == ["no-fact"]
    system.put("/service-requests", ORDER)
    assert waiting(system) == []
    work(system)
    assert len(carrier.sent) == 1


def test_an_unknown_order_or_study_is_said(registered):
    receive(registered, UID, patient="D-9")
    answer = registered.post(f"/worklist/{UID}/resolve", {"accession_number": "CT-9"})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/accession_number")
    assert registered.post("/worklist/1.2.3/resolve", {"accession_number": "CT-1"}).status_code == 404


def test_the_worklist_comes_in_pages(system):
    for number in range(3):
        receive(system, f"{UID}.{number}", patient="D-9")
    first = system.get("/worklist", limit="2").json
    second = system.get("/worklist", limit="2", cursor=first["next_cursor"]).json
    uids = [study["study_instance_uid"] for page in (first, second) for study in page["studies"]]
    assert uids == [f"{UID}.{number}" for number in range(3)]
    assert second["next_cursor"] is None


def test_what_was_set_aside_is_listed_and_settled(system, neighbour):
    intake = Intake(system.parts, Sender(system.hospital, "stow", "tests", "YZ1"))
    intake.take(iter([b"no DICOM at all" * 100]), parse_header)
    intake.close()
    (found,) = system.get("/quarantine").json["objects"]
    assert found["door"] == "stow"
    assert int(found["reason_code"], 16) == intake.outcomes[0].failure
    settle = f"/quarantine/{found['id']}/resolve"
    assert neighbour.get("/quarantine").json["objects"] == []
    assert neighbour.post(settle, {"outcome": "not-needed"}).status_code == 404
    assert system.post(settle, {"outcome": "lost"}, valid=False).status_code == 422
    assert system.post(settle, {"outcome": "not-needed"}).json["outcome"] == "changed"
    assert system.post(settle, {"outcome": "not-needed"}).json["outcome"] == "unchanged"
    assert system.get("/quarantine").json["objects"] == []
    assert [event.reason for event in system.events("quarantine.resolved")] == ["not-needed"]
    with reading(system.parts, Scope(hospital=system.hospital)) as session:
        assert session.scalars(select(Quarantine)).one().object_id is not None


def test_what_was_set_aside_comes_in_pages(system):
    for number in range(3):
        intake = Intake(system.parts, Sender(system.hospital, "stow", "tests", "YZ1"))
        intake.take(iter([b"no DICOM at all" * (number + 1)]), parse_header)
        intake.close()
    first = system.get("/quarantine", limit="2").json
    second = system.get("/quarantine", limit="2", cursor=first["next_cursor"]).json
    assert [item["size"] for page in (first, second) for item in page["objects"]] == [15, 30, 45]
    assert second["next_cursor"] is None


def test_the_neighbours_worklist_is_empty_and_resolves_nothing(registered, neighbour):
    receive(registered, UID, patient="D-9")
    assert waiting(neighbour) == []
    neighbour.put("/patients", PATIENT)
    neighbour.put("/service-requests", ORDER)
    assert neighbour.post(f"/worklist/{UID}/resolve", {"accession_number": "CT-1"}).status_code == 404
    assert [study["reason"] for study in waiting(registered)] == ["patient-differs"]
