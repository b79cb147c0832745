"""Instances that follow each other share a pack, and a failure never takes an acknowledged one with it."""

import errno
import os

import pytest
from sqlalchemy import select

from app.dicom.instance import parse_header
from app.models.imaging import Instance, InstanceVersion, Series, StoredObject
from app.services import ingest, objects, study_state, sweeping
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from app.services.unit_of_work import Scope, reading
from tests import factories
from tests.factories import slice_file

STUDY = "1.2.826.3.2"


def file(number: int) -> bytes:
    return slice_file(STUDY, number, "P-1", "A-1")


@pytest.fixture
def hospital(parts):
    return factories.make_hospital(parts)


@pytest.fixture
def association(parts, hospital):
    """An intake of which each instance is answered before the next comes."""
    intake = Intake(parts, Sender(hospital, "c-store", "tests", "YZ1"))
    yield intake
    intake.close()


@pytest.fixture
def rows(parts, hospital):
    def found(statement):
        with reading(parts, Scope(hospital=hospital)) as session:
            return session.execute(statement).all()

    return found


@pytest.fixture
def stored(parts, hospital, rows):
    """Give what is acknowledged and how it reads, by SOP Instance UID."""

    def read():
        versions = rows(select(InstanceVersion.sop_instance_uid, InstanceVersion.object_id))
        with reading(parts, Scope(hospital=hospital)) as session:
            return {uid: objects.reader(session, parts, hospital, object_id).read() for uid, object_id in versions}

    return read


def take(association: Intake, *numbers: int) -> list[int]:
    outcomes = []
    for number in numbers:
        outcomes.append(association.take(iter([file(number)]), parse_header))
        association.flush()
    return [outcome.failure for outcome in outcomes]


def files_of(*numbers: int) -> dict[str, bytes]:
    return {f"{STUDY}.1.{number}": file(number) for number in numbers}


def packs(rows) -> set:
    return {row.pack_id for row in rows(select(StoredObject.pack_id))}


def broken(*_args, **_kwargs):
    raise OSError(errno.EIO, "broken")


@pytest.mark.both_databases
def test_an_association_appends_to_one_pack_and_each_instance_reads_at_once(association, rows, stored):
    for number in range(1, 4):
        assert take(association, number) == [0]
        assert stored() == files_of(*range(1, number + 1))
    assert len(packs(rows)) == 1


def test_a_pack_that_is_large_enough_is_followed_by_another(association, rows, stored, monkeypatch):
    monkeypatch.setattr(ingest, "PACK_BYTES", 5000)
    assert take(association, *range(1, 7)) == [0] * 6
    assert 1 < len(packs(rows)) < 6
    assert stored() == files_of(*range(1, 7))


def test_a_repeat_leaves_nothing_in_the_pack(association, rows, settings):
    def sizes():
        return [path.stat().st_size for path in settings.data_folder.rglob("*") if path.is_file()]

    take(association, 1, 2)
    before = sizes()
    assert take(association, 1, 2) == [0, 0]
    assert sizes() == before


def test_after_a_failure_of_the_disk_the_pack_is_left_and_what_it_held_stays(association, rows, stored, monkeypatch):
    assert take(association, 1) == [0]
    monkeypatch.setattr(os, "fdatasync", broken)
    assert take(association, 2) == [0x0110]
    monkeypatch.undo()
    assert take(association, 2, 3) == [0, 0]
    assert len(packs(rows)) == 2
    assert stored() == files_of(1, 2, 3)


@pytest.mark.both_databases
def test_after_a_failure_of_the_index_nothing_is_remembered_that_was_rolled_back(association, rows, monkeypatch):
    monkeypatch.setattr(study_state, "arrive", broken)
    assert take(association, 1) == [0x0110]
    assert rows(select(Series.id)) == []
    monkeypatch.undo()
    assert take(association, 1, 2) == [0, 0]
    assert len(rows(select(Instance.number))) == 2


def test_whatever_fails_a_group_nothing_of_it_counts_as_stored(association, rows, monkeypatch):
    def mistake(*_args, **_kwargs):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(ingest, "GROUP_INSTANCES", 3)
    monkeypatch.setattr(study_state, "arrive", mistake)
    for number in range(1, 4):
        association.take(iter([file(number)]), parse_header)
    assert [outcome.failure for outcome in association.outcomes] == [0x0110] * 3
    assert rows(select(Instance.number)) == []


def test_sweeping_leaves_a_pack_that_is_still_appended_to(parts, association, stored, monkeypatch):
    monkeypatch.setattr(sweeping, "GRACE_SECONDS", -60)
    assert take(association, 1) == [0]
    assert sweeping.sweep(parts).packs == 0
    assert take(association, 2) == [0]
    assert sweeping.sweep(parts).packs == 0
    assert stored() == files_of(1, 2)


def test_a_file_that_is_swept_away_while_it_is_written_is_never_acknowledged(parts, association, stored, monkeypatch):
    association.take(iter([file(1)]), parse_header)
    monkeypatch.setattr(sweeping, "GRACE_SECONDS", -60)
    assert sweeping.sweep(parts).unfinished == 1
    association.flush()
    assert [outcome.failure for outcome in association.outcomes] == [0x0110]
    assert take(association, 1) == [0]
    assert stored() == files_of(1)


def test_a_header_longer_than_the_first_piece_is_read_on_and_all_of_the_file_is_kept(association, stored, monkeypatch):
    monkeypatch.setattr(ingest, "HEAD", 200)
    data = file(1)
    reused = bytearray(300)

    def pieces():
        for at in range(0, len(data), len(reused)):
            piece = data[at : at + len(reused)]
            reused[: len(piece)] = piece
            yield memoryview(reused)[: len(piece)]

    assert association.take(pieces(), parse_header).failure == 0
    association.flush()
    assert stored() == files_of(1)
