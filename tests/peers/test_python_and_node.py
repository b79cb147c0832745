"""The two libraries that most scripts and viewers use, over the web server as it is deployed."""

import json
import shutil
import subprocess

import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom.uid import ExplicitVRLittleEndian

from tests.databases import ROOT
from tests.peers.conftest import lacking

STUDY = "1.2.826.6.1"
NODE_MODULES = ROOT / ".cache" / "node-peers" / "node_modules"


@pytest.fixture
def stored(site):
    site.stow(*(file.read_bytes() for file in site.files.values()))
    site.until_described(STUDY, len(site.files))
    return site


def test_python_dicomweb_client_stores_finds_and_retrieves(stored):
    web = DICOMwebClient(stored.root, headers=stored.headers)
    datasets = [pydicom.dcmread(file) for file in stored.files.values()]
    answer = web.store_instances(datasets[:3])  # a repetition is a success
    assert len(answer.ReferencedSOPSequence) == 3
    (study,) = web.search_for_studies(search_filters={"PatientID": "PEER-1"})
    assert study["00201208"]["Value"] == [len(datasets)]
    assert len(list(web.retrieve_study(STUDY))) == len(datasets)
    assert len(web.retrieve_study_metadata(STUDY)) == len(datasets)
    for dataset in datasets:
        place = (STUDY, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
        got = web.retrieve_instance(*place, media_types=(("application/dicom", ExplicitVRLittleEndian),))
        assert got.SOPClassUID == dataset.SOPClassUID
        if "PixelData" in dataset:
            assert web.retrieve_instance_frames(*place, [1])
            assert web.retrieve_instance_rendered(*place, media_types=("image/png",)).startswith(b"\x89PNG")
    plain = datasets[0]
    metadata = web.retrieve_instance_metadata(STUDY, plain.SeriesInstanceUID, plain.SOPInstanceUID)
    (cells,) = web.retrieve_bulkdata(metadata["7FE00010"]["BulkDataURI"])
    np.testing.assert_array_equal(np.frombuffer(cells, "<i2"), plain.pixel_array.ravel())


_SCRIPT = """
const { api } = require("dicomweb-client");
const client = new api.DICOMwebClient({ url: process.argv[2], headers: { Authorization: process.argv[3] } });
(async () => {
  const study = process.argv[4];
  const series = await client.searchForSeries({ studyInstanceUID: study });
  const instances = await client.searchForInstances({ studyInstanceUID: study });
  const metadata = await client.retrieveStudyMetadata({ studyInstanceUID: study });
  const first = instances[0];
  const place = {
    studyInstanceUID: study,
    seriesInstanceUID: first["0020000E"].Value[0],
    sopInstanceUID: first["00080018"].Value[0],
  };
  const frames = await client.retrieveInstanceFrames({ ...place, frameNumbers: [1] });
  const file = await client.retrieveInstance(place);
  const picture = await client.retrieveInstanceRendered(place);
  await client.storeInstances({ datasets: [file] });
  console.log(JSON.stringify({
    series: series.length, instances: instances.length, metadata: metadata.length,
    frame: frames[0].byteLength, file: file.byteLength, picture: picture.byteLength,
  }));
})().catch((error) => { console.error(error.message || error); process.exit(1); });
"""


def test_node_dicomweb_client_finds_retrieves_and_stores(stored):
    if shutil.which("node") is None or not (NODE_MODULES / "dicomweb-client").exists():
        lacking("node, or the packages of scripts/node-peers")
    command = ["node", "-e", _SHIM + _SCRIPT, "peer", stored.root, stored.headers["Authorization"], STUDY]
    done = subprocess.run(command, cwd=NODE_MODULES.parent, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["series"] == said["instances"] == said["metadata"] == len(stored.files)
    assert min(said.values()) > 0


_SHIM = """
process.argv.splice(1, 0);
const xhr = require("xhr2");
globalThis.XMLHttpRequest = xhr;
"""
