"""Patients, orders and reports over the API."""

import base64
import json
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.access.load.patients import patient_by_identifier
from app.core.identifiers import digest_of
from app.models.hospitals import IdempotencyKey
from app.models.imaging import StoredObject
from app.models.patients import ContactPoint, Patient, Report
from app.services import keys, objects, patients
from app.services.unit_of_work import Scope, reading
from app.web.operations import BODY_LIMIT
from tests import factories
from tests.app.routes.hospital.conftest import ORDER, PATIENT, REPORT

PDF = b"%PDF-1.7\n" + b"x" * 1000


def rows(system, table):
    with reading(system.parts, Scope(hospital=system.hospital)) as session:
        return list(session.scalars(select(table).where(table.hospital_id == system.hospital)))


def phones(system):
    with reading(system.parts, Scope(hospital=system.hospital)) as session:
        found = session.scalars(select(ContactPoint).where(ContactPoint.ended_at.is_(None)))
        return {row.kind: keys.open_field(session, system.parts, "contact", row.value_sealed) for row in found}


def pointers(answer):
    return [error["pointer"] for error in answer.json["errors"]]


def test_a_patient_is_registered_once_and_then_changed(system):
    first = system.put("/patients", PATIENT)
    again = system.put("/patients", PATIENT)
    changed = system.put("/patients", PATIENT | {"language": "en"})
    assert [answer.status_code for answer in (first, again, changed)] == [201, 200, 200]
    assert [answer.json["outcome"] for answer in (first, again, changed)] == ["created", "unchanged", "changed"]
    assert len({answer.json["id"] for answer in (first, again, changed)}) == 1
    assert len(rows(system, Patient)) == 1
    assert [event.reason for event in system.events("patient.written")] == ["created", "unchanged", "changed"]


@pytest.mark.parametrize("accept", ["application/xml", "application/json;q=0, text/html"])
def test_what_takes_no_json_is_refused_before_anything_is_written(system, accept):
    answer = system.put("/patients", PATIENT, Accept=accept)
    assert (answer.status_code, answer.json["code"]) == (406, "not-acceptable")
    assert system.send("GET", "/worklist", headers={"Accept": accept}).status_code == 406
    assert rows(system, Patient) == []
    assert system.send("GET", "/worklist", headers={"Accept": "text/html, */*;q=0.1"}).status_code == 200


def test_a_patient_is_read_back_without_number_and_id_number(system):
    system.put("/patients", PATIENT | {"email": "xiaoming@mail.example"})
    answer = system.get("/patients", identifier="D-1001")
    assert answer.status_code == 200
    assert answer.json["names"] == PATIENT["names"]
    assert answer.json["shown_name"] == "王小明"
    assert answer.json["issuer"] == "YZ1"
    assert answer.json["phone"] == "+86***8000"
    assert answer.json["email"] == "x***@mail.example"
    assert answer.json["has_id_number"] is True
    assert "13800138000" not in answer.text
    assert PATIENT["id_number"] not in answer.text
    assert len(system.events("patient.read")) == 1


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ({"alphabetic": "Lefèvre^Camille"}, "Lefèvre Camille"),
        ({"alphabetic": "Wang^^^Dr^"}, "Wang Dr"),
        ({"ideographic": "王^小明"}, "王小明"),
        ({"alphabetic": "Wang^Xiaoming", "ideographic": "^"}, "Wang Xiaoming"),
    ],
)
def test_the_shown_name_is_ideographic_else_alphabetic(system, names, shown):
    assert system.put("/patients", PATIENT | {"names": names}).status_code == 201
    assert system.get("/patients", identifier="D-1001").json["shown_name"] == shown


def test_a_name_that_shows_nothing_is_refused(system):
    answer = system.put("/patients", PATIENT | {"names": {"phonetic": "おう"}})
    assert answer.status_code == 422
    assert pointers(answer) == ["/names"]


def test_numbers_are_kept_in_one_form(system):
    for phone in ("138 0013 8000", "+86 138-0013-8000", "008613800138000"):
        system.put("/patients", PATIENT | {"phone": phone})
    assert phones(system) == {"phone": "+8613800138000"}
    assert len(rows(system, ContactPoint)) == 1


