"""Law 1 by trace: what is acknowledged was on the disk before the first byte of its answer left."""

import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import select

from app.models.imaging import InstanceVersion, StoredObject
from app.services.unit_of_work import Scope, reading
from app.storage.encrypted import sealed_size
from tests import databases, servers
from tests import factories as make
from tests.durability import law, traces
from tests.durability.faults import Injector
from tests.durability.places import Places
from tests.durability.senders import c_store, stow
from tests.durability.traces import Call
from tests.durability.works import working
from tests.stand import Stand, standing

pytestmark = [
    pytest.mark.flow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is missing: apt-get install strace"),
]
SENDERS, REQUESTS, INSTANCES = 2, 2, 3


class Lying(NamedTuple):
    """An object as the index knows it."""

    uid: str
    object_id: UUID
    pack_id: UUID
    offset: int
    size: int


@contextmanager
def standing_in_a_short_folder(database: databases.Database) -> Iterator[Stand]:
    with tempfile.TemporaryDirectory(prefix="filmpass-") as folder, standing(Path(folder), database) as stand:
        yield stand


def files_of(study: str) -> list[bytes]:
    return [make.slice_file(study, number, "P-1", "A-1") for number in range(1, INSTANCES + 1)]


def send_by_stow(stand: Stand, key: str, sender: int) -> list[str]:
    """Send several studies one after the other, then the first once more; returns each UID as often as it was stored."""
    stored = []
    for study in (*range(REQUESTS), 0):
        status, uids = stow(stand, key, files_of(f"1.2.826.21.{sender}.{study}"))
        assert status == 200
        stored += uids
    return stored


def send_by_c_store(stand: Stand, sender: int) -> list[str]:
    stored = []
    for study in (*range(REQUESTS), 0):
        statuses = c_store(stand, files_of(f"1.2.826.22.{sender}.{study}"))
        assert set(statuses.values()) == {0}
        stored += statuses
    return stored


def send_all(stand: Stand, key: str) -> list[str]:
    with ThreadPoolExecutor(2 * SENDERS) as pool:
        sent = [pool.submit(send_by_stow, stand, key, number) for number in range(SENDERS)]
        sent += [pool.submit(send_by_c_store, stand, number) for number in range(SENDERS)]
        return [uid for future in sent for uid in future.result()]


def pack_of(stand: Stand, pack_id: UUID) -> Path:
    return stand.settings.data_folder / pack_id.hex[:2] / pack_id.hex


def objects_of(stand: Stand, hospital: UUID) -> list[Lying]:
    statement = select(
        InstanceVersion.sop_instance_uid, StoredObject.id, StoredObject.pack_id, StoredObject.pack_offset,
        StoredObject.size,
    ).join(StoredObject, StoredObject.id == InstanceVersion.object_id)  # fmt: skip
    with reading(stand.parts, Scope(hospital=hospital)) as session:
        return [Lying(*row) for row in session.execute(statement)]


_STORED = re.compile(rb'"00081155": ?\{[^}]*"Value": ?\["([0-9.]+)"\]')
_SUCCESS = b"\0\0\0\x09\x02\0\0\0\0\0"
_AFFECTED = re.compile(rb"\0\0\0\x10(.)\0\0\0([0-9.]+)")


def answers(stand: Stand, calls: list[Call]) -> Iterator[tuple[str, float]]:
    """Give each UID that was said to be stored, and when the first byte of that answer left."""
    started: dict[tuple[int, str], float] = {}
    for call in (call for call in calls if call.is_send):
        here = call.thread, call.path
        if f":{stand.http_port}->" in call.path:
            if call.data.startswith(b"HTTP/1.1 "):
                started[here] = call.begun
            for found in _STORED.findall(call.data):
                yield found.decode(), started[here]
        elif f":{stand.dimse_port}->" in call.path and _SUCCESS in call.data:
            for _, uid in _AFFECTED.findall(call.data):
                yield uid.decode(), call.begun


def sqlite_row(disk: law.Disk, places: Places, object_id: UUID, beside: str) -> law.Row:
    """Find the row that names an object and, beside it, something else."""
    return law.sqlite_row(disk, places.database, object_id.hex.encode(), beside.encode())


def check_each_answer(stand: Stand, hospital: UUID, calls: list[Call], sent: list[str], row_of) -> None:
    disk = law.Disk(calls)
    lying = {item.uid: item for item in objects_of(stand, hospital)}
    told = list(answers(stand, calls))
    assert sorted(uid for uid, _ in told) == sorted(sent)
    for uid, moment in told:
        item = lying[uid]
        pack = pack_of(stand, item.pack_id)
        data = disk.files[str(pack)].bytes_durable_at(item.offset, item.offset + sealed_size(item.size))
        name, row = disk.name_durable_at(pack), row_of(disk, item)
        assert data <= moment, f"{uid} was acknowledged before its bytes were on the disk"
        assert name <= moment, f"{uid} was acknowledged before its name was on the disk"
        assert row.durable <= moment, f"{uid} was acknowledged before its row was on the disk"
        assert max(data, name) <= row.written, f"{uid} had a row before its bytes were safe"


