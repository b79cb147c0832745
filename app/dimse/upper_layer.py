"""The DICOM Upper Layer as an acceptor, over one blocking socket: negotiate, then give messages as they arrive.

PDUs of association control are pynetdicom's. The data transfer is ours, because pynetdicom gathers a whole data set
before it hands it over, and polls in two threads an association: this loop gives a data set in pieces while it arrives,
so that an instance of any length takes the memory of one PDU, and takes twice as many a second.

References
----------
DICOM PS3.8 9.3 (PDU structure), PS3.7 6.3 (messages).
"""

import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError  # noqa: N812  an exception class under its own kind of name

from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ, A_RELEASE_RP
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    A_RELEASE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context, negotiate_unrestricted
from pynetdicom.sop_class import InstanceAvailabilityNotification, StorageCommitmentPushModel, Verification

from app.dicom.instance import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from app.dicom.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from app.dimse.command_set import Message, read_request, write_response

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
MAX_PDU = 128 << 10  # bytes that we ask for; larger brought nothing
NEGOTIATION_SECONDS, IDLE_SECONDS = 30, 60
_REQUEST_LIMIT = 1 << 20  # bytes of an A-ASSOCIATE-RQ: 128 contexts with all transfer syntaxes are a quarter of it
_COMMAND_LIMIT = 16 << 10
_ASSOCIATE_RQ, _P_DATA_TF, _RELEASE_RQ, _ABORT = 0x01, 0x04, 0x05, 0x07
_PDU, _PDV = Struct(">BxI"), Struct(">IBB")
_LITTLE_ENDIAN = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN]
_BESIDE_STORAGE = [
    build_context(Verification),
    build_context(StorageCommitmentPushModel, _LITTLE_ENDIAN),
    build_context(InstanceAvailabilityNotification, _LITTLE_ENDIAN),
]
_INVALID_PDU_PARAMETER, _UNEXPECTED_PDU, _NO_REASON = 6, 2, 0


class AssociationEnded(Exception):
    """The peer released, aborted, fell silent or broke the protocol; there is nobody left to answer."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 table 9-21)."""

    result: int
    source: int
    reason: int
    words: str


CONTEXT_NAME_UNSUPPORTED = Rejection(1, 1, 2, "application context name not supported")
CALLING_UNKNOWN = Rejection(1, 1, 3, "calling AE title not recognised, or not from this network")
CALLED_UNKNOWN = Rejection(1, 1, 7, "called AE title not recognised")
PROTOCOL_UNSUPPORTED = Rejection(1, 2, 2, "protocol version not supported")
CONGESTION = Rejection(2, 3, 1, "temporary congestion")
LIMIT_REACHED = Rejection(2, 3, 2, "local limit exceeded")