def test_a_number_without_country_belongs_to_the_hospitals_country(make_system):
    paris = make_system("paris", time_zone="Europe/Paris")
    assert paris.put("/patients", PATIENT | {"phone": "06 12 34 56 78"}).status_code == 201
    assert phones(paris) == {"phone": "+33612345678"}


def test_a_changed_number_ends_the_old_one_and_an_old_one_can_come_back(system):
    system.put("/patients", PATIENT)
    system.put("/patients", PATIENT | {"phone": "13900139000"})
    assert phones(system) == {"phone": "+8613900139000"}
    assert len(rows(system, ContactPoint)) == 2
    system.put("/patients", PATIENT)
    assert phones(system) == {"phone": "+8613800138000"}
    assert len(rows(system, ContactPoint)) == 2
    system.put("/patients", {name: value for name, value in PATIENT.items() if name != "phone"})
    assert phones(system) == {}


@pytest.mark.parametrize("phone", ["020 6600 1234", "+86 21 6600 1234", "400 820 8820", "12345", "nobody", "+0"])
def test_a_number_that_takes_no_messages_is_refused(system, phone):
    answer = system.put("/patients", PATIENT | {"phone": phone})
    assert answer.status_code == 422
    assert pointers(answer) == ["/phone"]
    assert phone not in answer.text
    assert rows(system, Patient) == []


def test_phone_address_and_id_number_are_sealed(system):
    system.put("/patients", PATIENT | {"email": "xiaoming@mail.example"})
    database = Path(system.parts.settings.database_url.removeprefix("sqlite:///"))
    stored = b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))
    assert b"D-1001" in stored
    for secret in ("13800138000", "xiaoming@mail.example", PATIENT["id_number"]):
        assert secret.encode() not in stored


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"sex": "male"}, "/sex"),
        ({"birth_date": "07.03.1958"}, "/birth_date"),
        ({"birth_date": 19580307}, "/birth_date"),
        ({"birth_date": "2999-01-01"}, "/birth_date"),
        ({"birth_date": "1849-12-31"}, "/birth_date"),  # no patient could type it
        ({"email": "not an address"}, "/email"),
        ({"language": "de"}, "/language"),
        ({"deceased": "false"}, "/deceased"),
        ({"identifier": {}}, "/identifier/value"),
        ({"identifier": {"value": " "}}, "/identifier/value"),
        ({"identifier": {"value": "x" * 65}}, "/identifier/value"),
        ({"names": {"alphabetic": "a=b"}}, "/names/alphabetic"),
        ({"names": {"alphabetic": "a\u0000b"}}, "/names/alphabetic"),
        ({"names": "Wang"}, "/names"),
        ({"nick/name": "secret-value"}, "/nick~1name"),
        ({"phone": 13800138000}, "/phone"),
    ],
)
def test_a_wrong_field_is_named_and_not_repeated(system, change, pointer):
    answer = system.put("/patients", PATIENT | change, valid=False)
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert pointers(answer) == [pointer]
    assert all(error["detail"] for error in answer.json["errors"])
    for value in ("secret-value", "not an address", "07.03.1958", "Wang", "13800138000"):
        assert value not in answer.text


def test_every_wrong_field_is_named_at_once(system):
    answer = system.put("/patients", {"sex": 1, "more": 2}, valid=False)
    assert sorted(pointers(answer)) == ["/identifier", "/more", "/names", "/sex"]


