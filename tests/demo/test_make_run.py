"""`make run`, whole: started, used, restarted under load, stopped, started again with the user's own files, killed."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
import requests
from pydicom.data import get_testdata_file

from demo.patients import CAMILLE, XIAOMING
from demo.phantom import chest_study

pytestmark = [pytest.mark.flow, pytest.mark.timeout(300)]


class Run:
    """One `python -m demo.run` and what it wrote."""

    def __init__(self, var: Path, *options: str) -> None:
        command = [sys.executable, "-m", "demo.run", "--var", str(var), *ports(), *options]
        self.log = var.with_name("log.txt")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.file = var / "run.json"

    def wait_until_ready(self) -> dict:
        deadline = time.monotonic() + 150
        while not self.file.exists():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)
        return json.loads(self.file.read_text())

    def descendants(self) -> set[int]:
        found, todo = set(), [self.process.pid]
        while todo:
            children = children_of(todo.pop())
            todo += children - found
            found |= children
        return found


def children_of(process: int) -> set[int]:
    parents = dict(map(process_and_parent, Path("/proc").glob("[0-9]*")))
    return {child for child, parent in parents.items() if parent == process}


def process_and_parent(folder: Path) -> tuple[int, int]:
    with contextlib.suppress(OSError):
        return int(folder.name), int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    return int(folder.name), 0


def ports() -> list[str]:
    with socket.create_server(("127.0.0.1", 0)) as http, socket.create_server(("127.0.0.1", 0)) as dimse:
        return ["--http-port", str(http.getsockname()[1]), "--dimse-port", str(dimse.getsockname()[1])]


def wait_until_gone(processes: set[int]) -> None:
    deadline = time.monotonic() + 10
    while living := {pid for pid in processes if Path(f"/proc/{pid}").exists()}:
        assert time.monotonic() < deadline, [Path(f"/proc/{pid}/cmdline").read_text() for pid in living]
        time.sleep(0.05)


@pytest.fixture
def var() -> Iterator[Path]:
    # Short: a socket lies in it.
    folder = Path("/tmp", f"filmpass-run-{uuid.uuid4().hex[:8]}")
    folder.mkdir(0o700)
    yield folder / "var"
    shutil.rmtree(folder)


@pytest.fixture
def start(var):
    runs = []

    def started(*options: str) -> Run:
        runs.append(Run(var, *options))
        return runs[-1]

    yield started
    for run in runs:
        run.process.terminate()
        run.process.wait(15)


def opened(link: str, fact: str) -> str:
    """Open a link as a patient does; returns the study's page."""
    year, month, day = fact.split("-")
    form = {"token": link.rpartition("/")[2], "kind": "birth_date", "act": "check", "y": year, "m": month, "d": day}
    with requests.Session() as browser:
        browser.headers["Accept-Language"] = "zh"
        assert browser.get(link).status_code == 200
        assert browser.post(link).status_code == 200
        page = browser.post(f"{link.rpartition('/')[0]}", data=form)
    assert "/v/" in page.url
    return page.text


def messages(facts: dict) -> list[dict]:
    return [json.loads(line) for line in Path(facts["sent_messages"]).read_text().splitlines()]


def check_first_start(var: Path, facts: dict) -> None:
    assert set(facts) == {
        "base_url", "hospital_api_url", "dicomweb_url", "dimse", "hospital", "demo", "sent_messages",
    }  # fmt: skip
    assert (var / "run.json").stat().st_mode & 0o777 == 0o600
    assert facts["dimse"]["ae_title"] == "FILMPASS"
    assert [item["fact"] for item in facts["demo"]] == ["1958-03-07", "1984-11-23"]
    sent = messages(facts)
    assert [(m["channel"], m["to"]) for m in sent] == [("sms", XIAOMING.phone), ("sms", CAMILLE.phone)]
    assert [re.search(r"http\S+", m["body"])[0] for m in sent] == [item["link"] for item in facts["demo"]]
    first, second = (opened(item["link"], item["fact"]) for item in facts["demo"])
    assert "胸部CT平扫" in first
    assert "直径约 4 mm" in first
    assert "Camille" in second


