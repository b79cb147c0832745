"""A hospital's system that holds every request and answer against the API's own document."""

import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from sqlalchemy import select

from app.models.audit import AuditEvent
from app.services.unit_of_work import Scope, reading
from tests import factories
from tests.app.routes.hospital.story import Carrier


@dataclass
class System:
    """One hospital's system with its key."""

    client: Any
    document: dict[str, Any]
    parts: Any
    hospital: UUID
    key: str

    def get(self, path: str, **query):
        return self.send("GET", path, query_string=query)

    def put(self, path: str, body: Any, *, valid: bool = True, **headers):
        return self.send("PUT", path, body, valid=valid, headers=headers)

    def post(self, path: str, body: Any = None, *, valid: bool = True, **headers):
        return self.send("POST", path, body, valid=valid, headers=headers)

    def send(self, method: str, path: str, body: Any = None, *, valid: bool = True, headers=(), **more):
        """Send JSON; `valid` says whether the document allows the body, which the server has to agree with."""
        described = self._described(method, path)
        sent = {name.replace("_", "-"): value for name, value in dict(headers).items()}
        sent = {"Authorization": f"Bearer {self.key}"} | sent
        if body is not None:
            self._check_body(described, body, valid)
            more |= {"data": json.dumps(body), "content_type": "application/json"}
        answer = self.client.open(f"/api/v1{path}", method=method, headers=sent, **more)
        self._check_answer(described, answer)
        return answer

    def _described(self, method: str, path: str) -> dict[str, Any]:
        for template, operations in self.document["paths"].items():
            pattern = re.sub(r"\{\w+\}", "[^/]+", template)
            if re.fullmatch(pattern, f"/api/v1{path}") and method.lower() in operations:
                return operations[method.lower()]
        raise AssertionError(f"{method} {path} is not in the document")

    def _validator(self, schema: dict[str, Any]):
        whole = {"components": self.document["components"], **schema}
        jsonschema.Draft202012Validator.check_schema(whole)
        checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
        return jsonschema.Draft202012Validator(whole, format_checker=checker)

    def _check_body(self, described, body, valid: bool) -> None:
        schema = described["requestBody"]["content"]["application/json"]["schema"]
        problems = list(self._validator(schema).iter_errors(body))
        assert not problems or not valid, problems

    def _check_answer(self, described, answer) -> None:
        response = described["responses"].get(str(answer.status_code))
        assert response, f"status {answer.status_code} is not in the document: {answer.text}"
        schema = response["content"][answer.mimetype]["schema"]
        self._validator(schema).validate(answer.json)

    def events(self, action: str) -> list[AuditEvent]:
        with reading(self.parts, Scope(hospital=self.hospital)) as session:
            found = select(AuditEvent).where(AuditEvent.hospital_id == self.hospital, AuditEvent.action == action)
            return list(session.scalars(found.order_by(AuditEvent.id)))


@pytest.fixture
def make_system(client, parts):
    document = client.get("/api/v1/openapi.json").json

    def make(code: str, **hospital) -> System:
        hospital_id = factories.make_hospital(parts, code, **hospital)
        return System(client, document, parts, hospital_id, factories.make_api_key(parts, hospital_id))

    return make


@pytest.fixture
def system(make_system) -> System:
    return make_system("yz1")


@pytest.fixture
def neighbour(make_system) -> System:
    return make_system("nb2")


@pytest.fixture
def carrier(parts) -> Carrier:
    parts.channels["sms"] = Carrier()
    return parts.channels["sms"]


PATIENT = {
    "identifier": {"value": "D-1001"},
    "names": {"alphabetic": "Wang^Xiaoming", "ideographic": "王^小明"},
    "birth_date": "1958-03-07",
    "sex": "M",
    "phone": "138 0013 8000",
    "id_number": "110101195803071234",
    "language": "zh",
}
ORDER = {
    "accession_number": "CT-1",
    "patient": {"value": "D-1001"},
    "visit_number": "V-77",
    "procedure_text": "胸部CT平扫",
    "procedure_code": "CT-CHEST",
}
REPORT = {
    "number": "R-1",
    "version": 1,
    "status": "final",
    "accession_number": "CT-1",
    "issued_at": "2026-03-02T12:00:00+08:00",
    "conclusion": "1. 右肺上叶小结节。\n2. 其余未见异常。",
    "findings": ["胸廓对称。"],
    "authors": ["李医生"],
    "signer": "张医生",
    "key_instances": ["1.2.3.4"],
}


@pytest.fixture
def registered(system) -> System:
    """The system, after it registered one patient and one order."""
    assert system.put("/patients", PATIENT).status_code == 201
    assert system.put("/service-requests", ORDER).status_code == 201
    return system