def test_what_is_no_json_is_refused(system):
    headers = {"Authorization": f"Bearer {system.key}"}
    send = {"method": "PUT", "path": "/api/v1/patients", "headers": headers}
    for data in (b"{", b"\xff", b'{"a": "\\ud800"}'):
        answer = system.client.open(**send, data=data, content_type="application/json")
        assert (answer.status_code, answer.json["code"]) == (400, "bad-request")
    answer = system.client.open(**send, data=b"a=b", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported-media-type")
    answer = system.client.open(**send, data=b" " * (16 << 20) + b"{}", content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (413, "too-large")
    assert "16777216" in answer.json["detail"]


def test_a_chunked_body_has_the_same_limit(system):
    headers = {"Authorization": f"Bearer {system.key}", "Transfer-Encoding": "chunked"}
    answers = [
        system.client.put(
            "/api/v1/patients",
            input_stream=BytesIO(json.dumps(PATIENT).encode().ljust(size)),
            headers=headers,
            content_type="application/json",
            environ_overrides={"wsgi.input_terminated": True},
        ).status_code
        for size in (BODY_LIMIT + 1, BODY_LIMIT)
    ]
    assert answers == [413, 201]


def test_without_a_living_key_nobody_enters(system):
    for header in ("", "Bearer fpk_wrong", "Basic x"):
        answer = system.send("GET", "/patients", headers={"Authorization": header}, query_string={"identifier": "1"})
        assert answer.status_code == 401


def test_an_order_needs_a_registered_patient(system):
    answer = system.put("/service-requests", ORDER)
    assert answer.status_code == 422
    assert pointers(answer) == ["/patient"]
    system.put("/patients", PATIENT)
    outcomes = [
        system.put("/service-requests", ORDER | change).json["outcome"] for change in ({}, {}, {"priority": "stat"})
    ]
    assert outcomes == ["created", "unchanged", "changed"]


def test_an_order_goes_to_another_patient_only_while_no_study_hangs_on_it(registered):
    other = {"identifier": {"value": "D-1002"}, "names": {"alphabetic": "Lefèvre^Camille"}}
    registered.put("/patients", other)
    moved = ORDER | {"patient": {"value": "D-1002"}}
    assert registered.put("/service-requests", moved).json["outcome"] == "changed"
    order = UUID(registered.put("/service-requests", ORDER).json["id"])
    factories.make_study_ready(registered.parts, registered.hospital, order)
    assert registered.put("/service-requests", moved).status_code == 409


def test_a_report_is_kept_version_by_version(registered):
    first = registered.put("/reports", REPORT)
    again = registered.put("/reports", REPORT)
    other = registered.put("/reports", REPORT | {"conclusion": ["else"]})
    amended = registered.put("/reports", REPORT | {"version": 2, "status": "amended", "change": "左右更正。"})
    assert registered.put("/reports", REPORT | {"status": "preliminary"}).status_code == 409
    assert [answer.status_code for answer in (first, again, other, amended)] == [201, 200, 409, 201]
    assert again.json == {"id": first.json["id"], "outcome": "unchanged"}
    assert [row.version for row in rows(registered, Report)] == [1, 2]
    assert len(registered.events("report.written")) == 2


def test_a_report_number_stays_with_its_order(registered):
    registered.put("/reports", REPORT)
    registered.put("/service-requests", ORDER | {"accession_number": "CT-2"})
    answer = registered.put("/reports", REPORT | {"version": 2, "accession_number": "CT-2"})
    assert answer.status_code == 409


def test_a_report_as_pdf_is_sealed_and_given_back_whole(registered):
    body = REPORT | {"pdf": base64.b64encode(PDF).decode()}
    assert registered.put("/reports", body).status_code == 201
    assert registered.put("/reports", body).json["outcome"] == "unchanged"
    other = body | {"pdf": base64.b64encode(PDF + b"y").decode()}
    assert registered.put("/reports", other).status_code == 409
    assert registered.put("/reports", REPORT).status_code == 409
    (report,) = rows(registered, Report)
    with reading(registered.parts, Scope(hospital=registered.hospital)) as session:
        reader = objects.reader(session, registered.parts, registered.hospital, report.pdf_object_id)
    assert reader.read() == PDF
    assert len(rows(registered, StoredObject)) == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"pdf": "not base64!"}, "/pdf"),
        ({"pdf": base64.b64encode(b"MZ").decode()}, "/pdf"),
        ({"pdf": base64.b64encode(b"%PDF-" + bytes(10 << 20)).decode()}, "/pdf"),
        ({"pdf": 1}, "/pdf"),
        ({"key_instances": ["1.2", "../../etc"]}, "/key_instances/1"),
        ({"issued_at": "2026-03-02T12:00:00"}, "/issued_at"),
        ({"issued_at": 1772424000}, "/issued_at"),
        ({"version": 0}, "/version"),
        ({"version": "1"}, "/version"),
        ({"version": True}, "/version"),
        ({"status": "draft"}, "/status"),
        ({"accession_number": "unknown"}, "/accession_number"),
        ({"conclusion": ["a", 2]}, "/conclusion/1"),
        ({"conclusion": 2}, "/conclusion"),
    ],
)
def test_a_wrong_field_of_a_report_is_named(registered, change, pointer):
    answer = registered.put("/reports", REPORT | change, valid=False)
    assert answer.status_code == 422
    assert pointers(answer) == [pointer]
    assert rows(registered, Report) == []


