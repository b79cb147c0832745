"""An installation under limits, the doors that strangers' files come in by, and the look from the patient's side."""

import os
import re
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from uuid import UUID

import psutil
import requests
from pydicom import dcmread
from pydicom.uid import CTImageStorage
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE
from sqlalchemy import func, select

from app.dicom.instance import UnreadableInstance, parse_header
from app.models.imaging import Study
from app.models.outbox import OutboxEntry
from app.services.unit_of_work import Scope, reading
from demo.doors import HOSPITAL, Doors
from tests import factories as make
from tests.hostile.encoding import Stranger
from tests.stand import CALLED, CALLING, PROCESSES, Stand

ALL = os.environ.get("HOSTILE") == "all"
"""Whether every file is sent; else a sample of each kind."""
ANSWER_SECONDS = 10
LIMIT = 512 << 20
"""Bytes of memory of the web, the receiver and the worker, each with its processes but for the decode children."""
BOUNDARY = "zq-boundary"
_SERVERS = ("web", "scp", "worker")
_FORMS = (
    ("/rendered", "image/jpeg"), ("/rendered?viewport=64,64&overlays=true&iccprofile=srgb", "image/png"),
    ("/thumbnail", "image/jpeg"), ("/frames/1", "*/*"),
    ("/frames/1", "multipart/related; type=application/octet-stream; transfer-syntax=*"), ("/metadata", "*/*"),
    ("/bulkdata/7FE00010", "application/octet-stream"), ("", "application/dicom"),
    ("", "application/dicom; transfer-syntax=*"),
)  # fmt: skip
_STUDY_FORMS = (
    ("", "multipart/related; type=application/dicom"),
    ("", "multipart/related; type=application/dicom; transfer-syntax=1.2.840.10008.1.2.1"), ("/metadata", "*/*"),
    ("/thumbnail", "image/jpeg"), ("/series?includefield=all", "*/*"), ("/instances?includefield=all", "*/*"),
)  # fmt: skip
STRANGERS_WORD = "zq7"
"""What the polyglots among the files say."""
STORED, REFUSED, UNREADABLE = "00081199", "00081198", "0008119A"


@dataclass
class Answers:
    """What one request was answered: its status and the items of each sequence."""

    status: int
    stored: set[str] = field(default_factory=set)
    refused: int = 0
    text: str = ""


