"""Senders for the tests: one that behaves, one that writes its own PDUs; and receivers with other limits."""

import socket
import struct
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO

from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, build_context
from pynetdicom.sop_class import Verification

from app.dimse import command_set, upper_layer
from tests.factories import slice_file


def instance(number: int = 1, study: str = "1.2.826.9.1"):
    return dcmread(BytesIO(slice_file(study, number, "P-1", "A-1")))


@contextmanager
def association(site, *, called="FILMPASS", calling="PACS1", contexts=None):
    ae = AE(calling)
    proposed = contexts or [build_context(CTImageStorage, ExplicitVRLittleEndian), build_context(Verification)]
    made = ae.associate("127.0.0.1", site.port, contexts=proposed, ae_title=called)
    try:
        yield made
    finally:
        if made.is_established:
            made.release()


class LimitedReceiver:
    """A second receiver over the same parts with other limits."""

    def __init__(self, site, limit: int, associations: int = 16, descriptor: int | None = None) -> None:
        from app.dimse.scp import Receiver

        limits = replace(site.parts.settings, dimse_max_instance=limit, dimse_max_associations=associations)
        self.parts = replace(site.parts, settings=limits)
        self._receiver = Receiver(self.parts, descriptor)
        self.port = self._receiver.port
        self._thread = threading.Thread(target=self._receiver.run)
        self._thread.start()

    def wait_until_one_receives(self) -> None:
        while all(association._idle for association in list(self._receiver._running.values())):
            time.sleep(0.01)

    def wait_until_nobody_listens(self) -> None:
        while self._receiver._listener.fileno() >= 0:
            time.sleep(0.01)

    def close(self) -> None:
        self._receiver.stop()
        self._thread.join()


class Raw:
    """A sender that writes its own PDUs, for what a well-behaved library never sends."""

    def __init__(self, port: int, *, protocol_version: int = 1, **changes) -> None:
        from pynetdicom.pdu import A_ASSOCIATE_RQ

        ae = AE("PACS1")
        ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
        request = bytearray(A_ASSOCIATE_RQ(self._request(ae, **changes)).encode())
        request[7] = protocol_version
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.sendall(request)
        self.accepted = self.pdu()

    def _request(self, ae, application_context_name=upper_layer.APPLICATION_CONTEXT):
        from pynetdicom.pdu_primitives import A_ASSOCIATE, ImplementationClassUIDNotification, MaximumLengthNotification

        request, maximum = A_ASSOCIATE(), MaximumLengthNotification()
        implementation = ImplementationClassUIDNotification()
        maximum.maximum_length_received = 50  # answers must be cut to this
        implementation.implementation_class_uid = "1.2.3"
        request.application_context_name = application_context_name
        request.calling_ae_title, request.called_ae_title = "PACS1", "FILMPASS"
        contexts = ae.requested_contexts
        contexts[0].context_id = 1
        request.presentation_context_definition_list = contexts
        request.user_information = [maximum, implementation]
        return request

    def send_instance(self, command, data: bytes) -> None:
        self.send_command(command)
        self.send_data(data, last=True)

    def send_command(self, command, *, has_data_set: bool = True) -> None:
        elements = [
            (0x0002, command.sop_class_uid.encode()),
            (0x0100, command.command_field.to_bytes(2, "little")),
            (0x0110, b"\7\0"),
            (0x0700, b"\0\0"),
            (0x0800, b"\0\0" if has_data_set else b"\1\1"),
            (0x1000, command.sop_instance_uid.encode()),
        ]
        padded = [(number, value + b"\0" * (len(value) % 2)) for number, value in elements]
        body = b"".join(struct.pack("<HHI", 0, number, len(value)) + value for number, value in padded)
        self._pdv(body[:20], 1)  # a command may be cut anywhere
        self._pdv(body[20:], 3)

    def send_data(self, data: bytes, *, last: bool) -> None:
        self._pdv(data, 2 if last else 0)

    def _pdv(self, data: bytes, control: int) -> None:
        pdv = struct.pack(">IBB", len(data) + 2, 1, control) + data
        self.socket.sendall(struct.pack(">BxI", 4, len(pdv)) + pdv)

    def pdu(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxI", self._read(6))
        return kind, self._read(length)

    def answer(self) -> dict[int, bytes]:
        command, control = b"", 0
        while not control & 2:
            kind, body = self.pdu()
            assert kind == 4
            assert len(body) <= 50
            control = body[5]
            command += body[6:]
        return command_set.read_elements(command)

    def _read(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            piece = self.socket.recv(length - len(data))
            assert piece, "the connection was closed"
            data += piece
        return data


@contextmanager
def raw(site):
    peer = Raw(site.port)
    assert peer.accepted[0] == 0x02
    try:
        yield peer
    finally:
        peer.socket.close()
