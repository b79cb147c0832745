"""Every write of the doors fails once, each in turn: the answer is a failure or it is true, and the next one succeeds.

`make test` tries the first and the last call of each kind (a write into a pack, a sync of the log), `make durability`
all of them.
"""

import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from app.dicom.instance import parse_header
from app.models.imaging import Instance, InstanceVersion
from app.services import objects, sweeping
from app.services.unit_of_work import Scope, reading
from tests import factories as make
from tests.durability.faults import BROKEN, CUT, FULL, Fault, Injector
from tests.durability.places import ALL, Places, tries
from tests.durability.senders import c_store, stow
from tests.stand import Stand, standing

pytestmark = [
    pytest.mark.flow,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing: apt-get install gcc libc6-dev"),
]
CHECKPOINT_PAGES = 1000
"""So long is SQLite's log when a commit also copies it into the database, as SQLite comes."""

Door = Callable[[list[bytes]], set[str]]


class Site:
    """A stand whose web and receiver can be made to fail in one write, and what it must still hold."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.hospital, self.key = stand.enrol()
        self.acknowledged: dict[str, bytes] = {}
        self.places = Places(stand.database, stand.settings.data_folder, stand.settings.heads_file)
        self.injector = Injector(stand.folder, self.places.roots)
        stand.start("valkey")
        stand.start("web", "scp", wrapper=self.injector.wrapper)

    def by_stow(self, files: list[bytes]) -> set[str]:
        status, stored = stow(self.stand, self.key, files)
        assert (status == 200) == (len(stored) == len(files)), status
        return stored

    def by_c_store(self, files: list[bytes]) -> set[str]:
        return {uid for uid, status in c_store(self.stand, files).items() if status == 0}

    def log(self) -> str:
        """The end of what both doors wrote."""
        return "".join(self.stand.log(name).read_text()[-3000:] for name in ("web", "scp"))

    def lengthen_log(self) -> None:
        """Let the next commit copy SQLite's log into the database, and the one after it begin the log anew."""
        with closing(sqlite3.connect(self.places.database, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            for _ in range(CHECKPOINT_PAGES):
                connection.execute("UPDATE alembic_version SET version_num = version_num")

    def stored(self, prefix: str) -> dict[str, bytes]:
        """Read back the data sets of all instances whose UID begins so, each of which must be there once."""
        with reading(self.stand.parts, Scope(hospital=self.hospital)) as session:
            columns = InstanceVersion.sop_instance_uid, InstanceVersion.object_id
            rows = session.execute(select(*columns).where(columns[0].startswith(prefix))).all()
            uids = session.scalars(
                select(Instance.sop_instance_uid).where(Instance.sop_instance_uid.startswith(prefix))
            )
            assert sorted(uid for uid, _ in rows) == sorted(uids)
            return {uid: dataset(self._read(session, object_id)) for uid, object_id in rows}

    def _read(self, session, object_id: UUID) -> bytes:
        return objects.reader(session, self.stand.parts, self.hospital, object_id).read()

    def check(self, prefix: str, files: dict[str, bytes], told: set[str]) -> None:
        """See that what was acknowledged is there, and that nothing is there in part."""
        stored = self.stored(prefix)
        assert told <= set(stored)
        assert stored == {uid: dataset(files[uid]) for uid in stored}


def dataset(file: bytes) -> bytes:
    return file[parse_header(file, complete=True).dataset_offset :]


def files_of(study: str) -> dict[str, bytes]:
    return {f"{study}.1.{number}": make.slice_file(study, number, "P-1", "A-1") for number in (1, 2)}


@pytest.fixture
def site(database) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="filmpass-") as folder, standing(Path(folder), database) as stand:
        yield Site(stand)


def try_one(site: Site, study: str, door: Door, kind: str, number: int, fault: Fault) -> bool:
    """Let one call fail while two instances of a new study come; returns whether there was such a call."""
    files = files_of(study)
    site.lengthen_log()
    with site.injector.failing(kind, number, fault):
        told = door(list(files.values()))
    site.check(f"{study}.", files, told)
    again = door(list(files.values()))
    assert again == set(files), f"after {fault} in {kind} number {number}: {site.log()}"
    site.check(f"{study}.", files, again)
    site.acknowledged |= files
    return site.injector.fired


def try_each(site: Site, root: str, door: Door, fault: Fault) -> None:
    """Let each call of each kind fail; every kind that there has to be must have failed at least once."""
    site.acknowledged |= (files := files_of(f"{root}.0"))
    site.lengthen_log()
    with site.injector.noting():
        assert door(list(files.values())) == set(files)
    calls, failed = site.injector.calls, set()
    studies = itertools.count(1)
    expected = site.places.of_a_pack_and_its_rows | site.places.of_a_checkpoint
    for kind in sorted(site.places.kinds(calls) | expected):
        for number in tries(kind, calls):
            if not try_one(site, f"{root}.{next(studies)}", door, kind, number, fault):
                break
            failed.add(kind)
    assert expected <= failed


def check_after_a_restart(site: Site, monkeypatch) -> None:
    """Kill everything, sweep what no row names, and read back all that was ever acknowledged."""
    stand = site.stand
    for name in ("web", "scp"):
        assert stand.is_alive(name)
        stand.kill(name)
    stand.parts.engine.dispose()
    with closing(sqlite3.connect(site.places.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    monkeypatch.setattr(sweeping, "GRACE_SECONDS", -60)
    sweeping.sweep(stand.parts)
    stand.start("web", "scp")
    assert set(site.acknowledged) == site.by_stow(list(site.acknowledged.values()))
    site.check("1.2.826.3", site.acknowledged, set(site.acknowledged))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("fault", [FULL, BROKEN, CUT] if ALL else [BROKEN], ids=str)
def test_a_stow_answer_is_a_failure_or_true_whichever_write_fails(site, fault, monkeypatch):
    try_each(site, "1.2.826.31", site.by_stow, fault)
    check_after_a_restart(site, monkeypatch)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("fault", [FULL, BROKEN, CUT] if ALL else [FULL], ids=str)
def test_a_c_store_response_is_a_failure_or_true_whichever_write_fails(site, fault, monkeypatch):
    try_each(site, "1.2.826.32", site.by_c_store, fault)
    check_after_a_restart(site, monkeypatch)
