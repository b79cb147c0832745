"""Studies that arrive at a stand, each of a patient with a telephone of their own."""

from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

from sqlalchemy import select

from app.models.imaging import Study
from app.models.notifications import DeliveryAttempt
from app.services.unit_of_work import Scope, reading
from demo.doors import Doors
from tests import factories as make
from tests.stand import Stand


@dataclass
class Arrivals:
    """One hospital's patients; `numbers` are those whose studies were acknowledged, in order."""

    stand: Stand
    hospital: UUID
    key: str
    numbers: list[str] = field(default_factory=list)
    _count: count = field(default_factory=lambda: count(1))

    def prepare(self) -> tuple[str, list[bytes], str]:
        """Register a patient and an order; returns the study's UID, its slices, and the telephone."""
        number = next(self._count)
        phone = f"+86138002{number:05}"
        patient = make.make_patient(self.stand.parts, self.hospital, phone=phone, identifier=f"P-{number}")
        make.make_order(self.stand.parts, self.hospital, patient, accession_number=f"A-{number}")
        study = f"1.2.826.9.{number}"
        return study, [make.slice_file(study, slice_, f"P-{number}", f"A-{number}") for slice_ in (1, 2)], phone

    def send(self) -> str:
        """Send one study by STOW-RS, all of it acknowledged; returns the telephone of its patient."""
        study, files, phone = self.prepare()
        receipt = Doors(self.stand.base_url, self.key, self.stand.dimse_port).stow(study, [[file] for file in files])
        assert receipt.stored == len(files)
        self.numbers.append(phone)
        return phone

    def wait_until_told(self) -> None:
        """Wait until every patient has a message."""
        self.stand.carrier.wait_for(lambda messages: set(self.numbers) <= {m.to for m in messages}, timeout=30)

    def check_told_once(self) -> None:
        """One body for each patient at the carrier, by one attempt; every study is ready."""
        assert sorted(message.to for message in self.stand.carrier.messages) == sorted(self.numbers)
        with reading(self.stand.parts, Scope(hospital=self.hospital)) as session:
            assert session.scalars(select(DeliveryAttempt.number)).all() == [1] * len(self.numbers)
            of_patients = select(Study.state).where(Study.patient_id.is_not(None))
            assert session.scalars(of_patients).all() == ["ready"] * len(self.numbers)


def arrivals_at(stand: Stand) -> Arrivals:
    """Enrol the hospital whose studies arrive."""
    return Arrivals(stand, *stand.enrol())
