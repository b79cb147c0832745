"""The receiver as senders see it: who is let in, what each instance is answered."""

import os
import select as polling
import socket
import struct
import threading
from io import BytesIO

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)
from pynetdicom import build_context
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind, Verification
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app.dimse import scp
from app.dimse.command_set import Message
from app.models.audit import AuditEvent
from app.models.imaging import Instance, InstanceVersion, Quarantine
from app.services import objects, sources
from app.services.ingest import Intake
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests.app.dimse.senders import LimitedReceiver, association, instance, raw

C_FIND, C_CANCEL = 0x0020, 0x0FFF
PRIVATE_CLASS = "1.2.826.0.1.3680043.8.498.7"


def rewritten(dataset, **encoding):
    buffer = BytesIO()
    dcmwrite(buffer, dataset, force_encoding=True, **encoding)
    return dcmread(BytesIO(buffer.getvalue()))


def count(site, table) -> int:
    with reading(site.parts, Scope(hospital=site.hospital)) as session:
        return session.scalar(select(func.count()).select_from(table))


def rejection(made):
    primitive = made.acceptor.primitive
    return primitive.result, primitive.result_source, primitive.diagnostic


def test_an_echo_is_answered(site):
    with association(site) as made:
        assert made.send_c_echo().Status == 0x0000


@pytest.mark.both_databases
def test_an_instance_is_stored_and_comes_back_bit_for_bit(site):
    sent = instance()
    with association(site) as made:
        assert made.send_c_store(sent).Status == 0x0000
    with reading(site.parts, Scope(hospital=site.hospital)) as session:
        version = session.scalars(select(InstanceVersion)).one()
        file = objects.reader(session, site.parts, site.hospital, version.object_id).read()
    read = dcmread(BytesIO(file))
    data_set = encode(sent, is_implicit_vr=False, is_little_endian=True)
    assert file.endswith(data_set)
    assert read.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert read.file_meta.MediaStorageSOPInstanceUID == sent.SOPInstanceUID
    assert version.source_id == site.source


def test_one_audit_event_is_written_for_an_association_and_study(site):
    with association(site) as made:
        for number in range(1, 4):
            assert made.send_c_store(instance(number)).Status == 0x0000
    with reading(site.parts, Scope(hospital=site.hospital)) as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "instances.stored")).all()
    assert [event.actor for event in events] == [f"source:{site.source}"]


def test_the_same_instance_again_is_stored_and_changes_nothing(site):
    with association(site) as made:
        assert [made.send_c_store(instance()).Status for _ in range(2)] == [0, 0]
    assert count(site, InstanceVersion) == 1


@pytest.mark.parametrize(
    ("called", "calling", "expected"),
    [("OTHER", "PACS1", (1, 1, 7)), ("FILMPASS", "STRANGER", (1, 1, 3)), ("filmpass", "PACS1", (1, 1, 7))],
)
def test_an_unknown_title_is_rejected_with_the_reason(site, called, calling, expected):
    with association(site, called=called, calling=calling) as made:
        assert made.is_rejected
        assert rejection(made) == expected


def test_a_known_title_from_another_network_is_rejected(site):
    elsewhere = sources.NewSource(
        called_ae_title="FILMPASS", calling_ae_title="PACS2", network="10.0.0.0/8", default_issuer="X",
        replace_policy="ask",
    )  # fmt: skip
    with unit_of_work(site.parts, Scope(hospital=site.hospital, name="FILMPASS")) as session:
        sources.add_source(session, site.parts, site.hospital, elsewhere)
    with association(site, calling="PACS2") as made:
        assert rejection(made) == (1, 1, 3)


