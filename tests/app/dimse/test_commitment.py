"""Storage commitment as requesters see it: what they are answered at once, and what they are told then."""

import socket
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from pydicom.uid import CTImageStorage, ImplicitVRLittleEndian, MRImageStorage
from pynetdicom.transport import AssociationSocket
from sqlalchemy import select

from app.audit.events import Event
from app.gateways import event_report
from app.models.commitments import Commitment
from app.models.outbox import OutboxEntry
from app.services import commitment
from app.services.sources import remove_source
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import factories
from tests.app.dimse.requester import TRANSACTION, ask, leaving_sockets, listening, named, report_all, report_to
from tests.app.dimse.senders import association, instance


def stored(site, *numbers):
    with association(site) as made:
        for number in numbers:
            assert made.send_c_store(instance(number)).Status == 0
    return [instance(number) for number in numbers]


def rows(site, table=Commitment):
    with reading(site.parts, Scope(hospital=site.hospital)) as session:
        return session.scalars(select(table).where(table.hospital_id == site.hospital).order_by(table.id)).all()


def owed(site):
    return [row for row in rows(site, OutboxEntry) if row.topic == commitment.REPORT and row.closed_at is None]


def uids(sequence):
    return [item.ReferencedSOPInstanceUID for item in sequence]


@pytest.mark.both_databases
def test_what_is_stored_is_committed_on_an_association_of_our_own(site):
    sent = stored(site, 1, 2)
    with listening(site) as requester:
        assert ask(site, named(*sent)).Status == 0x0000
        report_all(site.parts)
    ((event_type, told),) = requester.reports
    assert (event_type, told.TransactionUID) == (1, TRANSACTION)
    assert sorted(uids(told.ReferencedSOPSequence)) == sorted(item.SOPInstanceUID for item in sent)
    assert "FailedSOPSequence" not in told
    assert requester.calls == [("FILMPASS", "PACS1")]
    (row,) = rows(site)
    assert (row.outcome, row.references) == ("committed", [])
    assert owed(site) == []


@pytest.mark.both_databases
def test_what_is_not_stored_or_is_of_another_class_fails_with_its_reason(site):
    (sent,) = stored(site, 1)
    absent, other_class = (CTImageStorage, "1.2.3.4"), (MRImageStorage, sent.SOPInstanceUID)
    with listening(site) as requester:
        assert ask(site, named(sent, absent, other_class)).Status == 0x0000
        report_all(site.parts)
    ((event_type, told),) = requester.reports
    assert event_type == 2
    assert uids(told.ReferencedSOPSequence) == [sent.SOPInstanceUID]
    reasons = {item.ReferencedSOPInstanceUID: item.FailureReason for item in told.FailedSOPSequence}
    assert reasons == {"1.2.3.4": 0x0112, sent.SOPInstanceUID: 0x0119}


def test_a_request_in_implicit_vr_is_read(site):
    with listening(site) as requester:
        assert ask(site, named(*stored(site, 1)), syntax=[ImplicitVRLittleEndian]).Status == 0x0000
        report_all(site.parts)
    assert [event_type for event_type, _ in requester.reports] == [1]


def test_the_same_request_again_is_reported_again(site):
    sent = stored(site, 1)
    with listening(site) as requester:
        for _ in range(2):
            assert ask(site, named(*sent)).Status == 0x0000
            report_all(site.parts)
    assert [event_type for event_type, _ in requester.reports] == [1, 1]
    assert len(rows(site)) == 1


def test_a_transaction_uid_for_other_instances_fails_as_a_duplicate(site):
    first, second = stored(site, 1, 2)
    with listening(site) as requester:
        ask(site, named(first))
        ask(site, named(second))
        report_all(site.parts)
    told = {event_type: dataset for event_type, dataset in requester.reports}  # noqa: C416  pairs, as they came
    assert uids(told[1].ReferencedSOPSequence) == [first.SOPInstanceUID]
    assert [item.FailureReason for item in told[2].FailedSOPSequence] == [0x0131]


