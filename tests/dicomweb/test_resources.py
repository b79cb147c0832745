"""Every resource of a root as clients write their requests: frames, pictures, bulk data, archives, capabilities."""

import io
import zipfile
from email import message_from_bytes

import numpy as np
import pydicom
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian

from tests.dicomweb.conftest import describe

pytestmark = pytest.mark.flow
J2K = "MR_small_jp2klossless.dcm"


def payloads(answer) -> list[tuple[str, bytes]]:
    assert answer.status_code == 200, answer.text
    message = message_from_bytes(
        b"Content-Type: " + answer.headers["Content-Type"].encode() + b"\r\n\r\n" + answer.content
    )
    boundary = b"--" + message.get_boundary().encode()
    parts = answer.content.split(boundary)[1:-1]
    found = []
    for part in parts:
        head, _, body = part.partition(b"\r\n\r\n")
        headers = dict(line.split(b": ", 1) for line in head.strip().split(b"\r\n"))
        found.append((headers[b"Content-Type"].decode(), body[: int(headers[b"Content-Length"])]))
        assert body[int(headers[b"Content-Length"]) :] == b"\r\n"
    return found


OHIF_ACCEPTS = (
    "multipart/related; type=application/octet-stream; transfer-syntax=*",
    'multipart/related; type="application/octet-stream"; transfer-syntax="*"',
    "multipart/related; type=image/jp2; transfer-syntax=*, multipart/related; type=application/octet-stream",
    'multipart/related; type="image/jp2"; transfer-syntax=1.2.840.10008.1.2.4.90',
    'multipart/related; type="application/octet-stream; transfer-syntax=*"',
)


@pytest.mark.parametrize("accept", OHIF_ACCEPTS)
def test_frames_go_out_as_stored_to_who_decodes_by_itself(archive, accept):
    ((kind, frame),) = payloads(archive.get(archive.path(J2K) + "/frames/1", accept))
    assert kind.endswith("transfer-syntax=1.2.840.10008.1.2.4.90")
    assert frame.startswith(b"\xff\x4f\xff\x51")


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "multipart/related",
        "multipart/related; type=application/octet-stream",
        f"multipart/related; type=application/octet-stream; transfer-syntax={ExplicitVRLittleEndian}",
        'image/png, multipart/related;type="application/octet-stream";q=0.2',
    ],
)
def test_frames_are_decoded_for_who_names_no_transfer_syntax(archive, accept):
    ((kind, frame),) = payloads(archive.get(archive.path(J2K) + "/frames/1", accept))
    assert kind == f"application/octet-stream; transfer-syntax={ExplicitVRLittleEndian}"
    stored = archive.dataset(J2K)
    cells = np.frombuffer(frame, "<i2").reshape(stored.Rows, stored.Columns)
    np.testing.assert_array_equal(cells, stored.pixel_array)


def test_frames_come_in_the_order_asked_for_each_in_its_part(archive):
    name = "SC_rgb_rle_2frame.dcm"
    answer = archive.get(archive.path(name) + "/frames/2,1")
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    second, first = (frame for _, frame in payloads(answer))
    stored = archive.dataset(name).pixel_array
    assert (first, second) == (stored[0].tobytes(), stored[1].tobytes())