class Site:
    """One hospital of a stand whose servers run under a limit of memory."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.hospital, self.key = stand.enrol()
        self.slowest = 0.0

    def start(self, wrapper: tuple[str, ...] = ()) -> None:
        """Start everything; what the servers allocate is limited by the kernel, too."""
        self.stand.start("valkey", "relay")
        self.stand.start(*_SERVERS, wrapper=wrapper or ("prlimit", f"--data={2 * LIMIT}"))
        self._servers = {name: self._family(name) for name in _SERVERS}

    def expect_patient(self, patient_id: str = "P-1", accession: str = "A-1", **columns: object) -> UUID:
        """Register whom the images are of, and the order."""
        patient = make.make_patient(self.stand.parts, self.hospital, identifier=patient_id, **columns)
        return make.make_order(self.stand.parts, self.hospital, patient, accession_number=accession)

    def stow(self, *files: bytes, headers: bytes = b"Content-Type: application/dicom") -> Answers:
        """Store files in one request."""
        body = b"".join(b"--%b\r\n%b\r\n\r\n%b\r\n" % (BOUNDARY.encode(), headers, file) for file in files)
        return self.post(body + f"--{BOUNDARY}--\r\n".encode())

    def post(self, body: bytes, boundary: str = BOUNDARY) -> Answers:
        """Send a body as it is."""
        with self._answered_in_time():
            answer = requests.post(
                f"{self.stand.base_url}/h/{HOSPITAL}/dicom-web/studies",
                data=body,
                headers=self.authorised(
                    {"Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}'}
                ),
                timeout=60,
            )
        if not answer.headers["Content-Type"].startswith("application/dicom+json"):
            return Answers(answer.status_code, text=answer.text)
        items = {name: answer.json().get(name, {}).get("Value", ()) for name in (STORED, REFUSED, UNREADABLE)}
        stored = {entry["00081155"]["Value"][0] for entry in items[STORED]}
        return Answers(answer.status_code, stored, len(items[REFUSED]) + len(items[UNREADABLE]), answer.text)

    def authorised(self, headers: dict[str, str]) -> dict[str, str]:
        """Add the hospital's key."""
        return {"Authorization": f"Bearer {self.key}", **headers}

    def c_store(self, strangers: list[Stranger]) -> dict[str, int | None]:
        """Store data sets as they are over one association; returns the status of each UID."""
        entity = AE(CALLING)
        for syntax in sorted({stranger.syntax for stranger in strangers}):
            entity.add_requested_context(CTImageStorage, syntax)
        association = entity.associate("127.0.0.1", self.stand.dimse_port, ae_title=CALLED)
        assert association.is_established
        association._reactor_checkpoint.clear()  # the answers are read here, not by the library's own thread
        while not association._is_paused:
            time.sleep(0.01)
        contexts = {str(c.transfer_syntax[0]): c.context_id for c in association.accepted_contexts}
        try:
            return {s.uid: self._c_store(association, contexts[s.syntax], s) for s in strangers}
        finally:
            association._reactor_checkpoint.set()
            association.release()

    def _c_store(self, association, context_id: int, stranger: Stranger) -> int | None:
        request = C_STORE()
        request.MessageID, request.Priority = 1, 2
        request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = CTImageStorage, stranger.uid
        request.DataSet = BytesIO(stranger.data_set)
        with self._answered_in_time():
            association.dimse.send_msg(request, context_id)
            _, answer = association.dimse.get_msg(block=True)
        return getattr(answer, "Status", None)

    @contextmanager
    def _answered_in_time(self):
        begun = time.monotonic()
        yield
        seconds = time.monotonic() - begun
        self.slowest = max(self.slowest, seconds)
        assert seconds < ANSWER_SECONDS, f"the answer took {seconds:.1f} s"

    def settle(self, seconds: float = 60) -> None:
        """Wait until every study is ready and no work is owed."""
        self.stand.until(self._is_settled, "everything to settle", seconds)

    def _is_settled(self) -> bool:
        with reading(self.stand.parts, Scope(hospital=self.hospital, worker=True)) as session:
            waiting = session.scalar(select(func.count()).select_from(Study).where(Study.state != "ready"))
            owed = session.scalar(select(func.count()).select_from(OutboxEntry).where(OutboxEntry.closed_at.is_(None)))
        return waiting == 0 and owed == 0

    def ask_as_a_viewer(self, every: int = 1) -> set[int]:
        """Ask for instances and their studies in every form that DICOMweb has; returns the statuses of the answers.

        None may be a failure of ours, come late, or repeat what a file says; `every` leaves most instances out.
        """
        found = self._ask("/instances?limit=1000&includefield=all").json()[::every]
        paths = [item["00081190"]["Value"][0].removeprefix(self._root) for item in found]
        studies = sorted({path.partition("/series")[0] for path in paths})
        asked = [(path + form, accept) for path in paths for form, accept in _FORMS]
        asked += [(study + form, accept) for study in studies for form, accept in _STUDY_FORMS]
        asked += [(f"{path}?includefield=all", "*/*") for path in ("/studies", "/series")]
        for study in studies:
            self._check_archive(study)
        return {self._answered(path, accept) for path, accept in asked}

    def _answered(self, path: str, accept: str) -> int:
        """Ask, and return the status of the answer, which is whole and, of a refusal, in words of ours alone."""
        answer = self._ask(path, accept)
        assert answer.status_code < 500, f"{path}: {answer.status_code} {answer.text[:300]}"
        if answer.status_code >= 400:
            told = answer.json()
            assert set(told) <= {"type", "title", "status", "code", "detail", "instance"}
            assert STRANGERS_WORD not in answer.text
            assert told.get("detail") or answer.status_code != 422, f"{path}: no reason"
        return answer.status_code

    def _check_archive(self, study: str) -> None:
        answer = self._ask(f"{study}/archive")
        assert answer.status_code == 200, answer.text
        with zipfile.ZipFile(BytesIO(answer.content)) as archive:
            assert archive.testzip() is None
            directory = dcmread(BytesIO(archive.read("DICOMDIR")))
            listed = [record for record in directory.DirectoryRecordSequence if "ReferencedFileID" in record]
            assert len(listed) == len(archive.namelist()) - 1

    @property
    def _root(self) -> str:
        return f"{self.stand.base_url}/h/{HOSPITAL}/dicom-web"

    def _ask(self, path: str, accept: str = "*/*") -> requests.Response:
        with self._answered_in_time():
            return requests.get(self._root + path, headers=self.authorised({"Accept": accept}), timeout=60)

    def worklist(self) -> requests.Response:
        """Ask which studies wait for a person."""
        return requests.get(f"{self.stand.base_url}/api/v1/worklist", headers=self.authorised({}), timeout=30)

    def resolve_waiting(self, accession: str = "A-1") -> None:
        """Say of every study that waits on the worklist that it is of one order."""
        doors = Doors(self.stand.base_url, self.key, self.stand.dimse_port)
        for study in self.worklist().json()["studies"]:
            order = {"accession_number": accession, "issuer": make.ISSUER}
            doors.post(f"/worklist/{study['study_instance_uid']}/resolve", order)

    def visit(self) -> "Visit":
        """Open the link of the first message that went out."""
        return self.visits(1)[0]

    def visits(self, count: int) -> list["Visit"]:
        """Open the links of as many messages."""
        self.stand.carrier.wait_for(lambda messages: len(messages) >= count, timeout=60)
        return [Visit(self.stand, message.body) for message in self.stand.carrier.messages[:count]]

    def check_survival(self) -> dict[str, int]:
        """Require that each process of the servers still runs, within its memory; returns the peaks in MiB."""
        peaks = {}
        for name, family in self._servers.items():
            for process in family:
                assert process.is_running() and process.status() != psutil.STATUS_ZOMBIE, f"a process of {name} died"
            peaks[name] = max(peak(process.pid) for process in family) >> 20
            assert peaks[name] < LIMIT >> 20, f"{name} took {peaks[name]} MiB"
        return peaks

    def _family(self, name: str) -> list[psutil.Process]:
        """The processes of a server as it starts: none decodes yet."""
        top = psutil.Process(self.stand.pid(name))
        return [top, *top.children(recursive=True)]

    def logs(self) -> str:
        """All that the processes wrote."""
        return "".join(self.stand.log(name).read_text(errors="replace") for name in PROCESSES)


