"""Steps of a study's story that several tests here walk through."""

from app.dicom.instance import parse_header
from app.jobs.drain import drain
from app.notify.channels.base import Fate, Sent
from app.services import announcing, links, study_state
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from tests import factories

UID = "1.2.826.0.1.77"


class Carrier:
    """Accepts every message and keeps it."""

    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message)
        return Sent(Fate.ACCEPTED, reference=f"SM{len(self.sent)}")


def arrive(system, *numbers, uid=UID, patient="D-1001", accession="CT-1"):
    intake = Intake(system.parts, Sender(system.hospital, "stow", "tests", "YZ1"))
    for number in numbers:
        intake.take(iter([factories.slice_file(uid, number, patient, accession)]), parse_header)
    intake.close()
    assert all(not outcome.failure for outcome in intake.outcomes)


def work(system):
    """Do what is owed, as the worker does."""
    for topic in (study_state.SETTLE, study_state.RENDER, study_state.ANNOUNCE, announcing.DISPATCH):
        drain(system.parts, topic)


def write_message(system):
    """Receive a study of one instance and write its message, which nobody sends yet."""
    arrive(system, 1)
    system.post(f"/studies/{UID}/complete")
    for topic in (study_state.SETTLE, study_state.RENDER, study_state.ANNOUNCE):
        drain(system.parts, topic)


def tell(system):
    """Receive a study of three instances, complete it and tell the patient."""
    arrive(system, 1, 2, 3)
    system.post(f"/studies/{UID}/complete", {"instances": 3})
    work(system)


def state(system, uid=UID):
    answer = system.get(f"/studies/{uid}")
    assert answer.status_code == 200
    return answer.json


def link_of(message):
    return message.link.rpartition("/")[2]


def why_dead(system, message):
    return links.look(system.parts, link_of(message)).why