def test_a_repeated_key_acts_once_and_says_so(system):
    first = system.put("/patients", PATIENT, Idempotency_Key="one")
    system.put("/patients", PATIENT | {"language": "fr"})
    again = system.put("/patients", PATIENT, Idempotency_Key="one")
    assert (again.status_code, again.json) == (first.status_code, first.json) == (201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert system.get("/patients", identifier="D-1001").json["language"] == "fr"
    assert len(system.events("patient.written")) == 2


def test_a_repeated_key_with_another_body_is_refused(system):
    system.put("/patients", PATIENT, Idempotency_Key="one")
    answer = system.put("/patients", PATIENT | {"sex": "F"}, Idempotency_Key="one")
    assert (answer.status_code, answer.json["code"]) == (409, "conflict")
    assert system.put("/service-requests", ORDER, Idempotency_Key="one").status_code == 409


def test_a_refused_request_leaves_its_key_free(system):
    assert system.put("/service-requests", ORDER, Idempotency_Key="one").status_code == 422
    system.put("/patients", PATIENT)
    answer = system.put("/service-requests", ORDER, Idempotency_Key="one")
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer.headers


def test_keys_are_each_clients_own(system, neighbour):
    assert system.put("/patients", PATIENT, Idempotency_Key="one").status_code == 201
    answer = neighbour.put("/patients", PATIENT | {"sex": "F"}, Idempotency_Key="one")
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer.headers


@pytest.mark.parametrize("key", ["", "x" * 256, "é"])
def test_a_key_of_another_shape_is_refused(system, key):
    assert system.put("/patients", PATIENT, Idempotency_Key=key).status_code == 400


def test_what_is_kept_under_a_key_holds_nothing_about_a_person(system):
    system.put("/patients", PATIENT, Idempotency_Key="one")
    (kept,) = rows(system, IdempotencyKey)
    assert set(json.loads(kept.response)) == {"id", "outcome"}
    assert kept.request_digest != digest_of(json.dumps(PATIENT))


def test_the_neighbour_finds_no_patient_and_no_order(registered, neighbour):
    assert neighbour.get("/patients", identifier="D-1001", issuer="YZ1").status_code == 404
    assert neighbour.put("/service-requests", ORDER | {"accession_number": "X"}).status_code == 422
    neighbour.put("/patients", PATIENT | {"names": {"alphabetic": "Somebody^Else"}})
    assert neighbour.put("/reports", REPORT).status_code == 422
    assert registered.get("/patients", identifier="D-1001").json["shown_name"] == "王小明"
    with reading(neighbour.parts, Scope(hospital=neighbour.hospital)) as session:
        found = patient_by_identifier(session, neighbour.hospital, "YZ1", "D-1001")
        assert found is not None
        assert found.hospital_id == neighbour.hospital


def test_a_query_that_is_not_usable_is_named(system):
    answer = system.get("/patients", issuer="YZ1")
    assert answer.status_code == 422
    assert pointers(answer) == ["/identifier"]
    assert pointers(system.get("/patients", identifier="1", phone="1")) == ["/phone"]


def test_a_write_that_others_overtake_twice_is_refused_without_naming_a_patient(system, monkeypatch):
    tries = []

    def overtaken(*_):
        tries.append(1)
        raise IntegrityError("INSERT", None, Exception("Key (value)=(D-1001) already exists"))

    monkeypatch.setattr(patients, "put", overtaken)
    answer = system.put("/patients", PATIENT)
    assert (answer.status_code, len(tries)) == (409, 2)
    assert "D-1001" not in answer.text
