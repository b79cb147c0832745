"""The stand: everything starts, a study goes through it, what is killed comes back."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from app.models.imaging import Study
from app.services.unit_of_work import Scope, reading
from demo.doors import Doors
from tests import factories as make
from tests.stand import PROCESSES, Stand, standing

pytestmark = pytest.mark.flow


@pytest.fixture
def stand(database) -> Iterator[Stand]:
    with tempfile.TemporaryDirectory(prefix="filmpass-stand-") as folder, standing(Path(folder), database) as made:
        yield made


def test_a_study_goes_through_and_a_killed_process_comes_back(stand):
    hospital, key = stand.enrol()
    stand.start(*PROCESSES)
    for name in PROCESSES:
        assert stand.is_alive(name)
    patient = make.make_patient(stand.parts, hospital, identifier="P-1")
    make.make_order(stand.parts, hospital, patient, accession_number="A-1")
    stand.kill("worker")
    assert not stand.is_alive("worker")
    study = "1.2.826.7.1"
    receipt = Doors(stand.base_url, key, stand.dimse_port).stow(study, [[make.slice_file(study, 1, "P-1", "A-1")]])
    assert receipt.sent == 1
    stand.start("worker")
    stand.carrier.wait_for(lambda messages: len(messages) == 1)
    with reading(stand.parts, Scope(hospital=hospital)) as session:
        assert session.scalars(select(Study.state)).one() == "ready"
    for name in PROCESSES:
        stand.stop(name)
