"""The demo carrier is held to a document that is not ours: Twilio's published OpenAPI 3.0 description."""

import json
import os
import re
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from demo.carrier import running_carrier
from demo.carrier_callbacks import Fault

SHARED = Path(os.environ.get("FILMPASS_SHARED", Path(__file__).parents[3] / "shared"))
DOCUMENT = SHARED / "peers" / "twilio_api_v2010.json"
SERVICE = "MG" + "2" * 32
TO = "+8613800138000"

FORMATS = FormatChecker(formats=())
FORMATS.checks("date-time-rfc-2822", raises=(ValueError, TypeError))(
    lambda text: text is None or bool(parsedate_to_datetime(text))
)
FORMATS.checks("phone-number")(lambda text: text is None or bool(re.fullmatch(r"\+[1-9][\dX]{6,14}", text)))
FORMATS.checks("uri")(lambda text: text is None or bool(re.fullmatch(r"(https?:/)?/[!-~]+", text)))
FORMATS.checks("date-time")(lambda text: text is None or bool(re.fullmatch(r"[\d-]{10}(T[\d:]{8}Z)?", text)))


class TwilioDocument:
    """Validates an exchange on the wire against the operation that its path and method name."""

    def __init__(self, path):
        text = path.read_text(encoding="utf-8")
        self.document = json.loads(text, object_hook=as_json_schema)
        self.seen = []

    def check(self, request, response):
        url = urlsplit(request.url)
        operation = self._operation(url.path, request.method.lower())
        assert request.headers["Authorization"].startswith("Basic ")
        query = [p for p in operation["parameters"] if p["in"] == "query"]
        schema = {"properties": {p["name"]: p["schema"] for p in query}, "type": "object"}
        self._validate(self._typed(dict(parse_qsl(url.query)), schema), schema)
        if "requestBody" in operation:
            assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
            schema = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
            self._validate(self._typed(dict(parse_qsl(request.body, keep_blank_values=True)), schema), schema)
        self._check_reply(operation, response)
        self.seen.append((operation["operationId"], response.status_code))

    def _check_reply(self, operation, response):
        if response.status_code >= 400:  # the document describes no error; the client library reads these four fields
            problem = response.json()
            assert set(problem) == {"code", "message", "more_info", "status"}
            assert problem["status"] == response.status_code
            return
        content = operation["responses"][str(response.status_code)].get("content")
        if content is None:
            assert response.content == b""
            return
        assert response.headers["Content-Type"].split(";")[0] in content
        self._validate(response.json(), content["application/json"]["schema"])

    def _operation(self, path, method):
        for template, operations in self.document["paths"].items():
            pattern = re.sub(r"\{\w+\}", "([^/.]+)", template)
            found = re.fullmatch(pattern, path)
            if found and method in operations:
                parameters = [p for p in operations[method]["parameters"] if p["in"] == "path"]
                for parameter, value in zip(parameters, found.groups(), strict=True):
                    self._validate(value, parameter["schema"])
                return operations[method]
        raise ValidationError(f"Twilio has no {method} {path}")

    def _typed(self, form, schema):
        """Read a form as its schema types it: everything is text on the wire."""
        readers = {
            "integer": int,
            "number": float,
            "boolean": lambda text: {"true": True, "false": False}[text.lower()],
        }
        types = {name: self._resolved(part).get("type") for name, part in schema["properties"].items()}
        return {name: readers.get(types.get(name), str)(value) for name, value in form.items()}

    def _resolved(self, schema):
        return self.document["components"]["schemas"][schema["$ref"].split("/")[-1]] if "$ref" in schema else schema

    def _validate(self, value, schema):
        # Closed on purpose: a field that Twilio does not name is as wrong as one of the wrong type.
        closed = {**schema, "additionalProperties": False} if "properties" in schema else schema
        whole = {**closed, "components": self.document["components"]}
        Draft202012Validator(whole, format_checker=FORMATS).validate(value)


def as_json_schema(part):
    """Say OpenAPI 3.0's `nullable` in JSON Schema, and close the Message resource to unknown fields."""
    if part.get("nullable") is True and "type" in part:
        part["type"] = [part["type"], "null"]
    if "num_segments" in part.get("properties", {}):
        part["additionalProperties"] = False
    return part


