import json
import queue
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from demo.carrier import running_carrier
from demo.carrier_callbacks import Fault

SERVICE = "MG" + "2" * 32
TO = "+8613800138000"


@pytest.fixture
def carrier(tmp_path):
    with running_carrier(sent=tmp_path / "sent.jsonl") as running:
        yield running


@pytest.fixture
def client(carrier):
    http = TwilioHttpClient(timeout=5)
    client = Client(carrier.account_sid, carrier.auth_token, http_client=http)
    client.api.base_url = carrier.base_url
    yield client
    http.session.close()


@pytest.fixture
def receiver():
    with callbacks() as running:
        yield running


@contextmanager
def callbacks(answers=()):
    """Receive status callbacks as (url, form, signature); `answers` are the first status codes, then 204."""
    remaining = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            server.received.put((server.url + self.path, dict(parse_qsl(body)), self.headers["X-Twilio-Signature"]))
            self.send_response(remaining.pop(0) if remaining else 204)
            self.end_headers()

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.url, server.received = f"http://127.0.0.1:{server.server_port}", queue.Queue()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def send(client, receiver=None, **fields):
    if receiver:
        fields["status_callback"] = f"{receiver.url}/webhooks/twilio/7?a=b%20c"
    return client.messages.create(**{"to": TO, "messaging_service_sid": SERVICE, "body": "您好", **fields})


def statuses(receiver, count):
    return [receiver.received.get(timeout=5)[1]["MessageStatus"] for _ in range(count)]


def test_message_is_accepted_stored_and_appended_for_its_owner_only(carrier, client, tmp_path):
    message = send(client)
    assert message.status == "accepted"
    line = json.loads((tmp_path / "sent.jsonl").read_text())
    assert line["at"]
    assert {**line, "at": ""} == {"at": "", "channel": "sms", "to": TO, "body": "您好", "reference": message.sid}
    assert (tmp_path / "sent.jsonl").stat().st_mode & 0o777 == 0o600
    assert [m.reference for m in carrier.messages] == [message.sid]


def test_wrong_credentials_are_refused(carrier, client):
    for given in (None, (carrier.account_sid, "wrong")):
        reply = requests.get(f"{carrier.base_url}/2010-04-01/Accounts/{carrier.account_sid}/Messages.json", auth=given)
        assert (reply.status_code, reply.json()["code"]) == (401, 20003)


def test_another_account_is_not_found(carrier):
    url = f"{carrier.base_url}/2010-04-01/Accounts/AC{'9' * 32}/Messages.json"
    reply = requests.get(url, auth=(carrier.account_sid, carrier.auth_token))
    assert (reply.status_code, reply.json()["code"]) == (404, 20404)


def test_callbacks_come_in_order_and_their_signature_satisfies_twilio(carrier, client, receiver):
    message = send(client, receiver)
    for status in ("queued", "sent", "delivered"):
        url, form, signature = receiver.received.get(timeout=5)
        assert (form["MessageSid"], form["MessageStatus"]) == (message.sid, status)
        assert RequestValidator(carrier.auth_token).validate(url, form, signature)
        assert not RequestValidator(carrier.auth_token).validate(url, {**form, "MessageStatus": "failed"}, signature)
    assert client.messages(message.sid).fetch().status == "delivered"


def test_callback_that_fails_is_repeated_once(client):
    with callbacks(answers=[503]) as receiver:
        send(client, receiver)
        assert statuses(receiver, 4) == ["queued", "queued", "sent", "delivered"]


def test_obfuscated_number_is_hidden_in_callback_and_list(carrier, client, receiver):
    send(client, receiver, address_retention="obfuscate")
    assert [receiver.received.get(timeout=5)[1]["To"][-4:] for _ in range(3)] == ["8000", "XXXX", "XXXX"]
    assert client.messages.list(to=TO) == []
    assert client.messages.list()[0].to == "+861380013XXXX"
    assert carrier.messages[0].to == TO


@pytest.mark.parametrize(("status", "code"), [(400, 21610), (429, 20429), (500, 20500)])
def test_asked_refusal_meets_one_message_only(carrier, client, status, code):
    carrier.fail_next(Fault(status=status, code=code))
    with pytest.raises(TwilioRestException) as refused:
        send(client)
    assert (refused.value.status, refused.value.code) == (status, code)
    assert carrier.messages == []
    assert send(client).status == "accepted"


