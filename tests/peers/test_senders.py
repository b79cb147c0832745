"""Modalities and archives that send: DCMTK in every transfer syntax, odil, PixelMed, dcmjs-dimse, Orthanc."""

import io
import json
import shutil
import subprocess
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest
import requests

from tests.databases import ROOT
from tests.peers.conftest import lacking
from tests.stand import free_port

NODE = ROOT / ".cache" / "node-peers"
PIXELMED = Path("/usr/share/java/pixelmed.jar")
ORTHANC = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
SECONDS = 60


def run(*command: object, **options) -> str:
    if shutil.which(str(command[0])) is None:
        lacking(str(command[0]))
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=SECONDS, check=False, **options
    )
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-1000:]} {done.stderr[-1000:]}"
    return done.stdout + done.stderr


def image(site, folder: Path, number: int) -> Path:
    """Write a CT of its own as a file."""
    dataset = pydicom.dcmread(site.files["CT_small.dcm"])
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.826.6.2", f"1.2.826.6.2.{number}"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.6.2.{number}.1"
    dataset.PixelRepresentation = 0  # not every encoder takes signed cells
    dataset.save_as(folder / f"{number}.dcm")
    return folder / f"{number}.dcm"


ENCODINGS = {
    "explicit little endian": (["dcmconv", "+te"], "-xe"),
    "explicit big endian": (["dcmconv", "+tb"], "-xb"),
    "implicit little endian": (["dcmconv", "+ti"], "-xi"),
    "deflated": (["dcmconv", "+td"], "-xd"),
    "RLE": (["dcmcrle"], "-xr"),
    "JPEG lossless SV1": (["dcmcjpeg", "+e1"], "-xs"),
    "JPEG extended": (["dcmcjpeg", "+ee", "+un"], "-xx"),
    "JPEG-LS lossless": (["dcmcjpls", "+el"], "-xt"),
    "JPEG-LS near-lossless": (["dcmcjpls", "+en", "+un"], "-xu"),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_dcmtk_storescu_sends_in_its_transfer_syntax(site, tmp_path, name):
    (encode, propose) = ENCODINGS[name]
    number = 10 + list(ENCODINGS).index(name)
    encoded = tmp_path / "encoded.dcm"
    run(*encode, image(site, tmp_path, number), encoded)
    send = ["storescu", "-R", "-aet", site.calling, "-aec", site.called, propose]
    run(*send, "127.0.0.1", site.stand.dimse_port, encoded)
    assert f"1.2.826.6.2.{number}.1" in site.instances("1.2.826.6.2")


def test_dcmtk_echoes_and_sends_a_folder(site, tmp_path):
    titles = ["-aet", site.calling, "-aec", site.called]
    run("echoscu", *titles, "127.0.0.1", site.stand.dimse_port)
    files = [image(site, tmp_path, number) for number in (30, 31)]
    run("dcmsend", *titles, "127.0.0.1", site.stand.dimse_port, *files)
    assert {"1.2.826.6.2.30.1", "1.2.826.6.2.31.1"} <= set(site.instances("1.2.826.6.2"))


def test_odil_echoes_and_sends(site, tmp_path):
    place = ["127.0.0.1", site.stand.dimse_port, site.calling, site.called]
    run("odil", "echo", *place)
    run("odil", "store", *place, image(site, tmp_path, 40))
    assert "1.2.826.6.2.40.1" in site.instances("1.2.826.6.2")


def test_pixelmed_sends(site, tmp_path):
    if not PIXELMED.exists():
        lacking("pixelmed")
    jars = ":".join(str(path) for path in PIXELMED.parent.glob("*.jar"))
    place = ["127.0.0.1", site.stand.dimse_port, site.called, site.calling, image(site, tmp_path, 50)]
    run("java", "-cp", jars, "com.pixelmed.network.StorageSOPClassSCU", *place)
    assert "1.2.826.6.2.50.1" in site.instances("1.2.826.6.2")


_DCMJS = """
const { Client, requests } = require("dcmjs-dimse");
const { CEchoRequest, CStoreRequest } = requests;
const [host, port, calling, called, file] = process.argv.slice(2);
const client = new Client();
for (const request of [new CEchoRequest(), new CStoreRequest(file)]) {
  request.on("response", (response) => console.log(`status ${response.getStatus()}.`));
  client.addRequest(request);
}
client.on("networkError", (error) => { console.error(error); process.exit(1); });
client.send(host, Number(port), calling, called);
"""


def test_dcmjs_dimse_echoes_and_sends(site, tmp_path):
    if not (NODE / "node_modules" / "dcmjs-dimse").exists():
        lacking("the packages of scripts/node-peers")
    place = ["127.0.0.1", site.stand.dimse_port, site.calling, site.called, image(site, tmp_path, 60)]
    said = run("node", "-e", _DCMJS, "peer", *place, cwd=NODE)
    assert said.count("status 0.") == 2
    assert "1.2.826.6.2.60.1" in site.instances("1.2.826.6.2")


class Orthanc:
    """One that knows us as a DICOMweb server."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, method: str, path: str, **body):
        answer = requests.request(method, self._url + path, timeout=SECONDS, **body)
        assert answer.ok, answer.text
        return answer.json()

    def answers(self) -> bool:
        try:
            return bool(self.ask("GET", "/system"))
        except requests.ConnectionError:
            return False


@pytest.fixture
def orthanc(site, tmp_path):
    if ORTHANC is None or not PLUGIN.exists():
        lacking("orthanc and orthanc-dicomweb")
    port = free_port()
    server = {"Url": f"{site.root}/", "HttpHeaders": site.headers}
    config = {
        "StorageDirectory": str(tmp_path / "orthanc"), "Plugins": [str(PLUGIN)], "HttpPort": port,
        "DicomServerEnabled": False, "RemoteAccessAllowed": False, "AuthenticationEnabled": False,
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


@contextmanager
def _process(command, log):
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_orthanc_pushes_searches_and_fetches_over_dicomweb(site, orthanc, tmp_path):
    pushed = [
        orthanc.ask("POST", "/instances", data=site.files[name].read_bytes())["ID"]
        for name in ("CT_small.dcm", "MR_small_jp2klossless.dcm", "test-SR.dcm")
    ]
    told = orthanc.ask("POST", "/dicom-web/servers/filmpass/stow", json={"Resources": pushed, "Synchronous": True})
    assert str(told["InstancesCount"]) == "3"
    site.until_described("1.2.826.6.1", len(site.instances("1.2.826.6.1")))
    asked = {"Uri": "/studies", "Arguments": {"00100020": "PEER-1", "StudyInstanceUID": "1.2.826.6.1"}}
    (study,) = orthanc.ask("POST", "/dicom-web/servers/filmpass/qido", json=asked)
    assert "1.2.826.6.1" in json.dumps(study)
    for id_ in pushed:
        orthanc.ask("DELETE", f"/instances/{id_}")
    wanted = {"Resources": [{"Study": "1.2.826.6.1"}], "Synchronous": True}
    fetched = orthanc.ask("POST", "/dicom-web/servers/filmpass/retrieve", json=wanted)
    assert int(fetched["ReceivedInstancesCount"]) == len(site.instances("1.2.826.6.1"))


def test_an_archive_is_imported_and_its_directory_read(site, orthanc, tmp_path):
    site.stow(*(file.read_bytes() for file in site.files.values()))
    site.until_described("1.2.826.6.1", len(site.files))
    answer = site.get("/studies/1.2.826.6.1/archive", "application/zip")
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as made:
        made.extractall(tmp_path / "media")
        names = made.namelist()
    dumped = run("dcmdump", "+P", "0004,1500", tmp_path / "media" / "DICOMDIR")
    assert dumped.count("ReferencedFileID") == len(site.files)
    for name in names[1:]:
        orthanc.ask("POST", "/instances", data=(tmp_path / "media" / name).read_bytes())
    assert len(orthanc.ask("GET", "/instances")) == len(site.files)


def test_what_we_encode_is_valid_for_an_independent_validator(site):
    """`dciodvfy` finds no error in what we encoded that it does not find in what was sent."""
    site.stow(*(file.read_bytes() for file in site.files.values()))
    site.until_described("1.2.826.6.1", len(site.files))
    for name, file in site.files.items():
        if name == "image_dfl.dcm":  # it cannot read what is deflated, to tell what was wrong before
            continue
        place = pydicom.dcmread(file)
        path = f"/studies/1.2.826.6.1/series/{place.SeriesInstanceUID}/instances/{place.SOPInstanceUID}"
        got = site.stand.folder / "emitted.dcm"
        got.write_bytes(site.get(path, "application/dicom").content)
        assert _errors(got) <= _errors(file), name


def _errors(file: Path) -> set[str]:
    if shutil.which("dciodvfy") is None:
        lacking("dicom3tools")
    done = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, timeout=SECONDS, check=False)
    return {line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")}