def stow(facts: dict, files: dict[str, bytes]) -> dict[str, str]:
    """Send instances; returns the address of each that was acknowledged, by its UID."""
    body = b"".join(b"--b\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n" for file in files.values())
    answer = requests.post(
        f"{facts['dicomweb_url']}/studies",
        data=iter([body, b"--b--\r\n"]),
        headers=authorized(facts) | {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'},
    )
    answer.raise_for_status()
    return {item["00081155"]["Value"][0]: item["00081190"]["Value"][0] for item in answer.json()["00081199"]["Value"]}


def authorized(facts: dict) -> dict[str, str]:
    return {"Authorization": f"Bearer {facts['hospital']['api_key']}"}


def send_during_rolling_restart(run: Run, facts: dict) -> dict[str, tuple[bytes, str]]:
    """Send 60 instances in 20 requests, with the web processes replaced meanwhile; repeat what was not acknowledged."""
    nobody = replace(CAMILLE, patient_id="D-9", accession_number="UNKNOWN")  # a study that is announced to nobody
    study = chest_study(nobody, seed=uuid.uuid4(), taken_at=datetime.now(UTC))
    files = {image.SOPInstanceUID: written(image) for image in islice(study, 60)}
    web = web_server(run)
    before = children_of(web)
    acknowledged: dict[str, str] = {}
    for number, group in enumerate(zip(*[iter(files)] * 3, strict=True)):
        if number in {5, 12}:
            os.kill(web, signal.SIGHUP)
        acknowledged |= stow_until_acknowledged(facts, {uid: files[uid] for uid in group})
    wait_until_gone(before)  # others took their place
    assert children_of(web)
    assert set(acknowledged) == set(files)
    return {uid: (files[uid], url) for uid, url in acknowledged.items()}


def stow_until_acknowledged(facts: dict, files: dict[str, bytes]) -> dict[str, str]:
    for _ in range(20):
        with contextlib.suppress(requests.ConnectionError):  # cut off by the restart: nothing of it was acknowledged
            return stow(facts, files)
        time.sleep(0.1)
    raise AssertionError("the web server does not come back")


def web_server(run: Run) -> int:
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children_of(run.process.pid)}
    (found,) = [pid for pid, command in commands.items() if b"gunicorn" in command]
    return found


def written(image) -> bytes:
    buffer = io.BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def check_all_there(facts: dict, acknowledged: dict[str, tuple[bytes, str]]) -> None:
    headers = authorized(facts) | {"Accept": "application/dicom"}
    for file, url in acknowledged.values():
        path = url.partition("/dicom-web")[2]  # the port may be another one by now
        assert requests.get(facts["dicomweb_url"] + path, headers=headers).content == file


def own_files(folder: Path) -> Path:
    archive = folder / "own.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        files.write(get_testdata_file("CT_small.dcm", download=False), "../../CT_small.dcm")
        files.writestr("README.txt", "not an image")
    return archive


def test_everything_runs_restarts_and_ends(start, var):
    run = start()
    facts = run.wait_until_ready()
    check_first_start(var, facts)
    acknowledged = send_during_rolling_restart(run, facts)
    check_all_there(facts, acknowledged)

    family = run.descendants()
    assert len(family) >= 8
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(12) == 0
    wait_until_gone(family)
    assert not run.file.exists(), "it is there while everything is ready"

    again = start("--study", str(own_files(var.parent)))
    later = again.wait_until_ready()
    check_all_there(later, acknowledged)
    assert [tokens(item) for item in later["demo"]][:2] == [tokens(item) for item in facts["demo"]]
    assert len(messages(later)) == 3, "the demo's messages were not sent again"
    own = later["demo"][2]
    assert requests.post(own["link"]).status_code == 200
    assert own["fact"].isdecimal(), "without a birth date a visit number opens it"

    family = again.descendants()
    again.process.kill()
    wait_until_gone(family)


def tokens(item: dict) -> tuple[str, str, str]:
    return item["study_instance_uid"], item["link"].rpartition("/")[2], item["fact"]