class RecordingAdapter(HTTPAdapter):
    def __init__(self, document):
        super().__init__()
        self.document = document

    def send(self, request, **options):
        response = super().send(request, **options)
        response.content  # noqa: B018  read it, so that the socket is closed whatever the check says
        self.document.check(request, response)
        return response


@pytest.fixture(scope="module")
def published():
    if not DOCUMENT.exists():
        pytest.skip(f"shared samples: no Twilio OpenAPI document at {DOCUMENT}; FILMPASS_SHARED names its folder")
    return TwilioDocument(DOCUMENT)


@pytest.fixture
def carrier():
    with running_carrier() as running:
        yield running


@pytest.fixture
def client(carrier, published):
    http = TwilioHttpClient(timeout=5)
    http.session.mount("http://", RecordingAdapter(published))
    client = Client(carrier.account_sid, carrier.auth_token, http_client=http)
    client.api.base_url = carrier.base_url
    published.seen.clear()
    yield client
    http.session.close()


def deliver(carrier, client, **fields):
    message = client.messages.create(**{"to": TO, "body": "您的检查影像已生成", **fields})
    carrier.close()
    return message


@pytest.mark.parametrize("sender", [{"messaging_service_sid": SERVICE}, {"from_": "+14155552345"}])
def test_life_of_a_message_is_as_published(carrier, client, published, sender):
    extra = {
        "status_callback": "http://127.0.0.1:9/x",
        "validity_period": 3600,
        "address_retention": "obfuscate",
        "content_retention": "retain",
        "smart_encoded": False,
        "risk_check": "disable",
    }
    carrier.fail_next(Fault(callbacks="dropped"))
    message = deliver(carrier, client, **sender, **extra)
    fetched = message.fetch()
    assert (fetched.status, fetched.sid) == ("delivered", message.sid)
    assert fetched.date_sent is not None
    assert client.messages.list(date_sent_after=fetched.date_sent, page_size=1)[0].sid == message.sid
    assert fetched.update(body="").body == ""
    assert fetched.delete()
    assert published.seen == [
        ("CreateMessage", 201),
        ("FetchMessage", 200),
        ("ListMessage", 200),
        ("UpdateMessage", 200),
        ("DeleteMessage", 204),
    ]


def test_pages_are_as_published(carrier, client, published):
    for _ in range(3):
        client.messages.create(to=TO, body="x", messaging_service_sid=SERVICE)
    assert len(client.messages.list(page_size=1)) == 3
    assert published.seen[3:] == [("ListMessage", 200)] * 3


def test_failed_message_is_as_published(carrier, client):
    carrier.fail_next(Fault(outcome="failed", error_code=30005))
    message = deliver(carrier, client, messaging_service_sid=SERVICE)
    assert message.fetch().error_code == 30005


def test_refusal_is_one_the_library_reads(carrier, client, published):
    carrier.fail_next(Fault(status=429, code=20429))
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(to=TO, body="x", messaging_service_sid=SERVICE)
    assert refused.value.code == 20429
    assert published.seen == [("CreateMessage", 429)]


@pytest.mark.parametrize(
    "change",
    [
        {"status": "bogus"},
        {"sid": "SM1"},
        {"num_segments": 1},
        {"date_created": "2026-03-01T00:00:00Z"},
        {"from": "someone"},
        {"invented": True},
    ],
)
def test_validator_itself_notices_a_reply_that_twilio_would_not_give(carrier, client, published, change):
    message = carrier.book.create({"To": TO, "Body": "x", "From": "+14155552345"})
    good = message.resource()
    schema = {"$ref": "#/components/schemas/api.v2010.account.message"}
    published._validate(good, schema)
    with pytest.raises(ValidationError):
        published._validate({**good, **change}, schema)


@pytest.mark.parametrize("fields", [{"messaging_service_sid": "MG1"}, {"risk_check": "perhaps"}, {"to": "nobody"}])
def test_validator_itself_notices_a_request_that_breaks_the_document(client, fields):
    with pytest.raises(ValidationError):
        client.messages.create(**{"to": TO, "body": "x", "messaging_service_sid": SERVICE, **fields})