@contextmanager
def tracing(output: Path, pids: list[int]) -> Iterator[None]:
    """Trace processes that run already, and what they start."""
    with subprocess.Popen(traces.strace(output, attach=pids), stderr=subprocess.DEVNULL) as tracer:
        try:
            while not all(_traced(pid) for pid in pids):
                assert tracer.poll() is None, "strace ended"
                time.sleep(0.01)
            yield
        finally:
            tracer.send_signal(signal.SIGTERM)


def _traced(pid: int) -> bool:
    return "TracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text()


def processes_of(server: servers.PostgresServer) -> list[int]:
    leader = (server.folder / "data/postmaster.pid").read_text().split()[0]
    return [int(pid) for pid in (leader, *Path(f"/proc/{leader}/task/{leader}/children").read_text().split())]


def traced_run(stand: Stand, key: str) -> tuple[list[str], list[Path]]:
    """Start both doors under strace, send, end; returns what was acknowledged, and the traces."""
    outputs = {name: stand.folder / f"{name}.trace" for name in ("web", "scp")}
    stand.start("valkey")
    for name, output in outputs.items():
        stand.start(name, wrapper=traces.strace(output))
    sent = send_all(stand, key)
    for name in outputs:
        stand.stop(name)
    return sent, list(outputs.values())


def test_on_sqlite_nothing_is_acknowledged_before_it_is_on_the_disk_from_the_first_folder_on(database):
    with standing_in_a_short_folder(database) as stand:
        hospital, key = stand.enrol()
        shutil.rmtree(stand.settings.data_folder)  # as on the first start
        sent, outputs = traced_run(stand, key)
        places = Places(database, stand.settings.data_folder, stand.settings.heads_file)
        check_each_answer(
            stand, hospital, traces.read(*outputs), sent,
            lambda disk, item: sqlite_row(disk, places, item.object_id, item.uid),
        )  # fmt: skip


@pytest.fixture
def worked(database) -> Iterator[tuple[Stand, UUID, Places, Injector, list[Call]]]:
    """An installation whose worker and relay did the work of one study, traced twice: from outside and from inside."""
    with standing_in_a_short_folder(database) as stand:
        hospital, output = stand.enrol()[0], stand.folder / "work.trace"
        places = Places(database, stand.settings.data_folder, stand.settings.heads_file)
        injector = Injector(stand.folder, places.roots)
        with working(stand, hospital, traces.strace(output) + injector.wrapper) as works, injector.noting():
            number = works.receive()
            works.step()
            works.check_done(number)
        yield stand, hospital, places, injector, traces.read(output)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing: apt-get install gcc libc6-dev")
def test_work_is_on_the_disk_before_it_counts_as_done_and_no_write_escapes_the_injector(worked):
    stand, hospital, places, injector, calls = worked
    disk = law.Disk(calls)
    with reading(stand.parts, Scope(hospital=hospital)) as session:
        preview = session.scalars(select(StoredObject).where(StoredObject.purpose == "previews")).one()
    pack, row = pack_of(stand, preview.pack_id), sqlite_row(disk, places, preview.id, preview.pack_id.hex)
    written = disk.files[str(pack)].bytes_durable_at(preview.pack_offset, sealed_size(preview.size))
    assert max(written, disk.name_durable_at(pack)) <= row.written < row.durable < law.NEVER
    heads = stand.settings.heads_file
    assert disk.files[str(heads)].bytes_durable_at(0, heads.stat().st_size) < law.NEVER
    assert disk.name_durable_at(heads) < law.NEVER
    roots = tuple(map(str, places.roots))
    seen = [call for call in calls if call.changes_files and (call.path or call.strings[0]).startswith(roots)]
    noted = [call for call in injector.calls if not call.startswith("open ")]
    assert Counter(call.name.replace("64", "") for call in seen) == Counter(call.split()[0] for call in noted)


@pytest.mark.postgres
def test_on_postgresql_nothing_is_acknowledged_before_it_is_on_the_disk(tmp_path):
    with (
        servers.postgres(fsync=True) as server,
        databases.postgresql(server, tmp_path) as database,
        standing_in_a_short_folder(database) as stand,
    ):
        hospital, key = stand.enrol()
        output = stand.folder / "database.trace"
        with tracing(output, processes_of(server)):
            sent, outputs = traced_run(stand, key)
        calls = traces.read(output, *outputs)
        check_each_answer(
            stand, hospital, calls, sent,
            lambda _, item: law.postgresql_row(calls, item.uid.encode(), item.object_id.bytes),
        )  # fmt: skip
