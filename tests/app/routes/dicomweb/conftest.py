"""A hospital's PACS that stores and retrieves over DICOMweb."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from tests import factories

TYPE = 'multipart/related; type="application/dicom"; boundary={boundary}'


def body_of(*files: bytes, boundary: str = "xyz") -> bytes:
    parts = (b"--%b\r\nContent-Type: application/dicom\r\n\r\n%b\r\n" % (boundary.encode(), file) for file in files)
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


@dataclass
class Pacs:
    client: Any
    parts: Any
    hospital: UUID
    code: str
    key: str

    def stow(self, *files: bytes, study: str = "", body: bytes | None = None, **headers: str):
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": TYPE.format(boundary="xyz")}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/h/{self.code}/dicom-web/studies" + (f"/{study}" if study else "")
        return self.client.post(path, data=body_of(*files) if body is None else body, headers=sent)

    def retrieve(self, study: str, series: str, instance: str, accept: str | None = None):
        headers = {"Authorization": f"Bearer {self.key}"} | ({"Accept": accept} if accept is not None else {})
        path = f"/h/{self.code}/dicom-web/studies/{study}/series/{series}/instances/{instance}"
        return self.client.get(path, headers=headers)


@pytest.fixture
def make_pacs(client, parts):
    def make(code: str = "yz1", **hospital) -> Pacs:
        hospital_id = factories.make_hospital(parts, code, **hospital)
        return Pacs(client, parts, hospital_id, code, factories.make_api_key(parts, hospital_id))

    return make


@pytest.fixture
def pacs(make_pacs) -> Pacs:
    return make_pacs()