class Visit:
    """A patient's browser, after the fact was given."""

    def __init__(self, stand: Stand, message: str) -> None:
        self.message = message
        self._root, token = stand.base_url, message.rsplit("/", 1)[1]
        self._http = requests.Session()
        self.landing = self.post(f"/s/{token}").text
        form = {"token": token, "kind": "birth_date", "act": "check", "y": "1958", "m": "3", "d": "7"}
        answer = self.post("/s", data=form, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        self.path = answer.headers["Location"].removeprefix(self._root)

    def get(self, path: str = "") -> requests.Response:
        """Look at something of the study."""
        return self._http.get(f"{self._root}{self.path}{path}", timeout=30)

    def post(self, path: str, **more: object) -> requests.Response:
        """Send a form."""
        return self._http.post(f"{self._root}{path}", timeout=30, **more)

    @property
    def series(self) -> list[str]:
        """The series that the page offers to be seen."""
        return sorted(set(re.findall(rf'href="{self.path}(/series/\d+)"', self.get().text)))


def peak(pid: int) -> int:
    """The most memory that a process has had resident, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) << 10


def is_readable(file: bytes) -> bool:
    """Tell whether the head of a file gives what is needed to store it."""
    try:
        parse_header(file, complete=True)
    except UnreadableInstance:
        return False
    return True
