"""What must hold of an installation that has come to rest, whatever was killed on the way. Each check is one law."""

import hashlib
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from app.audit.events import Event
from app.audit.sealing import oldest_unsealed, verify_all
from app.models.audit import AuditEvent
from app.models.imaging import InstanceVersion, Series, StoredObject, Study
from app.models.notifications import DeliveryAttempt, DeliveryReceipt, Notification
from app.models.outbox import OutboxEntry
from app.models.patients import Report
from app.services import objects, sweeping
from app.services.dispatching import RECONCILE_AFTER
from app.services.unit_of_work import Scope, reading
from tests.soak.board import wait_until
from tests.soak.running import Run
from tests.soak.senders import DESCRIPTION, FINDING, PHONE, PIXELS, data_set, study_uid

_TOKEN = re.compile(r"/s/([A-Za-z0-9_-]{22})")
_ATTEMPT = re.compile(r"/webhooks/twilio/([0-9a-f-]{36})$")
_UNDER_KEYS = {"keys", "auth-token", "board"}


def check(run: Run, database_folder: Path | None = None) -> None:
    """Hold an installation against every law."""
    _nothing_acknowledged_is_lost_to_a_sweep(run)
    _acknowledged_instances_read_back(run)
    _acknowledged_reports_and_callbacks_are_there(run)
    _nothing_is_stuck(run)
    _one_announcement_a_revision(run)
    _no_message_is_repeated_blindly(run)
    _audit_fits(run)
    _nothing_lies_in_clear(run, database_folder)


def _rows(run: Run, table, *conditions) -> list:
    with reading(run.parts, Scope(hospital=run.hospital)) as session:
        return list(session.scalars(select(table).where(*conditions)))


def _nothing_acknowledged_is_lost_to_a_sweep(run: Run) -> None:
    """Sweep as if days had gone by; then every pack is named by a row, and every row finds its pack."""
    later = replace(run.parts, clock=lambda: run.board.now() + timedelta(days=2))
    sweeping.sweep(later)
    there = set(run.parts.store.packs(older_than=later.clock().timestamp()))
    named = {row.pack_id for row in _rows(run, StoredObject)}
    assert there == named, f"orphan packs {there - named}, lost packs {named - there}"


def _acknowledged_instances_read_back(run: Run) -> None:
    studies = {row.study_instance_uid: row.id for row in _rows(run, Study)}
    for (study, number), files in run.acknowledged.files.items():
        name = f"instance {number} of study {study}"
        current = run.senders.retrieve(study, number)
        assert data_set(current) == data_set(files[-1]), f"{name} reads back as something else"
        for version, file in enumerate(files):
            kept = _version(run, studies[study_uid(study)], f"{study_uid(study)}.9.{number}", data_set(file))
            assert kept is not None, f"version {version} of {name} is lost"
            assert data_set(kept) == data_set(file), f"version {version} of {name} was changed"


def _version(run: Run, study_id: UUID, uid: str, dataset: bytes) -> bytes | None:
    wanted = InstanceVersion.dataset_digest == hashlib.sha256(dataset).digest()
    with reading(run.parts, Scope(hospital=run.hospital)) as session:
        row = session.scalar(
            select(InstanceVersion).where(
                InstanceVersion.study_id == study_id, InstanceVersion.sop_instance_uid == uid, wanted
            )
        )
        return objects.reader(session, run.parts, run.hospital, row.object_id).read() if row else None


def _acknowledged_reports_and_callbacks_are_there(run: Run) -> None:
    numbers = {row.number for row in _rows(run, Report)}
    lacking = {f"R-{study}" for study in run.acknowledged.reported} - numbers
    assert not lacking, f"reports {lacking} were acknowledged and are lost"
    kept = {(str(row.attempt_id), row.provider_status) for row in _rows(run, DeliveryReceipt)}
    said = {(_ATTEMPT.search(url)[1], status) for url, status in run.carrier._courier.acknowledged}
    assert said <= kept, f"callbacks {said - kept} were acknowledged and are lost"


def _nothing_is_stuck(run: Run) -> None:
    with reading(run.parts, Scope(worker=True)) as session:
        owed = session.scalars(select(OutboxEntry.topic).where(OutboxEntry.closed_at.is_(None))).all()
    assert not owed, f"work is still owed: {owed}"
    for study in _rows(run, Study):
        told = study.announced_revision == study.consequence > 0
        assert (study.state, told) == ("ready", True), f"{study.study_instance_uid}: {study.state}, told: {told}"
    behind = [row.series_instance_uid for row in _rows(run, Series) if row.preview_changes != row.changes]
    assert not behind, f"the previews of {behind} are older than their instances"
    assert not [row.id for row in _rows(run, DeliveryAttempt) if row.state == "sending"], "an attempt hangs"


