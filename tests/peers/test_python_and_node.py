"""The two libraries that most scripts and viewers use, over the web server as it is deployed."""

import json
import shutil
import subprocess

import numpy as np
import pydicom
from dicomweb_client.api import DICOMwebClient
from pydicom.uid import ExplicitVRLittleEndian

from tests.peers.conftest import MIXED, lacking
from tests.peers.tools import NODE


def test_python_dicomweb_client_stores_finds_and_retrieves(mixed):
    web = DICOMwebClient(mixed.root, headers=mixed.headers)
    datasets = [pydicom.dcmread(file) for file in mixed.files.values()]
    answer = web.store_instances(datasets[:3])  # a repetition is a success
    assert len(answer.ReferencedSOPSequence) == 3
    (study,) = web.search_for_studies(search_filters={"PatientID": "PEER-1"})
    assert study["00201208"]["Value"] == [len(datasets)]
    assert len(web.search_for_series(MIXED, fields=["all"])) == len(datasets)
    assert len(web.search_for_instances(MIXED, search_filters={"Modality": "MR"})) == len(_of(datasets, "MR"))
    assert len(list(web.retrieve_study(MIXED))) == len(datasets)
    assert len(list(web.retrieve_series(MIXED, datasets[0].SeriesInstanceUID))) == 1
    assert len(web.retrieve_study_metadata(MIXED)) == len(datasets)
    for dataset in datasets:
        place = (MIXED, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
        got = web.retrieve_instance(*place, media_types=(("application/dicom", ExplicitVRLittleEndian),))
        assert got.SOPClassUID == dataset.SOPClassUID
        if "PixelData" in dataset:
            (frame,) = web.retrieve_instance_frames(*place, [1])
            check_cells(frame, dataset)
            assert web.retrieve_instance_rendered(*place, media_types=("image/png",)).startswith(b"\x89PNG")
    plain = datasets[0]
    metadata = web.retrieve_instance_metadata(MIXED, plain.SeriesInstanceUID, plain.SOPInstanceUID)
    (cells,) = web.retrieve_bulkdata(metadata["7FE00010"]["BulkDataURI"])
    check_cells(cells, plain)


def check_cells(given: bytes, dataset: pydicom.Dataset) -> None:
    """Require the cells of the first frame; colours are stored in more than one way."""
    if dataset.SamplesPerPixel == 1:
        expected = dataset.pixel_array
        cells = np.frombuffer(given, expected.dtype.newbyteorder("<"))
        cells = np.unpackbits(cells, bitorder="little") if dataset.BitsAllocated == 1 else cells
        np.testing.assert_array_equal(cells, expected.ravel())


def _of(datasets: list[pydicom.Dataset], modality: str) -> list[pydicom.Dataset]:
    return [dataset for dataset in datasets if dataset.Modality == modality]


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


def test_node_dicomweb_client_finds_retrieves_and_stores(mixed):
    if shutil.which("node") is None or not (NODE / "node_modules" / "dicomweb-client").exists():
        lacking("node, or the packages of scripts/node-peers")
    command = ["node", "-e", _SHIM + _SCRIPT, "peer", mixed.root, mixed.headers["Authorization"], MIXED]
    done = subprocess.run(command, cwd=NODE, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["series"] == said["instances"] == said["metadata"] == len(mixed.files)
    assert min(said.values()) > 0


_SHIM = """
process.argv.splice(1, 0);
const xhr = require("xhr2");
globalThis.XMLHttpRequest = xhr;
"""
