"""A worker and a relay of one process, which do what is due when they are told to."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from app.audit.sealing import verify_all
from app.dicom.instance import parse_header
from app.models.audit import AuditCheckpoint
from app.models.imaging import Series, StoredObject, Study
from app.services import objects, previews
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from app.services.unit_of_work import Scope, reading
from tests import factories as make
from tests.stand import Stand


class Works:
    """An installation whose worker and relay take a step when they are told to."""

    def __init__(self, stand: Stand, hospital: UUID, wrapper: tuple[str, ...]) -> None:
        self.stand, self.hospital, self._count = stand, hospital, 0
        self._stepper = subprocess.Popen(
            [*wrapper, sys.executable, "-m", "tests.durability.stepper"],
            cwd=Path(__file__).parents[2], env=stand.environment, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip

    def close(self) -> None:
        self._stepper.communicate(timeout=30)

    def step(self) -> None:
        """Let an hour pass, and what is due be done."""
        self._stepper.stdin.write("\n")
        self._stepper.stdin.flush()
        assert "done\n" in iter(self._stepper.stdout.readline, ""), "the stepper ended"

    def receive(self) -> str:
        """Take in a study of a patient with a number of their own; returns the number."""
        self._count += 1
        number = f"+8613800{self._count:06}"
        parts, hospital, patient, order = self.stand.parts, self.hospital, f"P-{self._count}", f"A-{self._count}"
        patient_id = make.make_patient(parts, hospital, identifier=patient, phone=number)
        make.make_order(parts, hospital, patient_id, accession_number=order)
        intake = Intake(parts, Sender(hospital, "stow-rs", "tests", make.ISSUER))
        intake.take(iter([make.slice_file(self._uid, 1, patient, order)]), parse_header)
        intake.close()
        assert [outcome.failure for outcome in intake.outcomes] == [0]
        return number

    @property
    def _uid(self) -> str:
        return f"1.2.826.41.{self._count}"

    def check_what_is_named(self) -> None:
        """See that no row of the newest study names bytes that are not there."""
        with reading(self.stand.parts, Scope(hospital=self.hospital)) as session:
            newest = select(Study.id).where(Study.study_instance_uid == self._uid).scalar_subquery()
            found = session.scalars(select(StoredObject.id).where(StoredObject.study_id == newest)).all()
            for object_id in found:
                objects.reader(session, self.stand.parts, self.hospital, object_id).read()
        assert found

    def check_done(self, number: str) -> None:
        """See that the newest study is ready, its patient was told, and the newest head left the database."""
        with reading(self.stand.parts, Scope(hospital=self.hospital, worker=True)) as session:
            study = session.scalars(select(Study).where(Study.study_instance_uid == self._uid)).one()
            assert study.state == "ready"
            packed = session.scalars(select(Series.preview_object_id).where(Series.study_id == study.id)).one()
            pack = objects.reader(session, self.stand.parts, self.hospital, packed)
            assert len(previews.index_of_pack(pack).frames) == 1
            newest = session.scalar(select(AuditCheckpoint.root).order_by(AuditCheckpoint.size.desc()).limit(1))
        assert newest.hex() in self.stand.settings.heads_file.read_text().splitlines()[-1]
        told = [message for message in self.stand.carrier.messages if message.to == number]
        assert 1 <= len(told) <= 2  # an attempt whose fate nobody recorded is repeated once (law 2)

    def check_audit(self) -> None:
        heads = self.stand.settings.heads_file.read_text().splitlines()
        with reading(self.stand.parts, Scope(worker=True)) as session:
            assert verify_all(session, self.stand.parts.keys, heads=heads).problem is None


@contextmanager
def working(stand: Stand, hospital: UUID, wrapper: tuple[str, ...]) -> Iterator[Works]:
    """Start a worker and a relay of one process."""
    works = Works(stand, hospital, wrapper)
    try:
        yield works
    finally:
        works.close()
