"""Real clients against a fresh installation: `make peers`. They take minutes, so `make test` leaves them out."""

import itertools
import os
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

from demo.doors import HOSPITAL
from tests import databases
from tests.dicomweb.conftest import FILES
from tests.stand import CALLED, CALLING, PROCESSES, Stand, standing

ASKED_FOR = "FILMPASS_TEST_PEERS"
MIXED = "1.2.826.6.1"
"""The study of a file of each kind."""
collect_ignore_glob = [] if os.environ.get(ASKED_FOR) else ["test_*.py"]
IN_CI = os.environ.get("CI") == "true"


def pytest_terminal_summary(terminalreporter):
    """Print the table of peers: who was served, and in how many seconds."""
    if not os.environ.get(ASKED_FOR):
        return
    seconds: Counter[str] = Counter()
    failed: dict[str, str] = {}
    for report in itertools.chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid] += report.duration
            if report.outcome != "passed":
                failed[report.nodeid] = f"NOT SERVED: {report.outcome}"
    terminalreporter.section("peers")
    for test in sorted(seconds):
        name = test.rpartition("::test_")[2].replace("_", " ")
        terminalreporter.write_line(f"{name:<90} {failed.get(test, 'served'):<22} {seconds[test]:6.1f} s")


def lacking(what: str) -> None:
    """Skip in plain sight where a client is not installed; in CI that is a failure."""
    (pytest.fail if IN_CI else pytest.skip)(f"this machine lacks {what}")


@dataclass
class Site:
    """An installation as a hospital runs it, and the study that its clients work with."""

    stand: Stand
    hospital: UUID
    key: str
    files: dict[str, Path]
    calling: str = CALLING
    called: str = CALLED

    @property
    def root(self) -> str:
        return f"{self.stand.base_url}/h/{HOSPITAL}/dicom-web"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def get(self, path: str, accept: str = "*/*", **options: Any) -> requests.Response:
        headers = self.headers | {"Accept": accept} | options.pop("headers", {})
        return requests.get(self.root + path, headers=headers, timeout=60, **options)

    def stow(self, *files: bytes) -> None:
        head = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
        body = b"".join(head + file + b"\r\n" for file in files) + b"--b--\r\n"
        kind = 'multipart/related; type="application/dicom"; boundary=b'
        answer = requests.post(
            f"{self.root}/studies", data=body, headers=self.headers | {"Content-Type": kind}, timeout=60
        )
        answer.raise_for_status()

    def instances(self, study: str) -> list[str]:
        found = self.get(f"/studies/{study}/instances?limit=1000").json()
        return [item["00080018"]["Value"][0] for item in found]

    def until_described(self, study: str, count: int) -> None:
        def is_described() -> bool:
            answer = self.get(f"/studies/{study}/metadata")
            return answer.status_code == 200 and len(answer.json()) == count

        self.stand.until(is_described, "metadata")


@pytest.fixture(scope="session")
def site(sqlite_template):
    with tempfile.TemporaryDirectory(prefix="filmpass-") as folder:
        place = Path(folder)
        with databases.sqlite(sqlite_template, place) as database, standing(place, database) as stand:
            hospital, key = stand.enrol()
            stand.start(*PROCESSES)
            yield Site(stand, hospital, key, files_of_many_kinds(place))


@pytest.fixture
def mixed(site):
    """The installation with the study of a file of each kind in it."""
    site.stow(*(file.read_bytes() for file in site.files.values()))
    site.until_described(MIXED, len(site.files))
    return site


def files_of_many_kinds(folder: Path) -> dict[str, Path]:
    """Write one study of a file of each kind, each under UIDs of its own."""
    made = folder / "files"
    made.mkdir()
    for number, name in enumerate(FILES, start=1):
        dataset: Dataset = dcmread(get_testdata_file(name, download=False))
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = MIXED, f"{MIXED}.{number}"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{MIXED}.{number}.1"
        dataset.StudyDate, dataset.PatientID, dataset.AccessionNumber = "20260102", "PEER-1", "PEER-A"
        dataset.SeriesNumber, dataset.InstanceNumber = number, 1
        dataset.save_as(made / name)
    return {name: made / name for name in FILES}
