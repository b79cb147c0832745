"""Reports of storage commitment, over an association that we open to whoever asked. One try, with time limits.

References
----------
DICOM PS3.4 J.3.3 (N-EVENT-REPORT), PS3.7 D.3.3.4 (role selection: who opens this association is the SCP).
"""

import hashlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

CONNECT_SECONDS, ANSWER_SECONDS, EXCHANGE_SECONDS = 5, 15, 30
"""For each step, and for all of an association: a peer that sends a byte now and then answers no step too late."""
_STORAGE_COMMITMENT, _ITS_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
_ALL_COMMITTED, _FAILURES_EXIST = 1, 2


class ReportNotTaken(Exception):
    """The requester could not be reached, or did not answer."""


class ReportRefused(Exception):
    """The requester answered this one report with a failure; others may follow."""


@dataclass(frozen=True, slots=True)
class Requester:
    """Who is called, under which titles; `certificate_sha256` is the certificate that it must show, if one is known."""

    host: str
    port: int
    our_ae_title: str
    its_ae_title: str
    tls: ssl.SSLContext | None
    certificate_sha256: bytes | None


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a transaction: pairs of SOP Class and Instance UID, with a Failure Reason for those that failed.

    References
    ----------
    DICOM PS3.3 C.14 (Failure Reason).
    """

    transaction_uid: str
    committed: Sequence[tuple[str, str]]
    failed: Sequence[tuple[str, str, int]]


Send = Callable[[Report], None]


@contextmanager
def calling(requester: Requester) -> Iterator[Send]:
    """Open an association to a requester; gives what sends one report over it.

    Raises
    ------
    ReportNotTaken, ReportRefused
        The latter only by what is given. In both cases a report may be sent again.
    """
    with _watched() as watch:
        association = _associate(requester, watch)
        try:
            yield lambda report: _send(association, report)
        except BaseException:
            association.abort()
            raise
        association.release()


@contextmanager
def _watched() -> Iterator[Callable[[Any], None]]:
    """Give what is to be told of the connection, and limits its time: pynetdicom waits for a socket without end."""
    timers = []

    def watch(event: Any) -> None:
        connection = event.assoc.dul.socket.socket
        connection.settimeout(ANSWER_SECONDS)
        timers.append(threading.Timer(EXCHANGE_SECONDS, _cut, (connection,)))
        timers[-1].start()

    try:
        yield watch
    finally:
        for timer in timers:
            timer.cancel()


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # it ended by itself
        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # that of TLS would let what is being sent go on in clear


def _associate(requester: Requester, watch: Callable[[Any], None]) -> Any:
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
    from pynetdicom import AE, build_role, evt  # takes a second to load, which only who reports should pay

    ae = AE(requester.our_ae_title)
    ae.connection_timeout = CONNECT_SECONDS
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ANSWER_SECONDS
    ae.add_requested_context(_STORAGE_COMMITMENT, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    tls = requester.tls
    if tls is not None:
        tls.check_hostname = requester.certificate_sha256 is None  # a certificate that is known needs no name
    association = ae.associate(
        requester.host,
        requester.port,
        ae_title=requester.its_ae_title,
        ext_neg=[build_role(_STORAGE_COMMITMENT, scp_role=True)],
        tls_args=None if tls is None else (tls, requester.host),
        evt_handlers=[(evt.EVT_CONN_OPEN, watch)],
    )
    if not association.is_established or not association.accepted_contexts:
        association.abort()
        raise ReportNotTaken("The requester did not accept an association.")
    if tls is not None and not _shows(association, requester.certificate_sha256):
        association.abort()
        raise ReportNotTaken("The requester showed another certificate than its own.")
    return association


def _shows(association: Any, certificate_sha256: bytes | None) -> bool:
    shown = association.dul.socket.socket.getpeercert(binary_form=True)
    return certificate_sha256 is None or hashlib.sha256(shown).digest() == certificate_sha256


def _send(association: Any, report: Report) -> None:
    event_type = _FAILURES_EXIST if report.failed else _ALL_COMMITTED
    try:
        status, _ = association.send_n_event_report(
            _data_set(report), event_type, _STORAGE_COMMITMENT, _ITS_INSTANCE
        )  # fmt: skip
    except (RuntimeError, ValueError):
        raise ReportNotTaken("The association ended.") from None
    if "Status" not in status:
        raise ReportNotTaken("The requester did not answer.")
    if status.Status != 0:
        raise ReportRefused(f"The requester answered {status.Status:04X}.")


def _data_set(report: Report) -> Any:
    from pydicom import Dataset

    whole = Dataset()
    whole.TransactionUID = report.transaction_uid
    if report.committed:
        whole.ReferencedSOPSequence = [_item(*named) for named in report.committed]
    if report.failed:
        whole.FailedSOPSequence = [_item(*named) for named in report.failed]
    return whole


def _item(sop_class_uid: str, sop_instance_uid: str, failure_reason: int | None = None) -> Any:
    from pydicom import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class_uid, sop_instance_uid
    if failure_reason is not None:
        item.FailureReason = failure_reason
    return item
