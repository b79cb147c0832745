"""What the worker runs: for each topic, claim what is due, do it, and say when to look again."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from app.core.logs import get_logger
from app.outbox import Owed, claim, close, next_due, postpone
from app.services import announcing, commitment, dispatching, previews, series_metadata, study_state
from app.services.parts import Parts
from app.services.unit_of_work import Scope, unit_of_work

Job = Callable[[Parts, Owed], None]
POLL_SECONDS = 2.0
_log = get_logger("worker")


def settle(parts: Parts, owed: Owed) -> None:
    """Complete a study that has become quiet, or look again later."""
    with unit_of_work(parts, Scope(hospital=owed.hospital_id, worker=True)) as session:
        again = study_state.settle(session, parts, UUID(owed.key), now=parts.clock())
        if again is None:
            close(session, owed, now=parts.clock())
        else:
            postpone(session, owed, error=None, now=parts.clock(), due_at=again)


def announce(parts: Parts, owed: Owed) -> None:
    """Write the announcement of a ready study, or look again on the date that it waits for."""
    with unit_of_work(parts, Scope(hospital=owed.hospital_id, worker=True)) as session:
        again = announcing.announce(session, parts, UUID(owed.key), now=parts.clock())
        if again is None:
            close(session, owed, now=parts.clock())
        else:
            postpone(session, owed, error=None, now=parts.clock(), due_at=again)


JOBS: dict[str, Job] = {
    study_state.SETTLE: settle,
    study_state.RENDER: previews.render_series,
    previews.RENDER_LOOK: previews.render_look,
    series_metadata.WRITE: series_metadata.write_series,
    study_state.ANNOUNCE: announce,
    announcing.DISPATCH: dispatching.dispatch,
    commitment.REPORT: commitment.report,
}


def drain(parts: Parts, topic: str, *, limit: int = 8) -> float:
    """Do what is due for a topic; returns how many seconds may pass before the next look."""
    while True:
        with unit_of_work(parts, Scope(worker=True)) as session:
            batch = claim(session, topic, limit=limit, now=parts.clock())
        for owed in batch:
            _do(parts, owed)
        if len(batch) < limit:
            break
    with unit_of_work(parts, Scope(worker=True)) as session:
        due = next_due(session, topic)
    if due is None:
        return POLL_SECONDS
    return min(max((due - parts.clock()).total_seconds(), 0.05), POLL_SECONDS)


def _do(parts: Parts, owed: Owed) -> None:
    try:
        JOBS[owed.topic](parts, owed)
    except Exception as error:  # noqa: BLE001  one bad entry must not stop the others; it is tried again later
        _log.warning("job failed", topic=owed.topic, key=owed.key, error=type(error).__name__, exc_info=error)
        with unit_of_work(parts, Scope(worker=True)) as session:
            postpone(session, owed, error=type(error).__name__, now=parts.clock())


def drainers(parts: Parts) -> dict[str, Callable[[], float]]:
    """Return one drainer a topic, for the listener."""
    return {topic: partial(drain, parts, topic) for topic in JOBS}


def drain_all(parts: Parts) -> None:
    """Do everything that is due now, until nothing is; for commands and tests."""
    while any(_drain_once(parts, topic) for topic in JOBS):
        pass


def _drain_once(parts: Parts, topic: str) -> bool:
    with unit_of_work(parts, Scope(worker=True)) as session:
        batch = claim(session, topic, limit=8, now=parts.clock())
    for owed in batch:
        _do(parts, owed)
    return bool(batch)