@pytest.mark.both_databases
def test_a_source_that_was_removed_is_not_authorised_from_the_next_instance_on(site):
    with association(site) as made:
        assert made.send_c_store(instance(1)).Status == 0x0000
        with unit_of_work(site.parts, Scope(hospital=site.hospital)) as session:
            sources.remove_source(session, site.parts, site.hospital, site.source)
        assert made.send_c_store(instance(2)).Status == 0x0124
    assert count(site, Instance) == 1


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, JPEG2000Lossless],
)
def test_every_transfer_syntax_is_taken_as_it_is(site, syntax):
    sent = instance()
    if syntax == JPEG2000Lossless:
        sent.compress(JPEG2000Lossless, generate_instance_uid=False)
    else:
        sent.file_meta.TransferSyntaxUID = syntax
        sent = rewritten(sent, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
    contexts = [build_context(CTImageStorage, syntax)]
    with association(site, contexts=contexts) as made:
        assert made.send_c_store(sent).Status == 0x0000
    with reading(site.parts, Scope(hospital=site.hospital)) as session:
        assert session.scalars(select(InstanceVersion.transfer_syntax_uid)).one() == syntax


def test_a_private_storage_class_is_taken(site):
    sent = instance()
    sent.SOPClassUID = PRIVATE_CLASS
    with association(site, contexts=[build_context(PRIVATE_CLASS, ExplicitVRLittleEndian)]) as made:
        assert made.send_c_store(sent).Status == 0x0000


def test_a_class_that_stores_nothing_is_not_accepted(site):
    find = build_context(StudyRootQueryRetrieveInformationModelFind)
    with association(site, contexts=[find, build_context(Verification)]) as made:
        assert [context.abstract_syntax for context in made.accepted_contexts] == [Verification]


def test_a_data_set_that_is_not_what_the_command_says_is_a900(site):
    sent = instance()
    command = Message(1, 7, CTImageStorage, "1.2.3.4.5", True, 1, CTImageStorage, ExplicitVRLittleEndian)
    with raw(site) as peer:
        peer.send_instance(command, encode(sent, is_implicit_vr=False, is_little_endian=True))
        answer = peer.answer()
    assert answer[0x0900] == b"\x00\xa9"
    assert answer[0x0902].strip() == b"The data set has another SOP Instance UID."
    assert count(site, Instance) == 0
    assert count(site, Quarantine) == 1


def test_a_data_set_of_another_class_than_the_command_is_a900(site):
    sent = instance()
    sent.SOPClassUID = PRIVATE_CLASS
    command = Message(1, 7, CTImageStorage, sent.SOPInstanceUID, True, 1, CTImageStorage, ExplicitVRLittleEndian)
    with raw(site) as peer:
        peer.send_instance(command, encode(sent, is_implicit_vr=False, is_little_endian=True))
        assert peer.answer()[0x0902].strip() == b"The data set is of another SOP class than the command."


def test_a_mistake_of_ours_is_0110_and_the_association_goes_on(site, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("a mistake of ours")

    with association(site) as made:
        monkeypatch.setattr(Intake, "flush", broken)
        failed = made.send_c_store(instance())
        monkeypatch.undo()
        assert (failed.Status, failed.ErrorComment) == (0x0110, "The instance could not be stored.")
        assert made.send_c_store(instance(2)).Status == 0x0000


def test_a_database_that_is_away_is_congestion_and_no_refusal_for_ever(site, monkeypatch):
    def away(*_args):
        raise OperationalError("SELECT", {}, RuntimeError("away"))

    monkeypatch.setattr(sources, "sources_called", away)
    with association(site) as made:
        assert rejection(made) == (2, 3, 1)


def test_what_is_no_data_set_is_c000_and_set_aside(site):
    command = Message(1, 7, CTImageStorage, "1.2.3", True, 1, CTImageStorage, ExplicitVRLittleEndian)
    with raw(site) as peer:
        peer.send_instance(command, struct.pack("<HH2sH", 0x0008, 0x0016, b"UI", 64) + b"1.2")
        assert peer.answer()[0x0900] == b"\0\xc0"
        peer.send_instance(command, encode(instance(), is_implicit_vr=False, is_little_endian=True))
        assert peer.answer()[0x0900] == b"\x00\xa9", "the association goes on after a bad instance"
    assert count(site, Quarantine) == 2


def test_an_instance_over_the_limit_is_a700_with_the_reason_and_the_next_one_is_taken(site, parts):
    small = LimitedReceiver(site, 1000)
    with association(small) as made:
        refused = made.send_c_store(instance(1))
        assert refused.Status == 0xA700
        assert refused.ErrorComment == "The instance is larger than 1000 bytes."
        assert made.send_c_echo().Status == 0x0000
    small.close()
    assert count(site, Instance) == 0


def test_more_associations_than_allowed_are_rejected_until_one_ends(site, parts):
    one = LimitedReceiver(site, 1 << 30, associations=1)
    with association(one) as first:
        assert first.is_established
        with association(one) as second:
            assert rejection(second) == (2, 3, 2)
    for _ in range(100):  # the receiver notes an end when its thread has left
        with association(one) as third:
            if third.is_established:
                break
    assert third.is_established or third.is_released
    one.close()


def test_a_flood_of_connections_is_closed_without_a_thread_for_each(site):
    one = LimitedReceiver(site, 1 << 30, associations=1)
    waiting = [socket.create_connection(("127.0.0.1", one.port)) for _ in range(2)]
    with socket.create_connection(("127.0.0.1", one.port), timeout=20) as third:
        assert third.recv(1) == b""
    for peer in waiting:
        peer.close()
    one.close()


def test_strangers_who_connect_and_wait_keep_no_source_out(site):
    two = LimitedReceiver(site, 1 << 30, associations=2)
    strangers = [socket.create_connection(("127.0.0.1", two.port), source_address=("127.0.0.2", 0)) for _ in range(6)]
    with association(two) as first, association(two) as second, association(two) as third:
        assert first.is_established
        assert second.is_established
        assert rejection(third) == (2, 3, 2)
    for peer in strangers:
        peer.close()
    two.close()


@pytest.mark.both_databases
def test_two_associations_send_one_study_out_of_order(site):
    def send(numbers):
        with association(site) as made:
            statuses.extend(made.send_c_store(instance(number)).Status for number in numbers)

    statuses: list[int] = []
    threads = [threading.Thread(target=send, args=(numbers,)) for numbers in ([8, 3, 5, 1], [2, 7, 3, 1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [0] * 8
    assert count(site, Instance) == 6
    assert count(site, InstanceVersion) == 6


def test_an_association_that_is_open_at_a_stop_goes_on_to_its_end(site):
    own = LimitedReceiver(site, 1 << 30)
    with association(own) as made:
        stopping = threading.Thread(target=own.close)
        stopping.start()
        own.wait_until_nobody_listens()
        assert [made.send_c_store(instance(number)).Status for number in (1, 2)] == [0, 0]
    stopping.join()
    assert count(site, Instance) == 2


def test_whoever_was_connected_before_a_stop_is_served(parts, site):
    receiver = scp.Receiver(parts)
    answers = []

    def send():
        with association(receiver) as made:
            answers.append(made.send_c_store(instance()).Status)

    sender = threading.Thread(target=send)
    sender.start()
    polling.select([receiver._listener], [], [], 20)  # the kernel has connected the sender, and nobody took it yet
    receiver.stop()
    receiver.run()
    sender.join()
    assert answers == [0]


def echo(receiver) -> int:
    with association(receiver) as made:
        return made.send_c_echo().Status


def test_receivers_share_a_socket_that_outlives_each(site):
    with socket.create_server(("127.0.0.1", 0)) as held:

        def started():
            return LimitedReceiver(site, 1 << 30, descriptor=os.dup(held.fileno()))

        echoed: list[int] = []
        first, second = started(), started()
        assert first.port == second.port == held.getsockname()[1]
        first.close()
        assert echo(second) == 0
        second.close()
        waiting = threading.Thread(target=lambda: echoed.append(echo(second)))
        waiting.start()
        polling.select([held], [], [], 20)  # nobody runs, and the sender is connected all the same
        third = started()
        waiting.join()
        third.close()
    assert echoed == [0]


def test_a_stop_lets_the_running_instance_finish_and_be_answered(parts, site, monkeypatch):
    monkeypatch.setattr(scp, "FINISH_SECONDS", 0)
    own = LimitedReceiver(site, 1 << 30)
    data = encode(instance(), is_implicit_vr=False, is_little_endian=True)
    command = Message(1, 7, CTImageStorage, instance().SOPInstanceUID, True, 1, CTImageStorage, ExplicitVRLittleEndian)
    with raw(own) as idle, raw(own) as peer:
        peer.send_command(command)
        peer.send_data(data[:500], last=False)
        own.wait_until_one_receives()
        stopping = threading.Thread(target=own.close)
        stopping.start()
        assert idle.pdu()[0] == 0x07, "an idle association is aborted"
        peer.send_data(data[500:], last=True)
        assert peer.answer()[0x0900] == b"\0\0"
        assert peer.pdu()[0] == 0x07
        stopping.join()
    assert count(site, Instance) == 1


def test_a_sender_that_vanishes_within_an_instance_leaves_nothing_stored(site):
    data = encode(instance(), is_implicit_vr=False, is_little_endian=True)
    command = Message(1, 7, CTImageStorage, "1.2.3", True, 1, CTImageStorage, ExplicitVRLittleEndian)
    with raw(site) as peer:
        peer.send_command(command)
        peer.send_data(data[:700], last=False)
    with association(site) as made:
        assert made.send_c_echo().Status == 0x0000
    assert count(site, Instance) == 0
