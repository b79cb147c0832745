"""The life of a study, all of it.

    receiving --(settled: called complete, manifest satisfied, or quiet for T)--> rendering
    rendering --(every series has its previews)--> ready
    ready or rendering --(an instance arrives)--> receiving, and the revision rises at the next settling

Whether a ready study may be told of and opened is not a state but a question asked each time (`waits_for`): is it
matched to a
patient and an order, has the patient a fact to open it, is it on hold, does the release rule allow it? What is owed
next is an
outbox row: `study.settle`, `previews.render` (one a series), `study.announce`.

A *consequence* is a change that a patient is told of: the first completion, the arrival of all instances that were
promised
after one was told of an incomplete study, other content in place of what was seen, a final or amended report.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, select, update
from sqlalchemy.orm import Session

from app.audit.events import Event
from app.audit.record import Fact, record
from app.models.imaging import Instance, ManifestEntry, Series, Study
from app.outbox import owe
from app.services.parts import Parts

RECEIVING, RENDERING, READY = "receiving", "rendering", "ready"
SETTLE, RENDER, ANNOUNCE = "study.settle", "previews.render", "study.announce"


_ARRIVED = (
    update(Study)
    .where(Study.id == bindparam("study"))
    .values(state=RECEIVING, completed_by=None, last_arrival_at=bindparam("now"))
)


def arrive(session: Session, parts: Parts, study: Row[Any] | Study, *, other_content: bool, now: datetime) -> None:
    """Note that instances arrived: the study is (again) receiving, and settles once it is quiet or called complete."""
    if other_content and study.announced_revision:
        told = update(Study).where(Study.id == study.id).values(consequence=study.announced_revision + 1)
        session.execute(told)
    session.connection().execute(_ARRIVED, {"study": study.id, "now": now})
    due = now if study.expected_instances is not None else now + timedelta(seconds=parts.settings.settle_seconds)
    owe(session, study.hospital_id, SETTLE, str(study.id), due_at=due, now=now)


def call_complete(
    session: Session, study: Study, *, expected: int | None, manifest: Sequence[str], now: datetime
) -> None:
    """Note that the hospital called the study complete, with the instances or their number if it said so."""
    known = set(session.scalars(select(ManifestEntry.sop_instance_uid).where(ManifestEntry.study_id == study.id)))
    session.add_all(
        ManifestEntry(study_id=study.id, hospital_id=study.hospital_id, sop_instance_uid=uid)
        for uid in dict.fromkeys(manifest)
        if uid not in known
    )
    study.expected_instances = len(known | set(manifest)) if manifest or known else expected
    if _count(session, Instance.study_id == study.id):
        study.completed_by = "call"
    # Who was told already reads on the page what is missing, and that its arrival will be told.
    study.announced_incomplete = bool(study.announced_revision and missing(session, study))
    owe(session, study.hospital_id, SETTLE, str(study.id), due_at=now, now=now)


def missing(session: Session, study: Study) -> int:
    """Return how many promised instances are not here."""
    if study.expected_instances is None:
        return 0
    here = Instance.study_id == study.id
    promised = select(ManifestEntry.sop_instance_uid).where(ManifestEntry.study_id == study.id)
    if session.execute(promised.limit(1)).first() is None:
        return max(0, study.expected_instances - _count(session, here))
    return study.expected_instances - _count(session, here, Instance.sop_instance_uid.in_(promised))


def settle(session: Session, parts: Parts, study_id: UUID, *, now: datetime) -> datetime | None:
    """Complete a study that has become quiet, was called complete, or has all that was promised.

    Returns
    -------
    datetime or None
        When to look again, or None when there is nothing to wait for.
    """
    study = session.scalars(select(Study).where(Study.id == study_id).with_for_update()).one()
    if study.state != RECEIVING or not _count(session, Instance.study_id == study_id):
        return None
    lacking = missing(session, study)
    quiet_at = study.last_arrival_at + timedelta(seconds=parts.settings.settle_seconds)
    all_here = study.expected_instances is not None and lacking == 0
    called = study.completed_by == "call" and not lacking
    if not (all_here or called) and now < quiet_at:
        return quiet_at
    _complete(session, parts, study, by="manifest" if all_here else "quiet", lacking=lacking, now=now)
    return None


def withdraw(session: Session, study: Study, series_ids: Sequence[UUID], *, now: datetime) -> None:
    """Take the pictures of some series away at once, since one of them may not be seen any more, and make them anew."""
    session.execute(
        update(Series)
        .where(Series.id.in_(series_ids))
        .values(changes=Series.changes + 1, preview_object_id=None, picture_count=0, shown_count=0)
    )
    if study.state == READY and series_ids:
        study.state = RENDERING
    for series_id in series_ids:
        owe(session, study.hospital_id, RENDER, str(series_id), due_at=now, now=now)


def take_turn(session: Session, study_id: UUID) -> None:
    """Lock a study before any of its series is written to, as instances that arrive do.

    The other way round, each would wait for the other.
    """
    session.execute(select(Study.id).where(Study.id == study_id).with_for_update())


def rendered(session: Session, study_id: UUID, *, now: datetime) -> None:
    """Note that a series has its previews; the last one makes the study ready, and announcing it is owed."""
    study = session.scalars(select(Study).where(Study.id == study_id).with_for_update()).one()
    if study.state != RENDERING or _dirty(session, study_id):
        return
    study.state = READY
    owe_announcement(session, study, now=now)


def owe_announcement(session: Session, study: Study, *, now: datetime, due_at: datetime | None = None) -> None:
    """Let matching, facts, hold and release rule be looked at again."""
    owe(session, study.hospital_id, ANNOUNCE, str(study.id), due_at=due_at or now, now=now)


def report_changed(session: Session, study: Study, *, status: str, now: datetime) -> None:
    """Note a new version of the report: a final or amended one is a consequence for who was told already."""
    if status in {"final", "amended"} and study.announced_revision == study.consequence and study.consequence:
        study.consequence += 1
    owe_announcement(session, study, now=now)


def _complete(session: Session, parts: Parts, study: Study, *, by: str, lacking: int, now: datetime) -> None:
    first = study.complete_at is None
    promised_arrived = study.announced_incomplete and not lacking
    study.revision += 1
    if first:
        study.consequence, study.complete_at = 1, now
    elif promised_arrived and study.announced_revision == study.consequence:
        study.consequence += 1
    study.announced_incomplete = study.announced_incomplete and bool(lacking)
    study.state = RENDERING
    study.completed_by = study.completed_by or by
    series = _dirty(session, study.id)
    for series_id in series:
        owe(session, study.hospital_id, RENDER, str(series_id), due_at=now, now=now)
    fact = Fact(
        Event.STUDY_COMPLETED, "worker", f"study:{study.id}", study.hospital_id, study.patient_id,
        reason=study.completed_by, detail={"revision": study.revision, "missing": lacking},
    )  # fmt: skip
    record(session, parts.keys, fact, now=now)
    if not series:
        study.state = READY
        owe_announcement(session, study, now=now)


def _dirty(session: Session, study_id: UUID) -> Sequence[UUID]:
    """Return the series whose previews are older than their instances."""
    statement = select(Series.id).where(Series.study_id == study_id, Series.preview_changes != Series.changes)
    return session.scalars(statement).all()


def _count(session: Session, *conditions: object) -> int:
    return session.scalar(select(func.count()).select_from(Instance).where(*conditions)) or 0  # type: ignore[arg-type]  # column expressions
