"""Orthanc as the archive beside us: it pushes, searches and fetches by DICOMweb, has committed, and imports our ZIP."""

import io
import json
import shutil
import subprocess
import time
import zipfile
from contextlib import contextmanager

import pytest
import requests

from app.services import sources
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests.peers.conftest import MIXED, Site, lacking
from tests.peers.tools import SECONDS, image, installed
from tests.stand import free_port

ORTHANC = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
PLUGINS = installed("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


class Orthanc:
    """One that knows us as a DICOMweb server and as a modality."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, method: str, path: str, **body):
        answer = requests.request(method, self._url + path, timeout=SECONDS, **body)
        assert answer.ok, answer.text
        return answer.json()

    def take(self, file: bytes) -> str:
        return self.ask("POST", "/instances", data=file)["ID"]

    def answers(self) -> bool:
        try:
            return bool(self.ask("GET", "/system"))
        except requests.ConnectionError:
            return False


@pytest.fixture
def orthanc(site, tmp_path):
    if ORTHANC is None or PLUGINS is None:
        lacking("orthanc and orthanc-dicomweb")
    port, dicom_port = free_port(), free_port()
    _report_to(site, f"127.0.0.1:{dicom_port}")
    server = {"Url": f"{site.root}/", "HttpHeaders": site.headers}
    config = {
        "StorageDirectory": str(tmp_path / "orthanc"), "Plugins": [str(PLUGINS)], "HttpPort": port,
        "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "DicomPort": dicom_port,
        "DicomAet": site.calling, "DicomCheckCalledAet": True,
        "DicomModalities": {"filmpass": {"AET": site.called, "Host": "127.0.0.1", "Port": site.stand.dimse_port}},
        "DicomWeb": {"Enable": True, "Servers": {"filmpass": server}},
    }  # fmt: skip
    (tmp_path / "orthanc.json").write_text(json.dumps(config))
    with _process([ORTHANC, tmp_path / "orthanc.json"], tmp_path / "orthanc.log") as process:
        peer, deadline = Orthanc(port), time.monotonic() + SECONDS
        while not peer.answers():
            assert process.poll() is None, (tmp_path / "orthanc.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield peer


def _report_to(site: Site, address: str) -> None:
    with reading(site.stand.parts, Scope(hospital=site.hospital)) as session:
        (source,) = sources.sources_of(session, site.hospital)
    with unit_of_work(site.stand.parts, Scope(hospital=site.hospital)) as session:
        sources.change_source(session, site.stand.parts, site.hospital, source.id, report_to=address, certificate=None)


@contextmanager
def _process(command, log):
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()  # it closes down for seconds
        process.wait()


def test_orthanc_pushes_searches_and_fetches_over_dicomweb(site, orthanc):
    names = ("CT_small.dcm", "MR_small_jp2klossless.dcm", "test-SR.dcm")
    pushed = [orthanc.take(site.files[name].read_bytes()) for name in names]
    told = orthanc.ask("POST", "/dicom-web/servers/filmpass/stow", json={"Resources": pushed, "Synchronous": True})
    assert str(told["InstancesCount"]) == "3"
    site.until_described(MIXED, len(site.instances(MIXED)))
    asked = {"Uri": "/studies", "Arguments": {"00100020": "PEER-1", "StudyInstanceUID": MIXED}}
    (study,) = orthanc.ask("POST", "/dicom-web/servers/filmpass/qido", json=asked)
    assert MIXED in json.dumps(study)
    for id_ in pushed:
        orthanc.ask("DELETE", f"/instances/{id_}")
    wanted = {"Resources": [{"Study": MIXED}], "Synchronous": True}
    fetched = orthanc.ask("POST", "/dicom-web/servers/filmpass/retrieve", json=wanted)
    assert int(fetched["ReceivedInstancesCount"]) == len(site.instances(MIXED))


def test_orthanc_is_told_what_is_committed(site, orthanc, tmp_path):
    sent, kept_back = (orthanc.take(image(site, tmp_path, number).read_bytes()) for number in (70, 71))
    orthanc.ask("POST", "/modalities/filmpass/store", json=[sent])
    assert _commitment(site, orthanc, sent)["Status"] == "Success"
    refused = _commitment(site, orthanc, kept_back)
    assert refused["Status"] == "Failure"
    assert [item["FailureReason"] for item in refused["Failures"]] == [0x0112]  # no such object instance


def _commitment(site: Site, orthanc: Orthanc, id_: str) -> dict:
    asked = {"Resources": [id_]}
    path = orthanc.ask("POST", "/modalities/filmpass/storage-commitment", json=asked)["Path"]
    site.stand.until(lambda: orthanc.ask("GET", path)["Status"] != "Pending", "Orthanc to be told")
    return orthanc.ask("GET", path)


def test_orthanc_imports_an_archive(mixed, orthanc):
    answer = mixed.get(f"/studies/{MIXED}/archive", "application/zip")
    imported = orthanc.ask("POST", "/instances", data=answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert len(archive.namelist()) == len(mixed.files) + 1
    assert [item["Status"] for item in imported] == ["Success"] * len(mixed.files)
    assert len(orthanc.ask("GET", "/instances")) == len(mixed.files)
