"""The hospital's side: what is sent, by either door, and what was acknowledged of it.

A sender that got no answer sends the same again, as a PACS does; what it was answered is all that it may count on.
"""

import http.client
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from io import BytesIO

import numpy as np
import requests
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association

from app.dicom.instance import parse_header
from demo.doors import HOSPITAL, local_session
from tests import factories as make
from tests.stand import CALLED, CALLING

PIXELS, DESCRIPTION, PHONE, FINDING = b"PIXELSINTHECLEAR", "DescriptionInTheClear", "+8613900139", "FindingInTheClear"
"""What may lie nowhere on a disk as it is: pixel data, texts, the start of each telephone number."""
_BOUNDARY = "soak"
_PIECE = 16 << 10
_TIMEOUT = 20
_EDGE = 128
Sent = Callable[[int], None]
"""Is told how many percent of a request have gone out."""


class Refused(Exception):
    """The installation answered, and not with success."""


@lru_cache(maxsize=1)
def _template() -> bytes:
    return make.slice_file("1.2.826.9", 1, "P", "A")


def instance(study: int, number: int, version: int) -> bytes:
    """Build a file: one slice of a study, in one of its versions, with pixel data that can be told in any file."""
    dataset = dcmread(BytesIO(_template()))
    uid = study_uid(study)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uid, f"{uid}.{1 + number % 2}"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{uid}.9.{number}"
    dataset.SeriesNumber, dataset.InstanceNumber = 1 + number % 2, number
    dataset.PatientID, dataset.AccessionNumber = f"P-{study}", f"A-{study}"
    dataset.StudyDescription = dataset.SeriesDescription = DESCRIPTION
    dataset.ImageComments = f"version {version}"
    dataset.Rows = dataset.Columns = _EDGE
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    pixels = np.frombuffer(PIXELS * (_EDGE * _EDGE * 2 // len(PIXELS)), np.uint16).copy()
    pixels[:: len(PIXELS)] += number + 100 * version
    dataset.PixelData = pixels.tobytes()
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def study_uid(study: int) -> str:
    """Name a study."""
    return f"1.2.826.7.{study}"


def data_set(file: bytes) -> bytes:
    """Cut preamble and file meta information off: what a sender means."""
    return file[parse_header(file, complete=True).dataset_offset :]


class Senders:
    """One hospital's systems, and how many requests each door has not answered yet."""

    def __init__(self, http_port: int, dimse_port: int, key: str, in_flight: Counter[str]) -> None:
        self._http_port, self._dimse_port, self._key = http_port, dimse_port, key
        self._in_flight = in_flight

    def stow(self, study: int, files: list[bytes], sent: Sent) -> set[str]:
        """Store files by STOW-RS; returns the SOP Instance UIDs that were answered stored."""
        head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = b"".join(head + file + b"\r\n" for file in files) + f"--{_BOUNDARY}--\r\n".encode()
        headers = {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}',
            "Content-Length": str(len(body)),
            "Accept": "application/dicom+json",
            "Authorization": f"Bearer {self._key}",
        }
        path = f"/h/{HOSPITAL}/dicom-web/studies/{study_uid(study)}"
        try:
            with self._begun("web"):
                answer = self._post(path, headers, _told(body, sent))
        except (OSError, http.client.HTTPException):
            return set()
        stored = json.loads(answer).get("00081199", {}).get("Value", ()) if answer else ()
        return {item["00081155"]["Value"][0] for item in stored}

    def c_store(self, files: list[bytes], sent: Sent) -> set[str]:
        """Store files by C-STORE over one association; returns the SOP Instance UIDs that were answered 0000."""
        stored = set()
        with self._begun("scp"):
            association = self._associate()
            if not association.is_established:
                return stored
            for number, file in enumerate(files):
                dataset = dcmread(BytesIO(file))
                sent(100 * number // len(files))
                status = _status(association, dataset)
                if status is None:
                    return stored
                if status == 0x0000:
                    stored.add(str(dataset.SOPInstanceUID))
            association.release()
        return stored

    def api(self, method: str, path: str, body: dict | None = None) -> dict | None:
        """Say something over the hospital API; None when there was no answer. Raises `Refused`."""
        try:
            with self._begun("web"):
                answer = self._request(method, f"/api/v1{path}", json=body)
        except requests.RequestException:
            return None
        if answer.status_code >= 500:  # the database was away
            return None
        if not answer.ok:
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def retrieve(self, study: int, number: int) -> bytes:
        """Read an instance back by WADO-RS."""
        uid = study_uid(study)
        path = f"/h/{HOSPITAL}/dicom-web/studies/{uid}/series/{uid}.{1 + number % 2}/instances/{uid}.9.{number}"
        answer = self._request("GET", path, headers={"Accept": "application/dicom"})
        if not answer.ok:
            raise Refused(f"{path} is answered {answer.status_code}")
        return answer.content

    def _request(self, method: str, path: str, headers: dict | None = None, **options) -> requests.Response:
        wanted = {"Authorization": f"Bearer {self._key}"} | (headers or {})
        with local_session() as session:
            url = f"http://127.0.0.1:{self._http_port}{path}"
            return session.request(method, url, headers=wanted, timeout=_TIMEOUT, **options)

    def _post(self, path: str, headers: dict[str, str], body: Iterator[bytes]) -> bytes:
        with closing(http.client.HTTPConnection("127.0.0.1", self._http_port, timeout=_TIMEOUT)) as connection:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        return content if answer.headers.get_content_type() == "application/dicom+json" else b""

    def _associate(self) -> Association:
        entity = AE(ae_title=CALLING)
        entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _TIMEOUT
        return entity.associate("127.0.0.1", self._dimse_port, ae_title=CALLED)

    @contextmanager
    def _begun(self, door: str) -> Iterator[None]:
        self._in_flight[door] += 1
        try:
            yield
        finally:
            self._in_flight[door] -= 1


def _status(association: Association, dataset: Dataset) -> int | None:
    """Store a data set; None when the association is gone."""
    try:
        return association.send_c_store(dataset).get("Status")
    except (RuntimeError, ValueError):  # pynetdicom's words for it
        return None


def _told(body: bytes, sent: Sent) -> Iterator[bytes]:
    for start in range(0, len(body), _PIECE):
        sent(100 * start // len(body))
        yield body[start : start + _PIECE]
    sent(100)
