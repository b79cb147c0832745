"""Who asks for storage commitment: pynetdicom in both of its roles, asking on one port and listening on another."""

import socket
import threading
from contextlib import contextmanager
from socketserver import BaseServer

import pytest
from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context, evt
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.sop_class import InstanceAvailabilityNotification, StorageCommitmentPushModel
from pynetdicom.transport import ThreadedAssociationServer

from app.jobs import drain
from app.outbox import claim
from app.services import commitment
from app.services.sources import change_source
from app.services.unit_of_work import Scope, unit_of_work
from tests.app.dimse.senders import association

TRANSACTION, INSTANCE_OF_COMMITMENT = "1.2.826.77.1", "1.2.840.10008.1.20.1.1"
LITTLE_ENDIAN = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]


def leaving_sockets(test):
    """Mark a test in which pynetdicom cannot connect: it does not close such a socket."""
    ignoring = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
    return ignoring(pytest.mark.usefixtures("collected")(test))


class Requester:
    """Takes reports; `statuses` are what it answers, in turn, and then success."""

    def __init__(self, title: str = "PACS1", ssl_context=None) -> None:
        self.reports: list[tuple[int, Dataset]] = []
        self.calls: list[tuple[str, str]] = []
        self.statuses: list[int] = []
        self.during = lambda: None
        self.reads_on, self.reads_slowly = threading.Event(), False
        ae = AE(title)
        ae.require_called_aet = True
        ae.add_supported_context(StorageCommitmentPushModel, LITTLE_ENDIAN, scu_role=False, scp_role=True)
        handlers = [(evt.EVT_N_EVENT_REPORT, self._take), (evt.EVT_PDU_RECV, self._read_on)]
        address, options = ("127.0.0.1", 0), {"evt_handlers": handlers, "ssl_context": ssl_context}
        self._server = ae.make_server(address, server_class=ThreadedAssociationServer, **options)
        self._server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # soon full when it does not read
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.socket.getsockname()[1]}"

    def _take(self, event):
        self.calls.append((event.assoc.requestor.ae_title, event.assoc.acceptor.ae_title))
        self.during()
        status = self.statuses.pop(0) if self.statuses else 0x0000
        if status == 0:
            self.reports.append((event.event_type, event.event_information))
        return status, None

    def _read_on(self, event):
        if self.reads_slowly and isinstance(event.pdu, P_DATA_TF):
            self.reads_on.wait(20)

    def close(self) -> None:
        BaseServer.shutdown(self._server)  # pynetdicom's own is for servers that it keeps in a list
        self._server.server_close()
        self._thread.join()


@contextmanager
def listening(site, **options):
    """A requester that our source is told at."""
    requester = Requester(**options)
    report_to(site, ("tls://" if options.get("ssl_context") else "") + requester.address)
    try:
        yield requester
    finally:
        requester.close()


def report_to(site, address: str) -> None:
    with unit_of_work(site.parts, Scope(hospital=site.hospital)) as session:
        change_source(session, site.parts, site.hospital, site.source, report_to=address, certificate=None)


def named(*instances, transaction: str = TRANSACTION) -> Dataset:
    """The Action Information for instances, given as data sets or as pairs of class and instance."""
    asked = Dataset()
    asked.TransactionUID = transaction
    asked.ReferencedSOPSequence = [_reference(each) for each in instances]
    return asked


def _reference(each) -> Dataset:
    item = Dataset()
    pair = each if isinstance(each, tuple) else (each.SOPClassUID, each.SOPInstanceUID)
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = pair
    return item


def ask(site, asked: Dataset, *, action: int = 1, instance: str = INSTANCE_OF_COMMITMENT, syntax=None, **titles):
    """Request storage commitment; returns the status data set of the answer."""
    context = build_context(StorageCommitmentPushModel, syntax or LITTLE_ENDIAN)
    with association(site, contexts=[context], **titles) as made:
        return made.send_n_action(asked, action, StorageCommitmentPushModel, instance)[0]


def available(study: str, *series: list[tuple[str, str]]) -> Dataset:
    """A notification of a study's instances: a list a series of pairs of SOP Instance UID and availability."""
    told = Dataset()
    told.StudyInstanceUID, told.ReferencedPerformedProcedureStepSequence = study, []
    told.ReferencedSeriesSequence = [_series(f"{study}.{number}", items) for number, items in enumerate(series, 1)]
    return told


def _series(uid: str, items: list[tuple[str, str]]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedSOPSequence = uid, []
    for sop_instance_uid, availability in items:
        item = _reference((CTImageStorage, sop_instance_uid))
        item.InstanceAvailability, item.RetrieveAETitle = availability, "PACS1"
        series.ReferencedSOPSequence.append(item)
    return series


def notify(site, told: Dataset, uid: str | None = "1.2.826.88.1", **titles):
    """Send an Instance Availability Notification; returns the command set of the answer."""
    answers = []
    context = build_context(InstanceAvailabilityNotification, LITTLE_ENDIAN)
    with association(site, contexts=[context], **titles) as made:
        made.bind(evt.EVT_DIMSE_RECV, lambda event: answers.append(event.message.command_set))
        made.send_n_create(told, InstanceAvailabilityNotification, uid)
    return answers[0]


def report_all(parts) -> None:
    """Do what is owed and due of reports, once."""
    with unit_of_work(parts, Scope(worker=True)) as session:
        batch = claim(session, commitment.REPORT, limit=8, now=parts.clock())
    for owed in batch:
        drain.JOBS[owed.topic](parts, owed)
