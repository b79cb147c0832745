"""What is promised of an instance holds, however instances come."""

import errno
import os
import sqlite3
import threading
from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless, RLELossless
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app.dicom.instance import parse_header
from app.models.imaging import Instance, InstanceVersion, Quarantine, Series, StoredObject, Study
from app.services import ingest, objects, study_state
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import factories
from tests.factories import slice_file

STUDY = "1.2.826.3.1"


def file(number: int = 1, study: str = STUDY, patient: str = "P-1") -> bytes:
    return slice_file(study, number, patient, "A-1")


def edited(data: bytes, **elements) -> bytes:
    dataset = dcmread(BytesIO(data))
    for name, value in elements.items():
        setattr(dataset, name, value)
    return saved(dataset)


def transcoded(data: bytes, syntax) -> bytes:
    dataset = dcmread(BytesIO(data))
    dataset.compress(syntax, generate_instance_uid=False)
    return saved(dataset)


def saved(dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


@pytest.fixture
def hospital(parts):
    return factories.make_hospital(parts)


@pytest.fixture
def send(parts, hospital):
    """Send files in one request; returns the outcomes."""

    def sent(*files: bytes, policy: str = "keep-newest", source: Sender | None = None):
        sender = source or Sender(hospital, "stow", "tests", "YZ1", policy)
        intake = Intake(parts, sender)
        for data in files:
            intake.take(iter([data]), parse_header)
        intake.close()
        return intake.outcomes

    return sent


@pytest.fixture
def rows(parts, hospital):
    def found(table):
        with reading(parts, Scope(hospital=hospital)) as session:
            return list(session.scalars(select(table)))

    return found


def failures(outcomes) -> list[int]:
    return [outcome.failure for outcome in outcomes]


def current_file(parts, hospital, uid: str) -> bytes:
    with reading(parts, Scope(hospital=hospital)) as session:
        digest = session.scalars(select(Instance.current_digest).where(Instance.sop_instance_uid == uid)).one()
        version = session.scalars(select(InstanceVersion).where(InstanceVersion.dataset_digest == digest)).one()
        return objects.reader(session, parts, hospital, version.object_id).read()


@pytest.mark.both_databases
def test_parallel_requests_with_the_same_instances_leave_each_once(parts, hospital, send, rows):
    files = [file(number) for number in range(1, 7)]
    outcomes, barrier = [], threading.Barrier(4)

    def request(order):
        barrier.wait()
        outcomes.extend(send(*order))

    orders = (files, files[::-1], files[3:] + files[:3], [*files, *files])
    threads = [threading.Thread(target=request, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures(outcomes) == [0] * 30
    assert len(rows(Study)) == len(rows(Series)) == 1
    assert len(rows(Instance)) == len(rows(InstanceVersion)) == len(rows(StoredObject)) == 6
    for number in range(1, 7):
        assert current_file(parts, hospital, f"{STUDY}.1.{number}") == file(number)


@pytest.mark.both_databases
@pytest.mark.parametrize(("policy", "shown"), [("keep-newest", 2), ("keep-first", 1), ("ask", 1)])
def test_other_content_under_a_known_uid_is_kept_flagged_and_shown_as_the_source_says(
    parts, hospital, send, rows, policy, shown
):
    first, second = file(), edited(file(), SeriesDescription="corrected")
    assert failures([*send(first), *send(second, policy=policy)]) == [0, 0]
    flagged = {version.flagged for version in rows(InstanceVersion)}
    assert (len(rows(InstanceVersion)), len(rows(Instance)), flagged) == (2, 1, {False, True})
    assert current_file(parts, hospital, f"{STUDY}.1.1") == (first, second)[shown - 1]


def test_both_versions_in_one_request_end_the_same_way(parts, hospital, send, rows):
    first, second = file(), edited(file(), SeriesDescription="corrected")
    assert failures(send(first, second)) == [0, 0]
    assert len(rows(InstanceVersion)) == 2
    assert current_file(parts, hospital, f"{STUDY}.1.1") == second


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_the_same_content_in_another_transfer_syntax_is_kept_and_corrects_nothing(parts, hospital, send, rows, syntax):
    send(file())
    (before,) = rows(Series)
    assert failures(send(transcoded(file(), syntax))) == [0]
    assert [version.flagged for version in rows(InstanceVersion)] == [False, False]
    assert current_file(parts, hospital, f"{STUDY}.1.1") == file()
    assert rows(Series)[0].changes == before.changes


def test_other_attributes_in_another_transfer_syntax_are_a_correction(parts, hospital, send, rows):
    send(file())
    corrected = transcoded(edited(file(), SeriesDescription="corrected"), RLELossless)
    send(corrected)
    assert sorted(version.flagged for version in rows(InstanceVersion)) == [False, True]
    assert current_file(parts, hospital, f"{STUDY}.1.1") == corrected


def test_a_version_is_taken_even_when_the_older_one_cannot_be_read(parts, hospital, send, rows, settings):
    send(file())
    for path in settings.data_folder.rglob("*"):
        if path.is_file():
            path.unlink()
    assert failures(send(transcoded(file(), RLELossless))) == [0]
    assert current_file(parts, hospital, f"{STUDY}.1.1") == transcoded(file(), RLELossless)


def test_a_repeat_does_not_open_a_settled_study_again(parts, hospital, send, rows):
    send(file())
    with unit_of_work(parts, Scope(hospital=hospital)) as session:
        session.scalars(select(Study)).one().state = study_state.READY
    send(file())
    assert rows(Study)[0].state == study_state.READY
    send(file(2))
    assert rows(Study)[0].state == study_state.RECEIVING


def test_instances_that_disagree_about_the_patient_mark_the_study(send, rows):
    send(file(1, patient="P-1"))
    assert rows(Study)[0].identity_conflict is False
    send(file(2, patient="P-2"))
    assert rows(Study)[0].identity_conflict is True


def test_a_group_is_made_durable_while_a_long_request_goes_on(parts, hospital, rows, monkeypatch):
    monkeypatch.setattr(ingest, "GROUP_INSTANCES", 2)
    intake = Intake(parts, Sender(hospital, "stow", "tests", "YZ1"))
    for number in range(1, 6):
        intake.take(iter([file(number)]), parse_header)
    assert len(rows(Instance)) == 4
    intake.close()
    assert len(rows(Instance)) == 5


def test_when_a_group_fails_its_repeats_fail_with_it(parts, send, rows, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fdatasync", full)
    assert failures(send(file(1), file(1), file(2))) == [0xA700] * 3
    monkeypatch.undo()
    assert rows(Instance) == []
    assert failures(send(file(1), file(2))) == [0, 0]


def test_a_failure_of_the_disk_that_is_no_full_disk_is_a_processing_failure(send, rows, monkeypatch):
    def broken(_descriptor):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fdatasync", broken)
    assert failures(send(file())) == [0x0110]
    assert rows(Instance) == []


@pytest.mark.parametrize(("code", "expected"), [(sqlite3.SQLITE_FULL, 0xA700), (sqlite3.SQLITE_IOERR, 0x0110)])
def test_an_index_that_cannot_be_written_is_answered_and_nothing_is_promised(send, rows, monkeypatch, code, expected):
    def fail(*_args, **_kwargs):
        error = sqlite3.OperationalError("cannot")
        error.sqlite_errorcode = code
        raise OperationalError("INSERT", {}, error)

    send(file(1))
    monkeypatch.setattr(ingest.ingest_rows, "insert_instances", fail)
    assert failures(send(file(2))) == [expected]
    monkeypatch.undo()
    assert len(rows(Instance)) == 1
    assert failures(send(file(2))) == [0]


def test_an_unexpected_error_fails_one_instance_and_not_the_request(send, rows, monkeypatch):
    study = Intake._study

    def odd(self, header):
        if header.instance_number == 2:
            raise RuntimeError("a mistake of ours")
        return study(self, header)

    monkeypatch.setattr(Intake, "_study", odd)
    assert failures(send(file(1), file(2), file(3))) == [0, 0x0110, 0]
    assert len(rows(Instance)) == 2


def test_an_instance_over_the_limit_leaves_nothing_behind(parts, hospital, rows):
    intake = Intake(parts, Sender(hospital, "c-store", "tests", "YZ1"), max_instance=1500)
    outcome = intake.take(iter([file()[:1000], file()[1000:]]), parse_header)
    intake.close()
    assert (outcome.failure, outcome.reason) == (0xA700, "The instance is larger than 1500 bytes.")
    assert rows(Instance) == rows(Quarantine) == []


def test_what_ends_early_is_set_aside_and_the_error_goes_on(parts, hospital, rows):
    def cut():
        yield file()[:1200]
        raise EOFError

    intake = Intake(parts, Sender(hospital, "stow", "tests", "YZ1"))
    intake.take(iter([file(2)]), parse_header)
    with pytest.raises(EOFError):
        intake.take(cut(), parse_header)
    intake.close()
    assert failures(intake.outcomes) == [0, 0xC000]
    (aside,) = rows(Quarantine)
    with reading(parts, Scope(hospital=hospital)) as session:
        kept = objects.reader(session, parts, hospital, aside.object_id).read()
    assert kept == file()[:1200]
    assert len(rows(Instance)) == 1


def test_nothing_of_a_picture_is_readable_on_the_disk(parts, hospital, send, settings, tmp_path):
    data = file()
    send(data, b"garbage with a name: Wang^Xiaoming" * 50)
    pixels = bytes(dcmread(BytesIO(data)).PixelData)
    disk = [path for path in tmp_path.rglob("*") if path.is_file() and "keys" not in path.parts]
    assert any(path.is_relative_to(settings.data_folder) for path in disk)
    for path in disk:
        content = path.read_bytes()
        assert pixels[:64] not in content, path
        if path.is_relative_to(settings.data_folder):
            assert b"Wang^Xiaoming" not in content
            assert b"DICM" not in content


def test_counts_of_another_hospital_do_not_change(parts, hospital, send):
    other = factories.make_hospital(parts, "yz2")
    send(file())
    send(file(), source=replace(Sender(hospital, "stow", "tests", "YZ1"), hospital_id=other))
    with reading(parts, Scope(hospital=hospital)) as session:
        counted = select(func.count()).select_from(Study).where(Study.hospital_id == hospital)
        assert session.scalar(counted) == 1