def test_lost_reply_leaves_the_message_accepted(carrier, client):
    carrier.fail_next(Fault(lose_reply=True))
    with pytest.raises(requests.ConnectionError):
        send(client)
    assert [m.sid for m in client.messages.list()] == [m.reference for m in carrier.messages]
    assert len(carrier.messages) == 1


def test_late_reply_lets_the_client_give_up(carrier, client):
    carrier.fail_next(Fault(delay=30))
    client.http_client.timeout = 0.3
    with pytest.raises(requests.ReadTimeout):
        send(client)
    assert len(carrier.messages) == 1


@pytest.mark.parametrize(
    ("callback", "expected"),
    [
        ("twice", ["queued", "queued", "sent", "sent", "delivered", "delivered"]),
        ("reversed", ["delivered", "sent", "queued"]),
    ],
)
def test_callbacks_can_be_doubled_and_reversed(carrier, client, receiver, callback, expected):
    carrier.fail_next(Fault(callbacks=callback))
    send(client, receiver)
    assert statuses(receiver, len(expected)) == expected


def test_dropped_callbacks_leave_only_the_resource(receiver):
    with running_carrier() as carrier:
        client = Client(carrier.account_sid, carrier.auth_token)
        client.api.base_url = carrier.base_url
        carrier.fail_next(Fault(callbacks="dropped"))
        sid = send(client, receiver).sid
        client.http_client.session.close()
    assert carrier.book.get(sid).status == "delivered"
    assert receiver.received.empty()


@pytest.mark.parametrize(("outcome", "steps"), [("failed", 2), ("undelivered", 3)])
def test_message_can_end_badly_with_a_code(carrier, client, receiver, outcome, steps):
    carrier.fail_next(Fault(outcome=outcome, error_code=30005))
    sid = send(client, receiver).sid
    last = [receiver.received.get(timeout=5)[1] for _ in range(steps)][-1]
    assert (last["MessageStatus"], last["ErrorCode"]) == (outcome, "30005")
    assert client.messages(sid).fetch().error_code == 30005


def test_list_is_filtered_and_paged(carrier, client):
    numbers = [f"+86138001380{n:02}" for n in range(5)]
    for number in numbers:
        send(client, to=number)
    assert [m.to for m in client.messages.list(page_size=2)] == numbers[::-1]
    assert [m.to for m in client.messages.list(to=numbers[3])] == [numbers[3]]


def test_faults_and_stops_come_over_http_too(carrier, client):
    account = (carrier.account_sid, carrier.auth_token)
    assert requests.post(f"{carrier.base_url}/demo/opt-outs", json={"to": TO}, auth=account).status_code == 204
    assert requests.post(f"{carrier.base_url}/demo/faults", json={"status": 429, "code": 20429}, auth=account).ok
    assert requests.post(f"{carrier.base_url}/demo/faults", json={"no": 1}, auth=account).status_code == 400
    assert requests.post(f"{carrier.base_url}/demo/faults", json={"status": 429}).status_code == 401
    for code in (20429, 21610):
        with pytest.raises(TwilioRestException) as refused:
            send(client)
        assert refused.value.code == code


def test_wait_for_returns_as_soon_as_a_message_arrives(carrier, client):
    waiting = threading.Thread(target=send, args=(client,))
    waiting.start()
    assert len(carrier.wait_for(bool)) == 1
    waiting.join()
    with pytest.raises(TimeoutError):
        carrier.wait_for(lambda messages: len(messages) == 2, timeout=0.1)


def test_process_says_where_it_listens_and_ends_on_sigterm(tmp_path):
    (tmp_path / "token").write_text("secret\n")
    account = "AC" + "3" * 32
    options = ["--sent", tmp_path / "sent", "--account-sid", account, "--auth-token-file", tmp_path / "token"]
    command = [sys.executable, "-m", "demo.carrier", "--port", "0", *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().removeprefix("listening on ").strip()
        client = Client(account, "secret")
        client.api.base_url = url
        sid = send(client).sid
        client.http_client.session.close()
        process.terminate()
        assert process.wait(timeout=5) == 0
    assert json.loads((tmp_path / "sent").read_text())["reference"] == sid