class Association:
    """One association, seen from the acceptor. All methods but `stop` belong to one thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._request: A_ASSOCIATE = None
        self._contexts: dict[int, tuple[str, str]] = {}
        self._peer_max_pdu = 0
        self._pdvs: Iterator[tuple[int, int, memoryview]] = iter(())
        self._buffer = memoryview(bytearray(MAX_PDU))
        self._data_set_open = False
        self._lock = threading.Lock()
        self._idle, self._stopping = True, False
        self._deadline: float | None = time.monotonic() + NEGOTIATION_SECONDS  # until the association is accepted
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def peer_certificate(self) -> bytes | None:
        """Let a peer show its certificate; returns its SHA-256, or None where the association is in clear.

        Raises
        ------
        AssociationEnded
            When no TLS came about: no certificate, or none that an authority of ours signed and that is valid today.
        """
        if not isinstance(self._socket, ssl.SSLSocket):
            return None
        self._socket.settimeout(NEGOTIATION_SECONDS)
        try:
            self._socket.do_handshake()
        except OSError as error:
            raise AssociationEnded(f"no TLS: {getattr(error, 'reason', None) or type(error).__name__}") from None
        return hashlib.sha256(self._socket.getpeercert(binary_form=True) or b"").digest()

    def read_request(self) -> tuple[str, str]:
        """Wait for the A-ASSOCIATE-RQ; returns the called and the calling AE title.

        Raises
        ------
        AssociationEnded
            When something else came, or nothing.
        """
        kind, body = self._read_pdu(_REQUEST_LIMIT)
        if kind != _ASSOCIATE_RQ:
            raise self._broken(_UNEXPECTED_PDU, "no association was requested")
        pdu = A_ASSOCIATE_RQ()
        try:
            pdu.decode(_PDU.pack(kind, len(body)) + bytes(body))
            self._request = pdu.to_primitive()
            titles = self._request.called_ae_title.strip(), self._request.calling_ae_title.strip()
        except Exception:  # noqa: BLE001  pynetdicom raises many kinds for a malformed request
            raise self._broken(_INVALID_PDU_PARAMETER, "the association request is malformed") from None
        if not pdu.protocol_version & 1:
            raise self.reject(PROTOCOL_UNSUPPORTED)
        if self._request.application_context_name != APPLICATION_CONTEXT:
            raise self.reject(CONTEXT_NAME_UNSUPPORTED)
        return titles

    def reject(self, rejection: Rejection) -> AssociationEnded:
        """Refuse the association; returns what to raise."""
        primitive = A_ASSOCIATE()
        primitive.result, primitive.result_source = rejection.result, rejection.source
        primitive.diagnostic = rejection.reason
        self._send(A_ASSOCIATE_RJ(primitive).encode())
        return AssociationEnded(rejection.words)

    def accept(self) -> None:
        """Accept every storage class, private ones too, in the transfer syntax that the peer named first."""
        request = self._request
        roles = {
            item.sop_class_uid: (item.scu_role, item.scp_role)
            for item in request.user_information
            if hasattr(item, "scp_role")
        }
        results, reply_roles = negotiate_unrestricted(
            request.presentation_context_definition_list, _BESIDE_STORAGE, roles
        )
        self._contexts = {
            item.context_id: (str(item.abstract_syntax), str(item.transfer_syntax[0]))
            for item in results
            if item.result == 0
        }
        self._peer_max_pdu = request.maximum_length_received or MAX_PDU
        self._send(A_ASSOCIATE_AC(self._acceptance(results, reply_roles)).encode())
        self._deadline = None
        self._socket.settimeout(IDLE_SECONDS)

    def _acceptance(self, results: list[object], reply_roles: list[object]) -> A_ASSOCIATE:
        maximum, class_uid = MaximumLengthNotification(), ImplementationClassUIDNotification()
        version = ImplementationVersionNameNotification()
        maximum.maximum_length_received = MAX_PDU
        class_uid.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        primitive = A_ASSOCIATE()
        primitive.application_context_name = APPLICATION_CONTEXT
        primitive.called_ae_title = self._request.called_ae_title
        primitive.calling_ae_title = self._request.calling_ae_title
        primitive.result, primitive.result_source = 0, 1
        primitive.presentation_context_definition_results_list = results
        primitive.user_information = [maximum, class_uid, version, *reply_roles]
        return primitive

    def messages(self) -> Iterator[Message]:
        """Give requests until the peer releases the association or `stop` was called; each is to be answered."""
        while (first := self._next_pdv()) is not None:
            command = self._read_command(*first)
            self._data_set_open = command.has_data_set
            yield command

    def data_set(self) -> Iterator[memoryview]:
        """Give the data set that follows the current command, in pieces, as they arrive.

        A piece lasts until the next one is asked for.
        """
        while self._data_set_open:
            _, control, piece = self._expected_pdv(is_command=False)
            self._data_set_open = not control & 2
            yield piece

    def respond(self, message: Message, status: int, comment: str = "") -> None:
        """Answer a request, once all of it has come (PS3.7 9.3.1.2).

        What was not read of its data set is skipped. `comment` goes into Error Comment, at most 64 characters.
        """
        for _ in self.data_set():
            pass
        self._send_command(message.context_id, write_response(message, status, comment))

    def stop(self) -> None:
        """End the association after the message that is being received, at once when there is none."""
        with self._lock:
            self._stopping = True
            if self._idle:
                with suppress(OSError):  # wakes its thread, which aborts: two may not write to one TLS connection
                    socket.socket.shutdown(self._socket, socket.SHUT_RD)

    def _next_pdv(self) -> tuple[int, int, memoryview] | None:
        """Wait for the first fragment of a message; None when there will be none."""
        with self._lock:
            if self._stopping:
                self._abort(_NO_REASON)
                return None
            self._idle = True
        first = self._pdv(may_release=True)
        with self._lock:
            self._idle = False
        return first

    def _read_command(self, context_id: int, control: int, piece: memoryview) -> Message:
        command = bytes(piece)
        while control & 1 and not control & 2 and len(command) <= _COMMAND_LIMIT:
            _, control, piece = self._expected_pdv(is_command=True)
            command += piece
        if not control & 1 or len(command) > _COMMAND_LIMIT or context_id not in self._contexts:
            raise self._broken(_INVALID_PDU_PARAMETER, "a message does not begin with a command set")
        try:
            return read_request(command, context_id, self._contexts[context_id])
        except (KeyError, StructError):
            raise self._broken(_INVALID_PDU_PARAMETER, "the command set is malformed") from None

    def _expected_pdv(self, *, is_command: bool) -> tuple[int, int, memoryview]:
        pdv = self._pdv(may_release=False)
        if pdv is None or bool(pdv[1] & 1) != is_command:
            raise self._broken(_UNEXPECTED_PDU, "a message was not sent to its end")
        return pdv

    def _pdv(self, *, may_release: bool) -> tuple[int, int, memoryview] | None:
        """Give the next fragment as (context, control, bytes); None after a release, which is answered."""
        while (pdv := next(self._pdvs, None)) is None:
            kind, body = self._read_pdu(MAX_PDU)
            if kind == _RELEASE_RQ and may_release:
                self._send(A_RELEASE_RP(_released()).encode())
                return None
            if kind == _ABORT:
                raise AssociationEnded("aborted by the peer")
            if kind != _P_DATA_TF:
                raise self._broken(_UNEXPECTED_PDU, "an unexpected PDU")
            self._pdvs = self._fragments(body)
        return pdv

    def _fragments(self, body: memoryview) -> Iterator[tuple[int, int, memoryview]]:
        at = 0
        while at < len(body):
            if at + 6 > len(body):
                raise self._broken(_INVALID_PDU_PARAMETER, "a fragment is cut off")
            length, context_id, control = _PDV.unpack_from(body, at)
            end = at + 4 + length
            if length < 2 or end > len(body):
                raise self._broken(_INVALID_PDU_PARAMETER, "a fragment has a wrong length")
            yield context_id, control, body[at + 6 : end]
            at = end

    def _read_pdu(self, limit: int) -> tuple[int, memoryview]:
        """Read the next PDU; its body lasts until the next one is read."""
        kind, length = _PDU.unpack(self._read(_PDU.size))
        if length > limit:
            raise self._broken(_INVALID_PDU_PARAMETER, "a PDU is longer than was agreed")
        return kind, self._read(length)

    def _read(self, length: int) -> memoryview:
        view = self._buffer[:length] if length <= MAX_PDU else memoryview(bytearray(length))
        have = 0
        while have < length:
            if self._deadline is not None:
                self._socket.settimeout(max(self._deadline - time.monotonic(), 0.001))
            try:
                count = self._socket.recv_into(view[have:])
            except TimeoutError:
                raise self._broken(_NO_REASON, "the peer fell silent, or asks too slowly") from None
            except OSError:
                count = 0
            if not count:
                if self._stopping:
                    self._abort(_NO_REASON)
                raise AssociationEnded("the connection was closed")
            have += count
        return view

    def _send_command(self, context_id: int, command: bytes) -> None:
        room = max(self._peer_max_pdu - 6, 2)
        for at in range(0, len(command), room):
            piece = command[at : at + room]
            last = 2 if at + room >= len(command) else 0
            pdv = _PDV.pack(len(piece) + 2, context_id, 1 | last) + piece
            self._send(_PDU.pack(_P_DATA_TF, len(pdv)) + pdv)

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError:
            raise AssociationEnded("the connection was closed") from None

    def _broken(self, reason: int, words: str) -> AssociationEnded:
        self._abort(reason)
        return AssociationEnded(words)

    def _abort(self, reason: int) -> None:
        primitive = A_ABORT_RQ()
        primitive.source, primitive.reason_diagnostic = 2, reason
        with suppress(AssociationEnded):
            self._send(primitive.encode())


def _released() -> A_RELEASE:
    primitive = A_RELEASE()
    primitive.result = "affirmative"
    return primitive
