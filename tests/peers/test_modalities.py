"""Other stacks that send, and a validator that reads what we give."""

import io
import subprocess
import zipfile
from pathlib import Path

import pydicom

from tests.peers.conftest import MIXED, lacking
from tests.peers.tools import NODE, SECONDS, SENT, image, installed, instance_uid, run

PIXELMED = installed("/usr/share/java/pixelmed.jar")
VALIDATOR = installed("/usr/bin/dciodvfy")


def test_odil_echoes_and_sends(site, tmp_path):
    place = ["127.0.0.1", site.stand.dimse_port, site.calling, site.called]
    run("odil", "echo", *place)
    run("odil", "store", *place, image(site, tmp_path, 50))
    assert instance_uid(50) in site.instances(SENT)


def test_pixelmed_sends(site, tmp_path):
    if PIXELMED is None:
        lacking("pixelmed-apps")
    jars = ":".join(str(path) for path in PIXELMED.parent.glob("*.jar"))
    place = ["127.0.0.1", site.stand.dimse_port, site.called, site.calling, image(site, tmp_path, 51)]
    run("java", "-cp", jars, "com.pixelmed.network.StorageSOPClassSCU", *place)
    assert instance_uid(51) in site.instances(SENT)


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
    place = ["127.0.0.1", site.stand.dimse_port, site.calling, site.called, image(site, tmp_path, 52)]
    said = run("node", "-e", _DCMJS, "peer", *place, cwd=NODE)
    assert said.count("status 0.") == 2
    assert instance_uid(52) in site.instances(SENT)


def test_dciodvfy_finds_no_error_in_what_we_encode_that_it_does_not_find_in_what_was_sent(mixed):
    readable = {name: file for name, file in mixed.files.items() if name != "image_dfl.dcm"}  # it inflates nothing
    for name, file in readable.items():
        place = pydicom.dcmread(file)
        path = f"/studies/{MIXED}/series/{place.SeriesInstanceUID}/instances/{place.SOPInstanceUID}"
        given = mixed.stand.folder / "given.dcm"
        given.write_bytes(mixed.get(path, "application/dicom").content)
        assert _errors(given) <= _errors(file), name


def test_dciodvfy_finds_no_error_in_the_directory_of_an_archive(mixed, tmp_path):
    answer = mixed.get(f"/studies/{MIXED}/archive", "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extract("DICOMDIR", tmp_path)
    assert _errors(tmp_path / "DICOMDIR") == set()


def _errors(file: Path) -> set[str]:
    if VALIDATOR is None:
        lacking("dicom3tools")
    done = subprocess.run([VALIDATOR, file], capture_output=True, text=True, timeout=SECONDS, check=False)
    return {line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")}
