"""DIMSE as everyone who is not the source: unknown, ended, from another network, or of another hospital."""

import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
from pynetdicom import AE, build_context
from pynetdicom.sop_class import CTImageStorage, Verification

from app.dimse.scp import Receiver
from app.models.imaging import Study
from app.services.sources import NewSource, add_source, remove_source
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests.app.dimse.conftest import Site
from tests.app.dimse.requester import ask, available, listening, named, notify, report_all
from tests.app.dimse.senders import Raw, instance
from tests.neighbours.doors import names_of_nothing, names_of_the_victim

pytestmark = pytest.mark.flow
CALLED, THEIRS, OURS = "FILMPASS", "PACS1", "PACS2"


def add(world, hospital, calling, network="127.0.0.0/8", called=CALLED):
    new = NewSource(
        called_ae_title=called, calling_ae_title=calling, network=network, default_issuer="YZ1",
        replace_policy="keep-newest",
    )  # fmt: skip
    with unit_of_work(world.parts, Scope(hospital=hospital, name=called)) as session:
        return add_source(session, world.parts, hospital, new)


def remove(world, hospital, source):
    with unit_of_work(world.parts, Scope(hospital=hospital)) as session:
        remove_source(session, world.parts, hospital, source)


@pytest.fixture(scope="module")
def port(world):
    """A receiver that knows the victim's source and one of the neighbour's, both on this machine."""
    settings = replace(world.parts.settings, dimse_host="127.0.0.1", dimse_port=0)
    add(world, world.case.hospital, THEIRS)
    add(world, world.neighbour.hospital, OURS)
    add(world, world.case.hospital, "FARAWAY", network="192.0.2.0/24")
    remove(world, world.case.hospital, add(world, world.case.hospital, "ENDED"))
    receiver = Receiver(replace(world.parts, settings=settings))
    thread = threading.Thread(target=receiver.run)
    thread.start()
    yield receiver.port
    receiver.stop()
    thread.join()


@contextmanager
def association(port, calling, called=CALLED):
    contexts = [build_context(CTImageStorage, "1.2.840.10008.1.2.1"), build_context(Verification)]
    made = AE(calling).associate("127.0.0.1", port, contexts=contexts, ae_title=called)
    try:
        yield made
    finally:
        if made.is_established:
            made.release()


class Caller(Raw):
    """Asks under any titles, and reads the answer itself: pynetdicom overlooks a rejection that comes at once."""

    def __init__(self, port: int, calling: str, called: str) -> None:
        self._titles = calling, called
        super().__init__(port)

    def _request(self, ae):
        request = super()._request(ae)
        request.calling_ae_title, request.called_ae_title = self._titles
        return request


def rejected(port, calling, called=CALLED):
    """Return result, source and reason of a rejection (PS3.8 9.3.4)."""
    caller = Caller(port, calling, called)
    caller.socket.close()
    kind, body = caller.accepted
    assert kind == 0x03
    return tuple(body[1:4])


def test_whoever_is_not_a_source_here_is_refused_alike_and_stores_nothing(world, port):
    before = world.rows()
    refusals = {calling: rejected(port, calling) for calling in ("NOBODY", "ENDED", "FARAWAY", "pacs1", "PACS1 X", "*")}
    assert set(refusals.values()) == {(1, 1, 3)}  # rejected-permanent, by the user, calling title not recognised
    assert rejected(port, THEIRS, "OTHER") == rejected(port, "NOBODY", "NOWHERE") == (1, 1, 7)
    assert world.rows() == before


def test_a_source_of_another_hospital_stores_apart_under_the_same_uids(world, port):
    names, before = names_of_the_victim(world), world.rows()
    with association(port, OURS) as made:
        assert made.send_c_store(instance(1, names.study)).Status == 0x0000
    assert world.rows() == before
    with reading(world.parts, world.neighbour.scope) as session:
        uids = {(row.hospital_id, row.study_instance_uid) for row in session.query(Study)}
    assert {(world.neighbour.hospital, names.study)} <= uids


def test_a_source_that_is_removed_is_refused_at_its_next_instance(world, port):
    source = add(world, world.case.hospital, "LEAVING")
    with association(port, "LEAVING") as made:
        remove(world, world.case.hospital, source)
        before = world.rows()
        assert made.send_c_store(instance(2, "1.2.826.9.7")).Status == 0x0124
    assert world.rows() == before
    assert rejected(port, "LEAVING") == rejected(port, "NOBODY")


def neighbours_archive(world, port, title):
    """A source of the neighbour that may ask for storage commitment."""
    source = add(world, world.neighbour.hospital, title)
    return Site(world.parts, world.neighbour.hospital, source, port)


def test_storage_commitment_tells_of_another_hospitals_instances_what_it_tells_of_none(world, port):
    site, before = neighbours_archive(world, port, "ASKING"), world.rows()
    told = []
    for number, names in enumerate((names_of_the_victim(world), names_of_nothing(world)), 1):
        wanted = [(CTImageStorage, f"{names.study}.1.{each}") for each in (2, 3)]
        with listening(site, title="ASKING") as requester:
            asked = named(*wanted, transaction=f"1.2.826.5.{number}")
            assert ask(site, asked, calling="ASKING").Status == 0x0000
            report_all(world.parts)
        ((event_type, report),) = requester.reports
        assert {item.ReferencedSOPInstanceUID for item in report.FailedSOPSequence} == {uid for _, uid in wanted}
        told.append((event_type, [item.FailureReason for item in report.FailedSOPSequence], sorted(report.dir())))
    assert told[0] == told[1]
    assert told[0][:2] == (2, [0x0112, 0x0112])
    assert world.rows() == before


def test_instance_availability_of_another_hospital_stays_there(world, port):
    site, names, before = neighbours_archive(world, port, "TELLING"), names_of_the_victim(world), world.rows()
    told = available(names.study, [(f"{names.study}.1.9", "ONLINE")])
    assert notify(site, told, calling="TELLING").Status == 0x0000
    assert world.rows() == before
    assert rejected(port, "TELLING", "OTHER") == (1, 1, 7)
