"""The real twilio client before the demo carrier, with Prism between them that holds both to Twilio's own document."""

import subprocess
import time

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from demo.carrier import running_carrier
from demo.carrier_callbacks import Fault
from tests.databases import ROOT
from tests.demo.test_carrier_openapi import DOCUMENT, SERVICE, TO
from tests.peers.conftest import lacking
from tests.stand import free_port

PRISM = ROOT / ".cache" / "node-peers" / "node_modules" / ".bin" / "prism"


@pytest.fixture
def carrier():
    if not DOCUMENT.exists():
        pytest.skip("shared samples are not here: Twilio's OpenAPI description is one of them")
    if not PRISM.exists():
        lacking("the packages of scripts/node-peers")
    with running_carrier() as made:
        yield made


@pytest.fixture
def through_prism(carrier):
    port = free_port()
    command = [PRISM, "proxy", "-h", "127.0.0.1", "-p", str(port), "--errors", DOCUMENT, carrier.base_url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until_it_listens(process, port)
        client = Client(carrier.account_sid, carrier.auth_token, http_client=TwilioHttpClient(timeout=20))
        client.api.base_url = f"http://127.0.0.1:{port}"
        yield client
    finally:
        process.kill()
        process.wait()


def _until_it_listens(process: subprocess.Popen, port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            requests.get(f"http://127.0.0.1:{port}/", timeout=5)
        except requests.ConnectionError:
            assert process.poll() is None
            assert time.monotonic() < deadline, "Prism does not start"
            time.sleep(0.1)
        else:
            return


def test_twilio_sends_and_fetches_as_its_own_document_says(through_prism, carrier):
    sent = through_prism.messages.create(to=TO, messaging_service_sid=SERVICE, body="您的影像已可查看")
    assert sent.sid.startswith("SM")
    assert through_prism.messages(sent.sid).fetch().sid == sent.sid
    carrier.fail_next(Fault(status=400, code=21610))
    with pytest.raises(TwilioRestException) as refused:
        through_prism.messages.create(to=TO, messaging_service_sid=SERVICE, body="x")
    assert (refused.value.status, refused.value.code) == (400, 21610)
