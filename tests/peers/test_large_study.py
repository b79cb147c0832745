"""A study of four gigabytes, stored and fetched whole by servers that may not hold it in memory."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
import pydicom
import pytest
import requests
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from app.dicom.multipart import split
from tests import databases
from tests.hostile.site import peak
from tests.peers.conftest import Site, lacking
from tests.stand import standing

STUDY, SERIES, INSTANCES, SIDE = "1.2.826.6.9", 4, 512, 1024
CELLS = 2 * SIDE * SIDE
"""Bytes of the pixel data of an instance: 4 series of 512 of them are 4 GiB."""
RESIDENT, ALLOCATED = 300 << 20, 512 << 20
"""Bytes that a process may have resident, and that the kernel lets it allocate."""
ROOM = 10 << 30
"""Bytes on disk of the study and of its archive."""
NOISE = np.random.default_rng(1).bytes(2 * CELLS)  # the cells of an instance are a window into it, each another


def cells(series: int, number: int) -> bytes:
    at = 2 * (series * INSTANCES + number)
    return NOISE[at : at + CELLS]


def place(series: int, number: int) -> tuple[str, str]:
    return f"{STUDY}.{series + 1}", f"{STUDY}.{series + 1}.{10_000 + number}"


def head(series: int) -> bytes:
    """Encode all but the cells of the first instance of a series; the last series is in Implicit VR Little Endian."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if series == SERIES - 1 else ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.StudyInstanceUID = CTImageStorage, STUDY
    dataset.SeriesInstanceUID, dataset.SOPInstanceUID = place(series, 0)
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CT", series + 1, 1
    dataset.PatientID, dataset.PatientName = "LARGE-1", "Large^Study"
    blank = np.zeros((SIDE, SIDE), np.uint16)
    dataset.set_pixel_data(blank, "MONOCHROME2", 16, generate_instance_uid=False)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()[:-CELLS]


def body(series: int) -> Iterator[bytes]:
    """Yield the request that stores a series."""
    first, before = place(series, 0)[1].encode(), head(series)
    for number in range(INSTANCES):
        yield b"--b\r\nContent-Type: application/dicom\r\n\r\n" + before.replace(
            first, place(series, number)[1].encode()
        )
        yield cells(series, number) + b"\r\n"
    yield b"--b--\r\n"


@pytest.fixture
def large(sqlite_template):
    """An installation under limits, which the study settles in after the test: its previews are nothing of this."""
    with tempfile.TemporaryDirectory(prefix="filmpass-") as folder:
        if shutil.disk_usage(folder).free < ROOM:
            lacking(f"{ROOM >> 30} GiB of disk in {tempfile.gettempdir()}")
        path = Path(folder)
        with (
            databases.sqlite(sqlite_template, path) as database,
            standing(path, database, settle_seconds=3600) as stand,
        ):
            hospital, key = stand.enrol()
            stand.start("valkey", "relay")
            stand.start("web", "worker", wrapper=("prlimit", f"--data={ALLOCATED}"))
            yield Site(stand, hospital, key, {})


@pytest.mark.timeout(1800)
def test_a_study_of_four_gigabytes_passes_through_within_300_mib(large, tmp_path):
    servers = Servers(large)
    for series in range(SERIES):
        store(large, series)
    servers.check("storing")
    large.until_described(STUDY, SERIES * INSTANCES)
    servers.check("metadata")
    given = [*retrieved(large)]
    servers.check("retrieving")
    assert sorted(given) == sorted(place(s, n)[1] for s in range(SERIES) for n in range(INSTANCES))
    check_archive(large, tmp_path / "study.zip")
    servers.check("archiving")


class Servers:
    """The processes that must stay small: the web's, without those that decode, and the worker."""

    def __init__(self, site: Site) -> None:
        tops = [psutil.Process(site.stand.pid(name)) for name in ("web", "worker")]
        self._processes = [process for top in tops for process in (top, *top.children(recursive=True))]

    def check(self, after: str) -> None:
        peaks = [peak(process.pid) for process in self._processes]
        print(f"{after}: at most {max(peaks) >> 20} MiB resident")  # noqa: T201  for who runs it with -s
        assert max(peaks) < RESIDENT, f"{after}: {max(peaks) >> 20} MiB"


def store(site: Site, series: int) -> None:
    kind = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
    answer = requests.post(f"{site.root}/studies", data=body(series), headers=site.headers | kind, timeout=600)
    assert answer.status_code == 200, answer.text[:1000]
    assert len(answer.json()["00081199"]["Value"]) == INSTANCES


def retrieved(site: Site) -> Iterator[str]:
    """Yield the UID of each instance of the study, which is whole and in Explicit VR Little Endian."""
    answer = site.get(f"/studies/{STUDY}", "multipart/related; type=application/dicom", stream=True)
    assert answer.status_code == 200
    boundary = answer.headers["Content-Type"].rpartition("boundary=")[2]
    answer.raw.decode_content = True
    for part in split(answer.raw, boundary):
        file = b"".join(part.chunks())
        dataset = pydicom.dcmread(BytesIO(file), stop_before_pixels=True)
        assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        series, number = (int(text) for text in dataset.SOPInstanceUID.split(".")[-2:])
        assert file.endswith(cells(series - 1, number - 10_000))
        yield dataset.SOPInstanceUID


def check_archive(site: Site, file: Path) -> None:
    """Require that the archive is as long as was told and that each member is whole: beyond 4 GiB, ZIP64 counts."""
    answer = site.get(f"/studies/{STUDY}/archive", "application/zip", stream=True)
    with file.open("wb") as output:
        shutil.copyfileobj(answer.raw, output, 1 << 20)
    try:
        assert file.stat().st_size == int(answer.headers["Content-Length"]) > 4 << 30
        with zipfile.ZipFile(file) as archive:
            assert len(archive.namelist()) == SERIES * INSTANCES + 1
            assert archive.testzip() is None
    finally:
        file.unlink()