def _accepted_by_attempt(run: Run) -> dict[UUID, int]:
    """Count at the carrier what it accepted for each attempt."""
    counted: dict[UUID, int] = defaultdict(int)
    for message in run.carrier.book.newest_first():
        counted[UUID(_ATTEMPT.search(message.status_callback)[1])] += 1
    return counted


def _one_announcement_a_revision(run: Run) -> None:
    """Each revision of consequence is told once; the last one for certain, those before unless one message told both."""
    accepted = _accepted_by_attempt(run)
    reached = {row.notification_id for row in _rows(run, DeliveryAttempt) if accepted[row.id]}
    told = defaultdict(list)
    for row in _rows(run, Notification):
        told[row.subject_id, row.subject_revision].append(row)
    for study in _rows(run, Study):
        last = told.get((study.id, study.consequence), [])
        assert len(last) == 1, f"{study.study_instance_uid} has {len(last)} announcements of its last revision"
        assert last[0].id in reached, f"{study.study_instance_uid} was never told of: {last[0].state} {last[0].reason}"
    twice = {key for key, rows in told.items() if len(rows) > 1}
    assert not twice, f"told twice: {twice}"


def _no_message_is_repeated_blindly(run: Run) -> None:
    """Hold what the carrier accepted against law 2: one body an attempt, and a second attempt only after a doubt."""
    accepted = _accepted_by_attempt(run)
    assert max(accepted.values(), default=0) <= 1, "one attempt was sent twice"
    attempts = _rows(run, DeliveryAttempt)
    known = {row.id for row in attempts}
    assert set(accepted) <= known, "the carrier accepted a message that nobody recorded before it was sent"
    for notification_id in {row.notification_id for row in attempts}:
        own = sorted((row for row in attempts if row.notification_id == notification_id), key=lambda row: row.number)
        assert sum(accepted[row.id] for row in own) <= 2, f"{notification_id} was repeated more than once"
        for earlier, later in pairwise(own):
            _was_in_doubt(run, earlier, later, accepted[earlier.id] > 0)


def _was_in_doubt(run: Run, earlier: DeliveryAttempt, later: DeliveryAttempt, was_accepted: bool) -> None:
    if not was_accepted and earlier.state == "failed":
        return
    waited = later.created_at - earlier.created_at
    assert waited >= RECONCILE_AFTER, f"an uncertain attempt was repeated after {waited}"
    fates = {Event.MESSAGE_SENT, Event.MESSAGE_FATE}
    heard = _rows(run, AuditEvent, AuditEvent.resource == f"attempt:{earlier.id}", AuditEvent.action.in_(fates))
    before = [event for event in heard if event.at <= later.created_at and event.outcome != "failed"]
    assert not before, "an attempt that was known to be accepted was repeated"


def _audit_fits(run: Run) -> None:
    parts = run.parts

    def all_sealed() -> bool:
        with reading(parts, Scope(worker=True)) as session:
            return oldest_unsealed(session) is None

    wait_until(all_sealed, 10, "the audit to be sealed")
    run.killer.stop_relays()  # with their ticks done, the newest head is in the file
    with reading(parts, Scope(worker=True)) as session:
        files = [stand.settings.heads_file for stand in run.killer.stands]
        heads = [line for file in files if file.exists() for line in file.read_text().splitlines()]
        verdict = verify_all(session, parts.keys, heads=heads)
    assert verdict.problem is None, f"the audit does not fit: {verdict.problem}"
    assert f'"size": {verdict.events},' in "".join(heads), "the last head was not written out"


def _nothing_lies_in_clear(run: Run, database_folder: Path | None) -> None:
    folder = run.killer.stands[0].folder
    tokens = [token for message in run.carrier.messages for token in _TOKEN.findall(message.body)]
    secrets = [PIXELS, *(text.encode() for text in (DESCRIPTION, FINDING, PHONE, PHONE[3:], *tokens))]
    for path in _files(folder):
        _holds_none(path.read_bytes(), [*secrets] if "filmpass.db" in path.name else [*secrets, b"Xiaoming"], path.name)
    since = (folder / "auth-token").stat().st_mtime
    for path in _files(database_folder) if database_folder else ():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime >= since:
                _holds_none(path.read_bytes(), secrets, path.name)
    if run.parts.settings.object_store:
        bucket = run.parts.store._bucket
        for pack in run.parts.store.packs(older_than=time.time() + 60):
            _holds_none(bucket.client.get_object(**bucket.of(pack))["Body"].read(), secrets, str(pack))


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if not _UNDER_KEYS.intersection(path.relative_to(folder).parts) and path.is_file():
            yield path


def _holds_none(content: bytes, secrets: list[bytes], name: str) -> None:
    found = [secret for secret in secrets if secret in content]
    assert not found, f"{name} holds {found} in clear"
