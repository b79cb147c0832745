"""Storage commitment: a source asks which instances we answer for, and is told over an association of our own.

What is owed is one report a transaction; the outbox has one entry a source, so that a requester which does not answer
costs one try at a time. An instance is committed when its row is there: rows are written after their bytes are durable.

References
----------
DICOM PS3.4 Annex J (Storage Commitment Push Model), PS3.3 C.14.1.1 (Failure Reason).
"""

import hashlib
import json
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from app.access.load.instances import sop_classes
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.identifiers import new_id
from app.core.logs import get_logger
from app.dicom.references import CommitmentRequest
from app.gateways import dicom_tls, event_report
from app.gateways.event_report import Report, ReportNotTaken, ReportRefused, Requester, Send
from app.models.commitments import Commitment
from app.outbox import Owed, close, owe, postpone
from app.services import sources
from app.services.parts import Parts
from app.services.sources import ReportTo, Source
from app.services.unit_of_work import Scope, unit_of_work

REPORT = "commitment.report"
GIVEN_UP_AFTER = timedelta(days=1)
MOST_OPEN = 1_000
"""Transactions of one source that were not reported yet; the next is refused."""
NO_SUCH_INSTANCE, CLASS_INSTANCE_CONFLICT, DUPLICATE_TRANSACTION_UID = 0x0112, 0x0119, 0x0131
_AT_ONCE = 16  # reports over one association, which may take event_report.EXCHANGE_SECONDS
_log = get_logger("commitment")


class TooManyOpen(Exception):
    """The source waits for too many reports already."""


def request(session: Session, parts: Parts, source: Source, asked: CommitmentRequest) -> None:
    """Note a transaction and owe its report; the same one again is reported again.

    Raises
    ------
    TooManyOpen
        When the source waits for many reports already.
    """
    now = parts.clock()
    references = sorted([item.sop_class_uid, item.sop_instance_uid] for item in asked.references)
    digest = hashlib.sha256(json.dumps(references).encode()).digest()
    if _count_open(session, source.hospital_id, source.id) >= MOST_OPEN:
        raise TooManyOpen(f"{MOST_OPEN} transactions wait for their reports.")
    same_uid = and_(_of(source.hospital_id, source.id), Commitment.transaction_uid == asked.transaction_uid)
    row = session.scalar(select(Commitment).where(same_uid, Commitment.digest == digest).with_for_update())
    if row is None:
        used = session.scalar(select(func.count()).where(same_uid))
        row = Commitment(
            id=new_id(), hospital_id=source.hospital_id, source_id=source.id, transaction_uid=asked.transaction_uid,
            digest=digest, repeats=bool(used),
        )  # fmt: skip
        session.add(row)
    row.references, row.requested_at, row.outcome, row.ended_at = references, now, None, None
    owe(session, source.hospital_id, REPORT, str(source.id), due_at=now, now=now)
    _record(session, parts, row, Event.COMMITMENT_REQUESTED, {"instances": len(references)})


def report(parts: Parts, owed: Owed) -> None:
    """Tell a source about its newest transactions; safe to run twice, since a report may come twice.

    What was not taken within a day is given up.
    """
    scope = Scope(hospital=owed.hospital_id, worker=True)
    with unit_of_work(parts, scope) as session:
        source = sources.source_by_id(session, owed.hospital_id, UUID(owed.key))
        reports = _due(session, parts, owed, source)
        if source is None or not reports:
            close(session, owed, now=parts.clock())
            return
    try:
        with event_report.calling(_requester(parts, source)) as send:
            taken = sum(_tell(parts, scope, send, *item) for item in reports) == len(reports)
    except ReportNotTaken as error:
        _log.warning("a source could not be told what is committed", source=owed.key, why=str(error))
        taken = False
    with unit_of_work(parts, scope) as session:
        now = parts.clock()
        if not taken:
            postpone(session, owed, error=ReportNotTaken.__name__, now=now)
        elif _count_open(session, owed.hospital_id, source.id):
            postpone(session, owed, error=None, now=now, due_at=now)
        else:
            close(session, owed, now=now)


