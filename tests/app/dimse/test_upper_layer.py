"""What the upper layer does with peers that break its rules."""

import socket
import struct
from contextlib import suppress

import pytest
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
)
from pynetdicom.dsutils import encode

from app.dimse import upper_layer
from app.dimse.command_set import Message
from tests.app.dimse.senders import Raw, association, instance, raw

C_FIND, C_CANCEL = 0x0020, 0x0FFF
PRIVATE_CLASS = "1.2.826.0.1.3680043.8.498.7"


def test_a_command_of_another_class_than_its_context_is_0122_and_the_next_one_is_taken(site):
    data = encode(instance(), is_implicit_vr=False, is_little_endian=True)
    uid = instance().SOPInstanceUID
    with raw(site) as peer:
        for sop_class, status in ((PRIVATE_CLASS, b"\x22\x01"), (CTImageStorage, b"\0\0")):
            command = Message(1, 7, sop_class, uid, True, 1, CTImageStorage, ExplicitVRLittleEndian)
            peer.send_instance(command, data)
            assert peer.answer()[0x0900] == status


def test_an_operation_that_is_not_offered_is_0211_and_a_cancel_is_passed_over(site):
    with raw(site) as peer:
        for field in (C_CANCEL, C_FIND):
            peer.send_command(Message(field, 7, CTImageStorage, "1.2", True, 1, "", ""), has_data_set=False)
        answer = peer.answer()
    assert (answer[0x0900], answer[0x0100]) == (b"\x11\x02", b"\x20\x80")


@pytest.mark.parametrize(
    ("change", "expected"),
    [({"application_context_name": "1.2.3"}, (1, 1, 2)), ({"protocol_version": 2}, (1, 2, 2))],
)
def test_another_protocol_is_rejected_with_the_reason(site, change, expected):
    peer = Raw(site.port, **change)
    assert (peer.accepted[0], *peer.accepted[1][1:4]) == (0x03, *expected)
    peer.socket.close()


def test_a_sender_that_falls_silent_is_aborted(site, monkeypatch):
    monkeypatch.setattr(upper_layer, "IDLE_SECONDS", 0.2)
    with raw(site) as peer:
        assert peer.pdu()[0] == 0x07


def test_a_peer_that_asks_too_slowly_is_aborted_however_steadily_it_sends(site, monkeypatch):
    monkeypatch.setattr(upper_layer, "NEGOTIATION_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", site.port)) as peer:
        peer.sendall(b"\x01\x00\x00\x01\x00\x00")
        peer.settimeout(0.1)
        for _ in range(100):
            peer.sendall(b"\0")
            with suppress(TimeoutError):
                assert peer.recv(1)[0] == 0x07
                break
        else:
            pytest.fail("it may go on for ever")


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x01\x00\x00\x00\x00\x10" + bytes(16),
        b"\x01\x00\xff\xff\xff\xff" + bytes(16),
        b"\x04\x00\x00\x00\x00\x04abcd",
        b"\x99\x00\x00\x00\x00\x00",
    ],
)
def test_garbage_is_aborted_and_the_receiver_lives(site, garbage):
    with socket.create_connection(("127.0.0.1", site.port)) as peer:
        peer.sendall(garbage)
        peer.settimeout(20)
        assert peer.recv(1)[0] == 0x07
    with association(site) as made:
        assert made.send_c_echo().Status == 0x0000


@pytest.mark.parametrize("body", [b"\0\0\0\x01\x01\x03", b"\xff\xff\xff\xff\x01\x03", b"\0\0\0\x04\x63\x03ab", b"\0\0"])
def test_malformed_fragments_end_the_association_alone(site, body):
    with raw(site) as peer:
        peer.socket.sendall(struct.pack(">BxI", 4, len(body)) + body)
        assert peer.pdu()[0] == 0x07
    with association(site) as made:
        assert made.send_c_echo().Status == 0x0000
