"""Alive, ready, measured: and none of it about a patient."""

import re

from app.core.errors import OutOfResources
from app.core.identifiers import new_id
from app.outbox import owe
from app.services.unit_of_work import Scope, unit_of_work
from tests.factories import announce, make_case, make_hospital


def test_a_process_that_answers_is_alive(client):
    assert client.get("/healthz").status_code == 200


def test_an_installation_is_ready_with_database_and_store(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"database": True, "store": True, "owed": 0, "due": 0, "oldest_due_seconds": 0.0}


def test_a_full_store_is_not_ready(client, parts, monkeypatch):
    def full():
        raise OutOfResources

    monkeypatch.setattr(type(parts.store), "create", lambda _self: full())
    assert client.get("/readyz").status_code == 503


def test_metrics_tell_what_is_owed_and_which_message_states_there_are(client, parts):
    hospital_id = make_hospital(parts)
    now = parts.clock()
    with unit_of_work(parts, Scope(hospital=hospital_id)) as session:
        owe(session, hospital_id, "study.settle", str(new_id()), due_at=now, now=now)
    client.get("/healthz")

    text = client.get("/metrics").text

    assert re.search(r"^filmpass_outbox_open 1\.0$", text, re.MULTILINE)
    assert re.search(r"^filmpass_audit_oldest_unsealed_seconds \d", text, re.MULTILINE)
    assert 'filmpass_requests_total{status="2xx"}' in text
    assert str(hospital_id) not in text


def test_a_message_is_counted_once_however_many_hospitals_there_are(client, parts):
    case = make_case(parts)
    make_hospital(parts, "nb2")
    announce(parts, case)
    assert 'filmpass_messages{state="queued"} 1.0' in client.get("/metrics").text
