"""A study arrives: what was acknowledged is there, whatever happened; bodies of any length fit (S1, law 1)."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from app.dicom.instance import parse_header
from app.dimse.upper_layer import Message
from app.models.imaging import InstanceVersion
from app.services import objects, sources, sweeping
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import factories
from tests.app.dimse.senders import raw
from tests.app.test_cli import environment, flask
from tests.factories import slice_file
from tests.flows import arrival_children
from tests.rules import tree

pytestmark = pytest.mark.flow
STUDY = arrival_children.STUDY
CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
MEMORY_LIMIT = 250 << 20
"""Bytes of resident memory that a receiving process may reach, however long what it receives is."""


@pytest.fixture
def hospital(parts):
    return factories.make_hospital(parts)


def child(settings, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, "-m", "tests.flows.arrival_children", *arguments]
    ours = {**os.environ, **environment(settings), "FILMPASS_MINIMUM_FREE_BYTES": "0"}
    return subprocess.run(command, cwd=tree.ROOT, env=ours, capture_output=True, text=True, check=False)


def stored_files(parts, hospital) -> dict[str, bytes]:
    with reading(parts, Scope(hospital=hospital)) as session:
        versions = session.execute(select(InstanceVersion.sop_instance_uid, InstanceVersion.object_id)).all()
        return {uid: objects.reader(session, parts, hospital, object_id).read() for uid, object_id in versions}


@pytest.mark.parametrize("point", arrival_children.POINTS)
def test_a_kill_loses_nothing_that_was_acknowledged(parts, settings, hospital, point, monkeypatch):
    done = child(settings, "die", str(hospital), point)
    assert done.returncode == -9, done.stderr
    acknowledged = done.stdout.split()
    assert len(acknowledged) == arrival_children.KILLED_AT - 1
    files = {f"{STUDY}.1.{number}": slice_file(STUDY, number, "P-1", "A-1") for number in range(1, 10)}
    stored = stored_files(parts, hospital)
    assert set(acknowledged) <= set(stored)
    assert stored == {uid: files[uid] for uid in stored}

    monkeypatch.setattr(sweeping, "GRACE_SECONDS", -60)
    swept = sweeping.sweep(parts)
    assert swept.packs + swept.unfinished <= 1
    intake = Intake(parts, Sender(hospital, "c-store", "tests", "YZ1"))
    for data in files.values():
        intake.take(iter([data]), parse_header)
    intake.close()
    assert [outcome.failure for outcome in intake.outcomes] == [0] * 9
    assert stored_files(parts, hospital) == files


def test_a_full_disk_refuses_and_keeps_what_was_acknowledged(parts, settings, hospital, tmp_path):
    """Database and objects lie on one small tmpfs, mounted in a namespace of the child's own."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no mount namespace, so no small disk can be made")
    parts.engine.dispose()
    disk, database = tmp_path / "disk", Path(settings.database_url.removeprefix("sqlite:///"))
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=20m tmpfs {disk} && cp {database} {disk}/db && mkdir {disk}/objects"
        f' && head -c 4000000 /dev/zero > {disk}/ballast && exec "$@"'
    )
    moved = {"database_url": f"sqlite:///{disk}/db", "data_folder": disk / "objects"}
    done = child(
        factories.replace(settings, **moved), "fill", str(hospital), f"{disk}/ballast",
        prefix=("unshare", "-rm", "sh", "-ec", script, "sh"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    assert re.fullmatch(r"(\d{2,}) stored, then A700", first)
    assert last == "all readable"


@contextmanager
def gunicorn(settings):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "wsgi:application",
        "--bind",
        f"127.0.0.1:{port}",
        "--no-control-socket",
    ]
    command += ["--worker-class", "gthread", "--workers", "1", "--threads", "4", "--timeout", "120"]
    process = subprocess.Popen(
        command, cwd=tree.ROOT, env={**os.environ, **environment(settings)}, stderr=subprocess.DEVNULL
    )
    try:
        _until_it_answers(f"http://127.0.0.1:{port}/healthz", process)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait()


def _until_it_answers(url: str, process) -> None:
    while process.poll() is None:
        try:
            if requests.get(url, timeout=10).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the web server ended")


def peak_memory(process) -> int:
    """The largest resident set of a process and its children so far, in bytes."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    found = [Path(f"/proc/{pid}/status").read_text() for pid in (str(process.pid), *children)]
    return max(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 for status in found)


def long_instance(number: int, size: int):
    """Yield a multi-frame-like instance of `size` bytes more than a small one, in pieces of 1 MiB."""
    yield slice_file(STUDY, number, "P-1", "A-1")
    yield b"\xfc\xff\xfc\xffOB\0\0" + size.to_bytes(4, "little")
    piece = os.urandom(1 << 20)
    for _ in range(size >> 20):
        yield piece


def multipart(sizes, ended: bool = True):
    for number, size in enumerate(sizes, start=1):
        yield b"--xyz\r\nContent-Type: application/dicom\r\n\r\n"
        yield from long_instance(number, size)
        yield b"\r\n"
    if ended:
        yield b"--xyz--\r\n"


def post(url: str, key: str, body) -> requests.Response:
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "multipart/related; type=application/dicom; boundary=xyz",
    }
    return requests.post(f"{url}/h/yz1/dicom-web/studies", data=body, headers=headers, timeout=120)


@pytest.fixture
def loopback_settings(settings):
    return factories.replace(settings, public_url="http://127.0.0.1:1")


def test_a_chunked_body_of_a_gibibyte_is_stored_in_bounded_memory(parts, loopback_settings, hospital, settings):
    key = factories.make_api_key(parts, hospital)
    sizes = [600 << 20] + [4 << 20] * 106
    try:
        with gunicorn(loopback_settings) as (url, process):
            answer = post(url, key, multipart(sizes))
            peak = peak_memory(process)
        assert answer.status_code == 200
        assert len(answer.json()["00081199"]["Value"]) == len(sizes)
        assert peak < MEMORY_LIMIT
    finally:
        shutil.rmtree(settings.data_folder)


def test_a_chunked_body_that_breaks_off_keeps_its_whole_parts_and_lists_the_cut_one(parts, loopback_settings, hospital):
    key = factories.make_api_key(parts, hospital)
    head = (
        "POST /h/yz1/dicom-web/studies HTTP/1.1\r\nHost: films.example\r\nTransfer-Encoding: chunked\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: multipart/related; type=application/dicom; boundary=xyz\r\n\r\n"
    )
    with (
        gunicorn(loopback_settings) as (url, _),
        socket.create_connection(("127.0.0.1", int(url.rsplit(":")[-1]))) as peer,
    ):
        peer.settimeout(60)
        peer.sendall(head.encode())
        for piece in (
            *multipart([1 << 20, 1 << 20], ended=False),
            b"--xyz\r\n\r\n" + slice_file(STUDY, 9, "P", "A")[:700],
        ):
            peer.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        peer.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: peer.recv(1 << 16), b""))
    assert answer.startswith(b"HTTP/1.1 202")
    assert b'"00081199"' in answer
    assert str(0xC000).encode() in answer
    assert set(stored_files(parts, hospital)) == {f"{STUDY}.1.1", f"{STUDY}.1.2"}


@contextmanager
def receiver(settings, parts, hospital):
    new = sources.NewSource(
        called_ae_title="FILMPASS", calling_ae_title="PACS1", network="127.0.0.1", default_issuer="YZ1",
        replace_policy="keep-newest",
    )  # fmt: skip
    with unit_of_work(parts, Scope(hospital=hospital, name="FILMPASS")) as session:
        sources.add_source(session, parts, hospital, new)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    ours = {**os.environ, **environment(settings), "FILMPASS_DIMSE_PORT": str(port)}
    ours |= {"FILMPASS_DIMSE_MAX_INSTANCE": str(400 << 20)}
    process = subprocess.Popen(flask("run-scp"), cwd=tree.ROOT, env=ours, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "scp: ready\n"
        yield type("Site", (), {"port": port}), process
    finally:
        process.terminate()
        process.stdout.close()
        process.wait()


def test_a_long_instance_by_c_store_takes_bounded_memory_and_one_over_the_limit_is_refused(parts, settings, hospital):
    def send(peer, number: int, size: int) -> bytes:
        uid = f"{STUDY}.1.{number}"
        peer.send_command(Message(1, 7, CT, uid, True, 1, CT, EXPLICIT_LITTLE))
        file = slice_file(STUDY, number, "P-1", "A-1")
        peer.send_data(file[parse_header(file, complete=True).dataset_offset :], last=False)
        for piece in list(long_instance(number, 0))[1:]:
            peer.send_data(piece[:8] + size.to_bytes(4, "little"), last=False)
        piece, rest = os.urandom(64 << 10), size >> 16
        for left in range(rest, 0, -1):
            peer.send_data(piece, last=left == 1)
        return peer.answer()[0x0900]

    try:
        with receiver(settings, parts, hospital) as (site, process), raw(site) as peer:
            peer.socket.settimeout(120)
            assert send(peer, 1, 300 << 20) == b"\0\0"
            assert send(peer, 2, 450 << 20) == b"\x00\xa7"
            assert send(peer, 3, 1 << 20) == b"\0\0"
            assert peak_memory(process) < MEMORY_LIMIT
        with reading(parts, Scope(hospital=hospital)) as session:
            uids = set(session.scalars(select(InstanceVersion.sop_instance_uid)))
        assert uids == {f"{STUDY}.1.1", f"{STUDY}.1.3"}
    finally:
        shutil.rmtree(settings.data_folder)
