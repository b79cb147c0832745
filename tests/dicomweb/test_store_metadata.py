"""STOW-RS as metadata with bulk data beside it: what comes back is the instance that was meant."""

import io
import json

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames

pytestmark = pytest.mark.flow
TYPE = 'multipart/related; type="application/dicom+json"; boundary=b'


def body_of(items, bulk) -> bytes:
    parts = [b"--b\r\nContent-Type: application/dicom+json\r\n\r\n" + json.dumps(items).encode()]
    for location, (kind, data) in bulk.items():
        head = f"--b\r\nContent-Type: {kind}\r\nContent-Location: {location}\r\n\r\n".encode()
        parts.append(head + data)
    return b"\r\n".join([*parts, b"--b--\r\n"])


def as_metadata(dataset, uid: str, location: str):
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = "1.2.9", "1.2.9.1", uid
    dataset.PatientName = "Zhang^San=张^三"
    return dataset.to_json_dict(1024, lambda _: location)


def test_an_instance_is_stored_from_metadata_and_cells(archive):
    dataset = archive.dataset("CT_small.dcm")
    pixels, cells = dataset.pixel_array, dataset.PixelData
    item = as_metadata(dataset, "1.2.9.1.1", "pixels")
    answer = archive.post(body_of([item], {"pixels": ("application/octet-stream", cells)}), TYPE)
    assert answer.status_code == 200, answer.text
    path = "/studies/1.2.9/series/1.2.9.1/instances/1.2.9.1.1"
    got = pydicom.dcmread(io.BytesIO(archive.get(path, "application/dicom").content))
    np.testing.assert_array_equal(got.pixel_array, pixels)
    assert str(got.PatientName) == "Zhang^San=张^三"


def test_a_compressed_frame_keeps_its_transfer_syntax(archive):
    dataset = archive.dataset("MR_small_jp2klossless.dcm")
    (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
    item = as_metadata(dataset, "1.2.9.1.2", "https://elsewhere.example/pixels")
    kind = "image/jp2; transfer-syntax=1.2.840.10008.1.2.4.90"
    answer = archive.post(body_of([item], {"https://elsewhere.example/pixels": (kind, frame)}), TYPE)
    assert answer.status_code == 200, answer.text


def test_what_is_missing_is_said_and_the_neighbours_are_kept(archive):
    good = as_metadata(archive.dataset("test-SR.dcm"), "1.2.9.1.3", "x")
    bad = as_metadata(archive.dataset("CT_small.dcm"), "1.2.9.1.4", "lost")
    answer = archive.post(body_of([good, bad, {"00100010": "odd"}], {}), TYPE)
    assert answer.status_code == 202
    said = answer.json()
    assert [item["00081155"]["Value"] for item in said["00081199"]["Value"]] == [["1.2.9.1.3"]]
    assert [item["00081197"]["Value"] for item in said["0008119A"]["Value"]] == [[0xC000]] * 2


@pytest.mark.parametrize(("body", "status"), [(b"--b\r\n\r\nno json\r\n--b--", 400), (b"--b\r\n\r\n[]\r\n--b--", 400)])
def test_a_body_without_metadata_is_refused(archive, body, status):
    assert archive.post(body, TYPE).status_code == status


def test_xml_is_not_taken(archive):
    assert archive.post(b"--b--", TYPE.replace("json", "xml")).status_code == 415