def test_a_source_without_an_address_is_told_so(site):
    answer = ask(site, named(*stored(site, 1)))
    assert (answer.Status, answer.ErrorComment) == (0x0124, "No address to report to is set for this source.")
    assert rows(site) == []


@pytest.mark.parametrize(
    ("changes", "status"), [({"action": 2}, 0x0123), ({"instance": "1.2.840.10008.1.20.1.2"}, 0x0112)]
)
def test_another_action_or_instance_is_refused(site, changes, status):
    report_to(site, "127.0.0.1:1")
    assert ask(site, named(instance()), **changes).Status == status


def test_a_request_that_names_nothing_or_malformed_uids_is_an_invalid_argument(site):
    report_to(site, "127.0.0.1:1")
    nothing, broken = named(), named((CTImageStorage, "1.2.3"))
    with pytest.warns(UserWarning, match="Invalid value for VR UI"):
        broken.ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "1.2.3/../4"
    unnamed = named((CTImageStorage, "1.2.3"))
    del unnamed.TransactionUID
    assert {ask(site, asked).Status for asked in (nothing, broken, unnamed, None)} == {0x0115}
    assert rows(site) == []


def test_a_data_set_that_is_too_long_is_refused_and_nothing_is_kept(site):
    report_to(site, "127.0.0.1:1")
    asked = named(instance())
    asked.add_new(0x00091001, "OB", bytes(5 << 20))
    assert ask(site, asked).Status == 0x0213
    assert rows(site) == []


def test_a_source_that_waits_for_many_reports_is_refused_more(site, monkeypatch):
    monkeypatch.setattr(commitment, "MOST_OPEN", 1)
    report_to(site, "127.0.0.1:1")
    assert [ask(site, named(instance(), transaction=f"1.2.{n}")).Status for n in (1, 2)] == [0x0000, 0x0213]


def test_a_source_that_was_removed_is_refused(site):
    report_to(site, "127.0.0.1:1")
    with listening(site) as requester, association(site) as made:
        ask(site, named(instance()))
        with unit_of_work(site.parts, Scope(hospital=site.hospital)) as session:
            remove_source(session, site.parts, site.hospital, site.source)
        assert made.send_c_store(instance()).Status == 0x0124
        report_all(site.parts)
    assert requester.reports == []
    assert [row.outcome for row in rows(site)] == ["given-up"]
    assert owed(site) == []


@leaving_sockets
def test_a_requester_that_is_away_is_tried_again_and_told_when_it_is_back(site):
    parts, clock = factories.with_clock(site.parts)
    now = replace(site, parts=parts)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()[1]
    report_to(site, f"127.0.0.1:{nobody}")
    clock.moment = site.parts.clock()
    assert ask(site, named(*stored(site, 1))).Status == 0x0000
    clock.forward(seconds=1)
    report_all(parts)
    (entry,) = owed(site)
    assert entry.due_at - clock() == timedelta(seconds=5)
    assert entry.error == "ReportNotTaken"
    with listening(now) as requester:
        report_all(parts)
        assert requester.reports == []
        clock.forward(seconds=5)
        report_all(parts)
        assert [event_type for event_type, _ in requester.reports] == [1]


@leaving_sockets
def test_a_report_that_nobody_took_within_a_day_is_given_up_and_written_down(site):
    parts, clock = factories.with_clock(site.parts, site.parts.clock())
    report_to(site, "127.0.0.1:1")
    ask(site, named(instance()))
    clock.forward(hours=23)
    report_all(parts)
    assert [row.outcome for row in rows(site)] == [None]
    clock.forward(hours=2)
    report_all(parts)
    (row,) = rows(site)
    assert (row.outcome, row.references, owed(site)) == ("given-up", [], [])
    (event,) = factories.events(site.parts, Event.COMMITMENT_REPORTED)
    assert (event.outcome, event.reason, event.resource) == ("failed", "given-up", f"commitment:{row.id}")


