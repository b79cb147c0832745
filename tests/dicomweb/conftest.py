"""A hospital with studies of many kinds, behind a web server, and a client that no one here wrote."""

import threading
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread
from pydicom.data import get_testdata_file
from werkzeug.serving import make_server

from app.core.crypto import create_key_files
from app.core.settings import Settings
from app.factory import build_parts, create_app
from app.jobs.drain import drain_all
from tests import databases, factories

FILES = (
    "CT_small.dcm", "MR_small.dcm", "MR_small_implicit.dcm", "ExplVR_BigEnd.dcm", "image_dfl.dcm", "JPEG2000.dcm",
    "MR_small_jpeg_ls_lossless.dcm", "SC_rgb_jpeg_dcmtk.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "liver_1frame.dcm",
    "SC_rgb_rle_2frame.dcm", "test-SR.dcm", "rtplan.dcm", "examples_palette.dcm", "examples_ybr_color.dcm",
)  # fmt: skip
"""Of the library that wrote them: every family of transfer syntaxes, one frame and several, objects without pixels."""


@dataclass
class Archive:
    """What stands at the other end of `url`: the root of a hospital, opened by `key`."""

    parts: object
    hospital: object
    url: str
    key: str
    files: dict[str, Path]

    def get(self, path: str, accept: str | None = None, **options) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}", "Accept": accept or "*/*"} | options.pop("headers", {})
        return requests.get(self.url + path, headers=headers, timeout=30, **options)

    def post(self, body: bytes, content_type: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": content_type}
        return requests.post(f"{self.url}/studies", data=body, headers=headers, timeout=30)

    def dataset(self, name: str):
        return dcmread(self.files[name])

    def path(self, name: str) -> str:
        dataset = self.dataset(name)
        return (
            f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}/instances/{dataset.SOPInstanceUID}"
        )


@pytest.fixture(scope="module")
def archive(tmp_path_factory, sqlite_template):
    folder = tmp_path_factory.mktemp("archive")
    create_key_files(folder / "keys")
    with databases.sqlite(sqlite_template, folder) as database:
        server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
        settings = Settings(
            database_url=database.url, data_folder=folder / "data", keys_folder=folder / "keys",
            public_url=f"http://127.0.0.1:{server.server_port}", minimum_free_bytes=1 << 20, decode_workers=1,
            log_format="plain",
        )  # fmt: skip
        parts = build_parts(settings)
        server.app = create_app(parts)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield _filled(parts, settings.public_url, folder)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            parts.decoder.close()
            parts.engine.dispose()


def _under_own_uids(name: str, number: int, folder: Path) -> Path:
    """Copy a file as an instance of its own: several of them are one image in several transfer syntaxes."""
    dataset = dcmread(get_testdata_file(name, download=False))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.826.5.{number}", f"1.2.826.5.{number}.1"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.5.{number}.1.1"
    dataset.StudyDate = f"202601{number:02}"
    dataset.save_as(folder / name)
    return folder / name


def _filled(parts, public_url: str, folder: Path) -> Archive:
    hospital = factories.make_hospital(parts, "yz1")
    files = {name: _under_own_uids(name, number, folder) for number, name in enumerate(FILES, start=1)}
    made = Archive(parts, hospital, f"{public_url}/h/yz1/dicom-web", factories.make_api_key(parts, hospital), files)
    boundary = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
    body = b"".join(boundary + file.read_bytes() + b"\r\n" for file in files.values()) + b"--b--\r\n"
    answer = made.post(body, 'multipart/related; type="application/dicom"; boundary=b')
    assert answer.status_code == 200, answer.text
    describe(parts)
    return made


def describe(parts) -> None:
    """Do what the worker does within a second or two."""
    later = replace(parts, clock=lambda: parts.clock() + factories.SOON)
    drain_all(later)


@pytest.fixture
def web(archive) -> DICOMwebClient:
    return DICOMwebClient(archive.url, headers={"Authorization": f"Bearer {archive.key}"})
