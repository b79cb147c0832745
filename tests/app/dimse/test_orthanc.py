"""Storage commitment as Orthanc asks for it: it sends, asks, and is told over an association of our own."""

import json
import shutil
import subprocess
import time
from contextlib import contextmanager
from io import BytesIO

import pytest
import requests

from tests.app.dimse.requester import report_all, report_to
from tests.app.dimse.senders import instance
from tests.stand import free_port

ORTHANC = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
SECONDS = 30
pytestmark = pytest.mark.flow


class Orthanc:
    """One that knows us as a modality."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, method: str, path: str, **body):
        answer = requests.request(method, self._url + path, timeout=SECONDS, **body)
        answer.raise_for_status()
        return answer.json()

    def answers(self) -> bool:
        try:
            return bool(self.ask("GET", "/system"))
        except requests.ConnectionError:
            return False

    def take(self, dataset) -> str:
        file = BytesIO()
        dataset.save_as(file)
        return self.ask("POST", "/instances", data=file.getvalue())["ID"]

    def commitment(self, **asked) -> str:
        return self.ask("POST", "/modalities/filmpass/storage-commitment", json=asked)["Path"]

    def until(self, path: str, true) -> dict:
        deadline = time.monotonic() + SECONDS
        while not true(answer := self.ask("GET", path)):
            assert time.monotonic() < deadline, answer
            time.sleep(0.05)
        return answer


@pytest.fixture
def orthanc(site, tmp_path):
    if ORTHANC is None:
        pytest.skip("Orthanc is not there; .ci/run brings it")
    http_port, dicom_port = free_port(), free_port()
    config = {
        "StorageDirectory": str(tmp_path / "orthanc"),
        "Plugins": [],
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "DicomAet": "PACS1",
        "DicomCheckCalledAet": True,
        "DicomModalities": {"filmpass": {"AET": "FILMPASS", "Host": "127.0.0.1", "Port": site.port}},
    }
    (tmp_path / "orthanc.json").write_text(json.dumps(config))
    report_to(site, f"127.0.0.1:{dicom_port}")
    with _process([ORTHANC, tmp_path / "orthanc.json"], tmp_path / "orthanc.log") as process:
        peer, deadline = Orthanc(http_port), time.monotonic() + SECONDS
        while not peer.answers():
            assert process.poll() is None, (tmp_path / "orthanc.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield peer


@contextmanager
def _process(command, log):
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()  # it closes down for seconds
        process.wait()


def test_orthanc_is_told_that_what_it_sent_is_committed_and_what_it_did_not_send_is_not(site, orthanc):
    sent, kept_back = (orthanc.take(instance(number)) for number in (1, 2))
    orthanc.ask("POST", "/modalities/filmpass/store", json=[sent])
    transactions = {name: orthanc.commitment(Resources=[id_]) for name, id_ in (("sent", sent), ("kept", kept_back))}
    assert {orthanc.ask("GET", path)["Status"] for path in transactions.values()} == {"Pending"}
    report_all(site.parts)
    told = {name: orthanc.until(path, lambda a: a["Status"] != "Pending") for name, path in transactions.items()}
    assert told["sent"]["Status"] == "Success"
    assert [item["SOPInstanceUID"] for item in told["sent"]["Success"]] == [instance(1).SOPInstanceUID]
    assert told["kept"]["Status"] == "Failure"
    assert [item["FailureReason"] for item in told["kept"]["Failures"]] == [0x0112]