def test_a_requester_that_never_answers_costs_one_time_limit(site, monkeypatch):
    monkeypatch.setattr(event_report, "ANSWER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        report_to(site, f"127.0.0.1:{silent.getsockname()[1]}")
        ask(site, named(*stored(site, 1)))
        report_all(site.parts)
    (entry,) = owed(site)
    assert entry.error == "ReportNotTaken"


def test_a_requester_that_is_silent_after_a_report_is_told_again(site, monkeypatch):
    monkeypatch.setattr(event_report, "ANSWER_SECONDS", 0.5)
    go_on = threading.Event()
    with listening(site) as requester:
        requester.during = lambda: go_on.wait(20)
        ask(site, named(*stored(site, 1)))
        report_all(site.parts)
        go_on.set()
    (entry,) = owed(site)
    assert entry.error == "ReportNotTaken"
    assert [row.outcome for row in rows(site)] == [None]


def test_a_requester_that_reads_no_further_costs_one_time_limit(site, monkeypatch):
    def small(self, address):
        made = create(self, address)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return made

    create = AssociationSocket._create_socket
    monkeypatch.setattr(AssociationSocket, "_create_socket", small)
    monkeypatch.setattr(event_report, "ANSWER_SECONDS", 0.5)
    with listening(site) as requester:
        ask(site, named(*((CTImageStorage, f"1.2.3.{number}") for number in range(5_000))))
        requester.reads_slowly = True
        report_all(site.parts)
        requester.reads_on.set()
    (entry,) = owed(site)
    assert entry.error == "ReportNotTaken"


@leaving_sockets
def test_a_requester_that_answers_byte_by_byte_is_cut_off(site, monkeypatch):
    def dribble():
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(b"\x02\x00\x00\x00\x10\x00")
            while not done.wait(0.1):
                connection.sendall(b"\0")

    monkeypatch.setattr(event_report, "EXCHANGE_SECONDS", 0.5)
    monkeypatch.setattr(event_report, "ANSWER_SECONDS", 0.3)
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dribbling = threading.Thread(target=dribble)
        dribbling.start()
        report_to(site, f"127.0.0.1:{listener.getsockname()[1]}")
        ask(site, named(instance()))
        report_all(site.parts)
        done.set()
        dribbling.join()
    (entry,) = owed(site)
    assert entry.error == "ReportNotTaken"


def test_a_report_that_is_refused_holds_up_no_other(site):
    (sent,) = stored(site, 1)
    with listening(site) as requester:
        requester.statuses = [0x0110]
        for number in (1, 2):
            ask(site, named(sent, transaction=f"1.2.{number}"))
        report_all(site.parts)
    assert {row.transaction_uid: row.outcome for row in rows(site)} == {"1.2.1": "committed", "1.2.2": None}
    assert len(owed(site)) == 1


def test_a_request_that_comes_again_while_it_is_reported_is_reported_again(site):
    sent = stored(site, 1)
    with listening(site) as requester:
        ask(site, named(*sent))
        requester.during = lambda: len(requester.calls) == 1 and ask(site, named(*sent))
        report_all(site.parts)
        assert [row.outcome for row in rows(site)] == [None]
        report_all(site.parts)
    assert len(requester.reports) == 2
    assert [row.outcome for row in rows(site)] == ["committed"]


def test_request_and_report_are_written_down(site):
    with listening(site):
        ask(site, named(*stored(site, 1)))
        report_all(site.parts)
    (asked,) = factories.events(site.parts, Event.COMMITMENT_REQUESTED)
    (told,) = factories.events(site.parts, Event.COMMITMENT_REPORTED)
    assert (asked.actor, asked.resource) == (f"source:{site.source}", told.resource)
    assert (told.outcome, told.reason) == ("ok", "committed")