def verdict(session: Session, row: Commitment) -> Report:
    """Say which instances of a transaction this hospital has, and why not the others."""
    known = sop_classes(session, row.hospital_id, [uid for _, uid in row.references])
    committed, failed = [], []
    for sop_class, uid in row.references:
        if row.repeats:
            failed.append((sop_class, uid, DUPLICATE_TRANSACTION_UID))
        elif sop_class in known.get(uid, ()):
            committed.append((sop_class, uid))
        else:
            failed.append((sop_class, uid, CLASS_INSTANCE_CONFLICT if uid in known else NO_SUCH_INSTANCE))
    return Report(row.transaction_uid, committed, failed)


def _due(
    session: Session, parts: Parts, owed: Owed, source: Source | None
) -> list[tuple[UUID, datetime, Report]]:  # fmt: skip
    """Give up what is too old; of the rest the newest, so that what is refused for ever holds up nothing."""
    source_id, now = UUID(owed.key), parts.clock()
    still_open = select(Commitment).where(_open(owed.hospital_id, source_id))
    told_nowhere = source is None or source.report_to is None
    too_old = still_open if told_nowhere else still_open.where(Commitment.requested_at < now - GIVEN_UP_AFTER)
    for row in session.scalars(too_old).all():
        _end(session, parts, row, "given-up", {"instances": len(row.references)})
    session.flush()
    rows = session.scalars(still_open.order_by(Commitment.requested_at.desc(), Commitment.id.desc()).limit(_AT_ONCE))
    return [(row.id, row.requested_at, verdict(session, row)) for row in rows.all()]


def _requester(parts: Parts, source: Source) -> Requester:
    to = ReportTo.parse(source.report_to or "")
    return Requester(
        to.host, to.port, source.called_ae_title, source.calling_ae_title,
        dicom_tls.calling(parts.settings) if to.tls else None, source.certificate_sha256 if to.tls else None,
    )  # fmt: skip


def _tell(parts: Parts, scope: Scope, send: Send, commitment_id: UUID, requested_at: datetime, told: Report) -> bool:
    """Send one report and note that it was taken; False when the requester refused it."""
    try:
        send(told)
    except ReportRefused as error:
        _log.warning("a source refused a report of what is committed", commitment=str(commitment_id), why=str(error))
        return False
    with unit_of_work(parts, scope) as session:
        row = session.scalars(select(Commitment).where(Commitment.id == commitment_id).with_for_update()).one()
        if row.ended_at is None and row.requested_at == requested_at:  # else it is asked for anew, and told anew
            counts = {"committed": len(told.committed), "failed": len(told.failed)}
            _end(session, parts, row, "failures-exist" if told.failed else "committed", counts)
    return True


def _end(session: Session, parts: Parts, row: Commitment, outcome: str, counts: dict[str, int]) -> None:
    row.outcome, row.ended_at, row.references = outcome, parts.clock(), []
    _record(session, parts, row, Event.COMMITMENT_REPORTED, counts, given_up=outcome == "given-up")


def _of(hospital_id: UUID, source_id: UUID) -> ColumnElement[bool]:
    return and_(Commitment.hospital_id == hospital_id, Commitment.source_id == source_id)


def _open(hospital_id: UUID, source_id: UUID) -> ColumnElement[bool]:
    return and_(_of(hospital_id, source_id), Commitment.ended_at.is_(None))


def _count_open(session: Session, hospital_id: UUID, source_id: UUID) -> int:
    return session.scalar(select(func.count()).where(_open(hospital_id, source_id))) or 0


def _record(
    session: Session, parts: Parts, row: Commitment, event: Event, counts: dict[str, int], *, given_up: bool = False
) -> None:
    fact = Fact(
        event, f"source:{row.source_id}" if event is Event.COMMITMENT_REQUESTED else "worker", f"commitment:{row.id}",
        row.hospital_id, outcome="failed" if given_up else "ok", reason=row.outcome,
        detail={"transaction_uid": row.transaction_uid} | counts,
    )  # fmt: skip
    record(session, parts.keys, fact, now=parts.clock())
