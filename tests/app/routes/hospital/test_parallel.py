"""Several systems at once, on both databases, through real parallel connections."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from app.models.imaging import Study
from app.models.patients import ContactPoint, Patient, ServiceRequest
from app.services.unit_of_work import Scope, reading
from tests.app.routes.hospital.conftest import ORDER, PATIENT, REPORT
from tests.app.routes.hospital.story import UID, state, tell, work, write_message

pytestmark = pytest.mark.both_databases


def at_once(app, system, path, bodies, method="PUT", **headers):
    """Send each body from a thread of its own."""

    def send(body):
        client = app.test_client()
        client.environ_base["wsgi.url_scheme"] = "https"
        sent = {"Authorization": f"Bearer {system.key}"} | headers
        return client.open(f"/api/v1{path}", method=method, json=body, headers=sent)

    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(send, bodies))


def count(system, table):
    with reading(system.parts, Scope(hospital=system.hospital)) as session:
        return len(session.scalars(select(table)).all())


def test_a_patient_registered_many_times_at_once_is_one(app, system):
    answers = at_once(app, system, "/patients", [PATIENT] * 8)
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert [answer.status_code for answer in answers].count(201) == 1
    assert len({answer.json["id"] for answer in answers}) == 1
    assert (count(system, Patient), count(system, ContactPoint)) == (1, 1)


def test_one_key_used_at_once_acts_once(app, registered):
    orders = [ORDER | {"accession_number": "CT-9"}] * 8
    answers = at_once(app, registered, "/service-requests", orders, **{"Idempotency-Key": "same"})
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 7
    assert count(registered, ServiceRequest) == 2
    assert len(registered.events("service-request.written")) == 2


def test_a_study_spoken_of_at_once_is_one(app, registered):
    answers = at_once(app, registered, f"/studies/{UID}/complete", [{"instances": 3}] * 6, method="POST")
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert count(registered, Study) == 1
    assert state(registered)["instances"]["expected"] == 3


def test_the_whole_story(registered, neighbour, carrier):
    tell(registered)
    registered.put("/reports", REPORT)
    work(registered)
    registered.put("/patients", PATIENT | {"phone": "13900139000"})
    registered.post(f"/studies/{UID}/send-again")
    registered.post(f"/studies/{UID}/hold", {"reason": "quality"})
    work(registered)
    assert state(registered)["held"] is True
    registered.post(f"/studies/{UID}/release")
    work(registered)
    assert [sent.to for sent in carrier.sent] == ["+8613800138000", "+8613800138000", "+8613900139000"]
    registered.post(f"/studies/{UID}/undo-match", {"reason": "wrong-patient"})
    assert [study["reason"] for study in registered.get("/worklist").json["studies"]] == ["match-undone"]
    assert registered.post(f"/worklist/{UID}/resolve", {"accession_number": "CT-1"}).status_code == 200
    assert registered.get("/worklist").json["studies"] == []
    assert registered.get("/patients", identifier="D-1001").json["phone"] == "+86***9000"
    assert registered.get("/quarantine").json["objects"] == []
    assert neighbour.get(f"/studies/{UID}").status_code == 404
    assert neighbour.get("/messages").json["messages"] == []


def test_a_number_corrected_before_sending_is_told(registered, carrier):
    write_message(registered)
    registered.put("/patients", PATIENT | {"phone": "13900139000"})
    work(registered)
    assert [sent.to for sent in carrier.sent] == ["+8613900139000"]