@pytest.mark.parametrize(("numbers", "status"), [("0", 400), ("x", 400), ("1,", 400), ("3", 404), ("1,99999", 404)])
def test_a_frame_that_is_none_is_refused(archive, numbers, status):
    answer = archive.get(archive.path("SC_rgb_rle_2frame.dcm") + f"/frames/{numbers}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


def test_what_cannot_be_had_is_refused_with_what_can(archive):
    answer = archive.get(archive.path(J2K) + "/frames/1", "multipart/related; type=image/jls")
    assert answer.status_code == 406
    assert "image/jp2" in answer.json()["detail"]


def test_one_part_of_an_instance_can_be_had_in_ranges(archive):
    stored = archive.files["CT_small.dcm"].read_bytes()
    path = archive.path("CT_small.dcm")
    answer = archive.get(path, "application/dicom", headers={"Range": "bytes=100-299"})
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes 100-299/{len(stored)}"
    assert answer.content == stored[100:300]
    tag = answer.headers["ETag"]
    assert archive.get(path, "application/dicom", headers={"If-None-Match": tag}).status_code == 304
    assert archive.get(path, "application/dicom", headers={"Range": "bytes=-5"}).content == stored[-5:]
    other = archive.get(path, "application/dicom", headers={"Range": "bytes=0-1", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, stored)
    assert archive.get(path, "application/dicom", headers={"Range": f"bytes={len(stored)}-"}).status_code == 416


def test_the_same_instance_is_what_it_says_in_every_transfer_syntax(archive):
    for name in archive.files:
        stored = archive.dataset(name)
        answer = archive.get(archive.path(name), "application/dicom")
        got = pydicom.dcmread(io.BytesIO(answer.content))
        assert answer.headers["Content-Type"] == f"application/dicom; transfer-syntax={ExplicitVRLittleEndian}", name
        assert got.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        as_stored = archive.get(archive.path(name), "application/dicom; transfer-syntax=*").content
        syntax = pydicom.dcmread(io.BytesIO(as_stored)).file_meta.TransferSyntaxUID
        assert syntax in {stored.file_meta.TransferSyntaxUID, ExplicitVRLittleEndian}
        assert syntax not in {"1.2.840.10008.1.2", "1.2.840.10008.1.2.2"}, "no web service sends these"


def test_metadata_names_bulk_data_by_addresses_that_answer(archive):
    for name in archive.files:
        (metadata,) = archive.get(archive.path(name) + "/metadata").json()
        stored = archive.dataset(name)
        for tag, element in metadata.items():
            uri = element.get("BulkDataURI")
            if uri is None:
                continue
            assert uri.startswith(archive.url + archive.path(name)), "the address carries the root that it came by"
            answer = archive.get(uri.removeprefix(archive.url), "application/octet-stream")
            assert answer.status_code == 200, (name, tag, answer.text)
            if tag != "7FE00010":
                assert answer.content == stored[tag].value, (name, tag)
            elif not stored.file_meta.TransferSyntaxUID.is_compressed:
                assert len(answer.content) == len(stored.PixelData), name


def test_metadata_is_compressed_and_conditional(archive):
    path = archive.path("CT_small.dcm").partition("/instances")[0] + "/metadata"
    answer = archive.get(path, "application/dicom+json", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Type"] == "application/dicom+json"
    assert answer.headers["Content-Encoding"] == "gzip"
    again = archive.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert archive.get(path, "application/dicom+json;q=0, image/png").status_code == 406


@pytest.mark.parametrize("name", ["CT_small.dcm", J2K, "examples_palette.dcm", "SC_rgb_jpeg_dcmtk.dcm"])
def test_a_picture_is_rendered_as_asked(archive, name):
    path, stored = archive.path(name), archive.dataset(name)
    jpeg = archive.get(f"{path}/rendered")
    assert jpeg.headers["Content-Type"] == "image/jpeg"
    assert Image.open(io.BytesIO(jpeg.content)).size == (stored.Columns, stored.Rows)
    png = archive.get(f"{path}/frames/1/rendered?viewport=64,64", "image/png")
    assert max(Image.open(io.BytesIO(png.content)).size) == 64


def test_the_address_says_what_is_accepted_before_the_header_does(archive):
    octets = 'multipart/related; type="application/octet-stream"'
    for resource in ("thumbnail", "rendered"):
        answer = archive.get(f"{archive.path('CT_small.dcm')}/{resource}?accept=image%2Fjpeg", octets)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")


def test_a_window_changes_the_picture(archive):
    path = archive.path("CT_small.dcm") + "/rendered?window="
    dark, bright = (
        np.asarray(Image.open(io.BytesIO(archive.get(path + window, "image/png").content))).mean()
        for window in ("3000,10,linear", "-3000,10,linear-exact")
    )
    assert (dark, bright) == (0, 255)


@pytest.mark.parametrize(
    "query",
    ["window=1,2", "window=1,2,cubic", "window=1,0,linear", "window=a,b,linear", "viewport=0,5", "viewport=9000,1",
     "viewport=1,2,3", "quality=0", "quality=101", "iccprofile=odd", "overlays=maybe"],
)  # fmt: skip
def test_a_malformed_rendering_parameter_is_named(archive, query):
    answer = archive.get(f"{archive.path('CT_small.dcm')}/rendered?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0].partition("profile")[0] in answer.json()["detail"].lower()


def test_what_is_no_picture_says_so(archive):
    answer = archive.get(archive.path("test-SR.dcm") + "/rendered", "image/jpeg")
    assert (answer.status_code, answer.json()["code"]) == (406, "no-picture")


def test_a_study_is_rendered_a_part_for_each_frame(archive):
    path = "/studies/" + archive.dataset("SC_rgb_rle_2frame.dcm").StudyInstanceUID
    assert [kind for kind, _ in payloads(archive.get(f"{path}/rendered"))] == ["image/jpeg"] * 2
    assert archive.get(f"{path}/thumbnail").headers["Content-Type"] == "image/jpeg"


def test_a_study_comes_as_an_archive_with_a_directory(archive, tmp_path):
    stored = archive.dataset("test-SR.dcm")
    answer = archive.get(f"/studies/{stored.StudyInstanceUID}/archive", "application/zip")
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as made:
        assert made.testzip() is None
        assert made.namelist() == ["DICOMDIR", "DICOM/SE000001/IM000001"]
        assert made.read("DICOM/SE000001/IM000001") == archive.files["test-SR.dcm"].read_bytes()
        assert all(item.compress_type == zipfile.ZIP_STORED for item in made.infolist())
        made.extractall(tmp_path)
    directory = pydicom.dcmread(tmp_path / "DICOMDIR")
    assert [record.DirectoryRecordType for record in directory.DirectoryRecordSequence] == [
        "PATIENT", "STUDY", "SERIES", "SR DOCUMENT",
    ]  # fmt: skip
    assert directory.DirectoryRecordSequence[-1].ReferencedFileID == ["DICOM", "SE000001", "IM000001"]
    assert directory.DirectoryRecordSequence[-1].ReferencedSOPInstanceUIDInFile == stored.SOPInstanceUID


def test_one_instance_that_cannot_be_decoded_takes_no_other_from_a_study(archive):
    explicit = f"application/dicom; transfer-syntax={ExplicitVRLittleEndian}"
    whole, broken = archive.dataset("CT_small.dcm"), archive.dataset("JPEG2000.dcm")
    broken.PixelData = pydicom.encaps.encapsulate([b"\xff\x4f\xff\x51 and no more"])
    for number, dataset in enumerate((whole, broken), start=1):
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.826.5.99", f"1.2.826.5.99.{number}"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.5.99.{number}.1"
    DICOMwebClient(archive.url, headers={"Authorization": f"Bearer {archive.key}"}).store_instances([whole, broken])
    given = payloads(archive.get("/studies/1.2.826.5.99", f"multipart/related; type={explicit}"))
    assert {kind for kind, _ in given} == {explicit, "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.91"}
    refused = archive.get("/studies/1.2.826.5.99/series/1.2.826.5.99.2/instances/1.2.826.5.99.2.1", explicit)
    assert refused.status_code == 422
    assert refused.json()["detail"]


def test_the_root_says_what_it_answers(archive):
    headers = {"Authorization": f"Bearer {archive.key}"}
    wadl = requests.options(f"{archive.url}/", headers=headers, timeout=10)
    assert wadl.headers["Content-Type"] == "application/vnd.sun.wadl+xml"
    assert 'path="studies/{study}/metadata"' in wadl.text
    listed = requests.options(archive.url, headers=headers | {"Accept": "application/json"}, timeout=10).json()
    assert {"GET", "POST"} == {method for item in listed["resources"] for method in item["methods"]}


def test_the_key_opens_as_password_too(archive):
    assert requests.get(f"{archive.url}/studies", auth=("pacs", archive.key), timeout=10).status_code == 200
    wrong = requests.get(f"{archive.url}/studies", auth=("pacs", "fpk_wrong"), timeout=10)
    assert wrong.status_code == 401
    assert "Basic" in wrong.headers["WWW-Authenticate"]


def test_a_presentation_state_shows_the_image_that_it_refers_to(archive):
    image = archive.dataset("CT_small.dcm")
    state = grayscale_state(image)
    buffer = io.BytesIO()
    state.save_as(buffer, enforce_file_format=True)
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + buffer.getvalue() + b"\r\n--b--\r\n"
    assert archive.post(body, 'multipart/related; type="application/dicom"; boundary=b').status_code == 200
    describe(archive.parts)
    path = f"/studies/{state.StudyInstanceUID}/series/{state.SeriesInstanceUID}/instances/{state.SOPInstanceUID}"
    shown = np.asarray(Image.open(io.BytesIO(archive.get(f"{path}/rendered", "image/png").content)))
    plain = archive.get(f"{archive.path('CT_small.dcm')}/rendered?window=40,400,linear", "image/png")
    flipped = np.fliplr(np.asarray(Image.open(io.BytesIO(plain.content))))
    np.testing.assert_array_equal(shown, flipped)


def grayscale_state(image) -> pydicom.Dataset:
    """Make a state that shows an image under a window of its own, and flipped."""
    state = pydicom.Dataset()
    state.file_meta = pydicom.dataset.FileMetaDataset()
    state.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    state.SOPClassUID, state.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.11.1", f"{image.StudyInstanceUID}.8.1"
    state.StudyInstanceUID, state.SeriesInstanceUID = image.StudyInstanceUID, f"{image.StudyInstanceUID}.8"
    state.Modality, state.PatientID, state.AccessionNumber = "PR", image.PatientID, image.get("AccessionNumber", "")
    series, reference, voi, area = (pydicom.Dataset() for _ in range(4))
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    series.SeriesInstanceUID, series.ReferencedImageSequence = image.SeriesInstanceUID, [reference]
    state.ReferencedSeriesSequence = [series]
    state.RescaleSlope, state.RescaleIntercept, state.RescaleType = image.RescaleSlope, image.RescaleIntercept, "HU"
    voi.WindowCenter, voi.WindowWidth = 40, 400
    state.SoftcopyVOILUTSequence = [voi]
    area.DisplayedAreaTopLeftHandCorner, area.PresentationSizeMode = [1, 1], "SCALE TO FIT"
    area.DisplayedAreaBottomRightHandCorner = [image.Columns, image.Rows]
    state.DisplayedAreaSelectionSequence = [area]
    state.ImageHorizontalFlip, state.ImageRotation = "Y", 0
    state.PresentationLUTShape = "IDENTITY"
    return state
