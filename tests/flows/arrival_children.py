"""Processes that receive instances and are killed, or whose disk fills: run by test_arrival.py as programs.

Each prints the SOP Instance UID of an instance once it is acknowledged, as an answer to a sender would be.
"""

import os
import signal
import sys
from pathlib import Path
from uuid import UUID

from app.core.settings import Settings
from app.dicom.instance import parse_header
from app.factory import build_parts
from app.services import objects
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from app.services.unit_of_work import Scope, reading
from app.storage.filesystem import FilePackWriter, FilesystemStore
from tests.factories import slice_file

STUDY = "1.2.826.4.1"
KILLED_AT = 4
"""In which group the process dies."""


def large_file(number: int) -> bytes:
    """An instance of about 300 kB: a slice with a long private element behind its pixels."""
    data = slice_file(STUDY, number, "P-1", "A-1")
    body = bytes([number % 251]) * 300_000
    return data + b"\xfc\xff\xfc\xffOB\0\0" + len(body).to_bytes(4, "little") + body


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_in_call(owner: type, name: str, *, after: bool) -> None:
    """Let the process die before or after the fourth call of a method."""
    original, calls = getattr(owner, name), [0]

    def counted(*args, **kwargs):
        calls[0] += 1
        if calls[0] == KILLED_AT and not after:
            _die()
        result = original(*args, **kwargs)
        if calls[0] == KILLED_AT:
            _die()
        return result

    setattr(owner, name, counted)


NAMELESS = "before the pack has its name"
POINTS = {
    NAMELESS: lambda: _die_in_call(FilesystemStore, "_name", after=False),
    "before what was appended is durable": lambda: _die_in_call(FilePackWriter, "commit", after=False),
    "between pack and rows": lambda: _die_in_call(Intake, "_insert", after=False),
    "after the rows, before the answer": lambda: _die_in_call(Intake, "_insert", after=True),
}


def receive_and_die(parts, hospital: UUID, point: str) -> None:
    """Take instances one by one until the process is killed."""
    POINTS[point]()
    intake = Intake(parts, Sender(hospital, "c-store", "tests", "YZ1"))
    for number in range(1, 10):
        outcome = intake.take(iter([slice_file(STUDY, number, "P-1", "A-1")]), parse_header)
        if point == NAMELESS:
            intake.close()  # one pack an instance
        intake.flush()
        if not outcome.failure:
            say(outcome.header.sop_instance_uid)


def fill_the_disk(parts, hospital: UUID, ballast: str) -> None:
    """Take instances until the disk is full, read back every acknowledged one, and go on once there is room."""
    intake = Intake(parts, Sender(hospital, "c-store", "tests", "YZ1"))
    stored, number = [], 0
    while not (outcome := _take(intake, number := number + 1)).failure:
        stored.append(number)
    say(f"{len(stored)} stored, then {outcome.failure:04X}")
    assert _take(intake, number).failure == outcome.failure
    _read_back(parts, hospital, stored)
    Path(ballast).unlink()
    assert _take(intake, number).failure == 0
    _read_back(parts, hospital, [*stored, number])
    say("all readable")


def _take(intake: Intake, number: int):
    outcome = intake.take(iter([large_file(number)]), parse_header)
    intake.flush()
    return outcome


def _read_back(parts, hospital: UUID, numbers: list[int]) -> None:
    from sqlalchemy import select

    from app.models.imaging import InstanceVersion

    with reading(parts, Scope(hospital=hospital)) as session:
        versions = session.execute(select(InstanceVersion.sop_instance_uid, InstanceVersion.object_id)).all()
        found = {uid: objects.reader(session, parts, hospital, object_id).read() for uid, object_id in versions}
    assert found == {f"{STUDY}.1.{number}": large_file(number) for number in numbers}


if __name__ == "__main__":
    what, hospital_id, argument = sys.argv[1:]
    made = build_parts(Settings.from_env(os.environ))
    {"die": receive_and_die, "fill": fill_the_disk}[what](made, UUID(hospital_id), argument)
