"""The two that are measured: Filmpass as real processes, and Orthanc from its Debian package."""

import json
import os
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID

import requests

from demo.doors import HOSPITAL, local_session
from tests.databases import Database
from tests.stand import CALLED, PROCESSES, OnePort, Stand, free_port, standing

ORTHANC = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
_PLUGINS = [Path(f"/usr/share/orthanc/plugins/libOrthanc{name}.so") for name in ("DicomWeb", "Gdcm")]
"""Its doors, and the decoder without which it shows no JPEG 2000; the second only where its package is installed."""
OURS = (*PROCESSES, "scp-2")
"""With a receiver for each of two cores, as there are two web processes."""
_DEADLINE = 60  # seconds
_TICKS = os.sysconf("SC_CLK_TCK")


class Side(ABC):
    """A server as its clients see it."""

    name: str
    base_url: str
    stow_path: str
    headers: dict[str, str]
    dimse_port: int
    called_ae_title: str

    @abstractmethod
    def received(self, study_instance_uid: str) -> int:
        """How many instances of a study it holds."""

    @abstractmethod
    def cpu(self) -> float:
        """Seconds of CPU that its processes have used."""


class Filmpass(Side):
    """Everything that `make run` starts, encrypted and durable, with a hospital that may send to both doors."""

    name = "Filmpass"

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.hospital: UUID
        self.hospital, key = stand.enrol()
        self.base_url, self.dimse_port, self.called_ae_title = stand.base_url, stand.dimse_port, CALLED
        self.stow_path = f"/h/{HOSPITAL}/dicom-web/studies"
        self.headers = {"Authorization": f"Bearer {key}"}
        self._http = local_session()
        self._http.headers.update(self.headers)

    def state(self, study_instance_uid: str) -> dict:
        """What the hospital is told of a study."""
        return self._called("GET", study_instance_uid).json()

    def call(self, study_instance_uid: str, act: str, body: dict[str, object]) -> None:
        """Say `complete`, `hold` or `release`."""
        self._called("POST", f"{study_instance_uid}/{act}", body)

    def _called(self, method: str, path: str, body: dict[str, object] | None = None) -> requests.Response:
        answer = self._http.request(method, f"{self.base_url}/api/v1/studies/{path}", json=body, timeout=_DEADLINE)
        answer.raise_for_status()
        return answer

    def received(self, study_instance_uid: str) -> int:
        """As the hospital API says."""
        return self.state(study_instance_uid)["instances"]["received"]

    def cpu(self) -> float:
        """Of all processes."""
        return cpu_of_families({self.stand.pid(name) for name in OURS})

    def web_workers(self) -> list[int]:
        """The processes that answer HTTP."""
        master = self.stand.pid("web")
        return [int(child) for child in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


class Orthanc(Side):
    """The peer: SQLite index, neither encrypted nor synced, as its package sets it up; every instance taken."""

    name = "Orthanc"
    called_ae_title = "ORTHANC"
    stow_path = "/dicom-web/studies"

    def __init__(self, process: subprocess.Popen[bytes], http_port: int, dimse_port: int) -> None:
        self._process = process
        self.base_url, self.dimse_port, self.headers = f"http://127.0.0.1:{http_port}", dimse_port, {}

    def received(self, study_instance_uid: str) -> int:
        """As its REST API says."""
        query = {"Level": "Instance", "Query": {"StudyInstanceUID": study_instance_uid}}
        return len(self._asked("POST", "/tools/find", json=query).json())

    def orthanc_id(self, study_instance_uid: str) -> str:
        """What its REST API calls a study."""
        query = {"Level": "Study", "Query": {"StudyInstanceUID": study_instance_uid}}
        (found,) = self._asked("POST", "/tools/find", json=query).json()
        return str(found)

    def cpu(self) -> float:
        """Of its one process."""
        return cpu_of_families({self._process.pid})

    def answers(self) -> bool:
        """Whether it is up."""
        if self._process.poll() is not None:
            raise RuntimeError(f"Orthanc ended with {self._process.returncode}")
        try:
            return self._asked("GET", "/system").ok
        except requests.ConnectionError:
            return False

    def _asked(self, method: str, path: str, **body: object) -> requests.Response:
        with local_session() as http:  # it drops connections that were idle
            return http.request(method, self.base_url + path, timeout=_DEADLINE, **body)


@contextmanager
def running_filmpass(folder: Path, database: Database) -> Iterator[Filmpass]:
    """Run an installation of our own. A study settles only when it is called complete: nothing works unasked."""
    with closing(OnePort()) as launch, standing(folder, database, launch, settle_seconds=3600) as stand:
        side = Filmpass(stand)
        stand.start(*OURS)
        yield side


@contextmanager
def running_orthanc(folder: Path) -> Iterator[Orthanc]:
    """Run an Orthanc with an empty store."""
    http_port, dimse_port = free_port(), free_port()
    config = folder / "orthanc.json"
    config.write_text(json.dumps(_orthanc_config(folder, http_port, dimse_port)))
    environment = {**os.environ, "TCP_NODELAY": "1"}
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(
            [ORTHANC, config], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        side, deadline = Orthanc(process, http_port, dimse_port), time.monotonic() + _DEADLINE
        while not side.answers():
            if time.monotonic() > deadline:
                raise TimeoutError("Orthanc did not start")
            time.sleep(0.02)
        yield side
    finally:
        process.kill()  # the store is thrown away
        process.wait()


def _orthanc_config(folder: Path, http_port: int, dimse_port: int) -> dict[str, object]:
    return {
        "StorageDirectory": str(folder / "store"), "IndexDirectory": str(folder / "store"),
        "HttpPort": http_port, "DicomPort": dimse_port, "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False, "AuthenticationEnabled": False,
        "DicomCheckCalledAet": False, "DicomAlwaysAllowStore": True,
        "Plugins": [str(plugin) for plugin in _PLUGINS if plugin.exists()],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }  # fmt: skip


def orthanc_version() -> str:
    """Return the version, or nothing when the package, or its plugin, is not installed."""
    if ORTHANC is None or not _PLUGINS[0].exists():
        return ""
    said = subprocess.run([ORTHANC, "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[1]


def cpu_of_families(heads: set[int]) -> float:
    """Seconds of CPU of processes and of all that they started, those that ended included."""
    parents = {pid: int(fields[1]) for pid in _pids() if (fields := _fields(pid))}
    return sum(cpu_of(pid, ended=True) for pid in parents if heads & set(_line(pid, parents)))


def _line(pid: int, parents: dict[int, int]) -> Iterator[int]:
    while pid in parents:
        yield pid
        pid = parents[pid]


def cpu_of(pid: int, *, ended: bool = False) -> float:
    """Seconds of CPU of one process, and of its children that ended if they count."""
    return sum(map(int, _fields(pid)[11 : 15 if ended else 13])) / _TICKS


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _fields(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name; none when the process is gone (proc(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
