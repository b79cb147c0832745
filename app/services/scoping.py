"""Which studies of a root may be read now, and that they were: the judgement of each request below a DICOMweb root."""

import threading
from collections.abc import Iterable
from concurrent.futures import Future
from uuid import UUID

from sqlalchemy.orm import Session

from app.access.actions import Action
from app.access.load.studies import policy_facts
from app.access.policy import HospitalFacts, decide
from app.access.principals import HospitalClient
from app.access.scope import StudyScope
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.recent import Recent
from app.services.parts import Parts
from app.services.unit_of_work import Scope, unit_of_work

_REMEMBERED = 65_536
_recorded: Recent[tuple[str, UUID, Action, int], bool] = Recent(_REMEMBERED)


def permitted(
    session: Session, parts: Parts, scope: StudyScope, study_ids: Iterable[UUID], action: Action
) -> set[UUID]:
    """Return those studies that the principal may do `action` to now. What is refused is left out, as if absent."""
    now = parts.clock()
    if isinstance(scope.principal, HospitalClient):  # decided by hospital, the same for each of its studies
        allowed = decide(scope.principal, action, HospitalFacts(scope.hospital_id), now=now).allowed
        return set(study_ids) if allowed else set()
    facts = [policy_facts(session, scope.hospital_id, study_id, now=now) for study_id in set(study_ids)]
    return {item.study_id for item in facts if item and decide(scope.principal, action, item, now=now).allowed}


def record_read(parts: Parts, scope: StudyScope, study_ids: Iterable[UUID], action: Action) -> None:
    """Record that studies are given out; durable before the first byte leaves.

    Once an hour for each study and way of reading: a viewer asks for each frame, and a row for each would say no more.
    """
    now = parts.clock()
    keys = {study_id: (scope.principal.actor, study_id, action, int(now.timestamp() // 3600)) for study_id in study_ids}
    missing = [study_id for study_id, key in keys.items() if not _recorded.get(key)]
    if not missing:
        return
    with unit_of_work(parts, Scope(hospital=scope.hospital_id)) as session:
        for study_id in missing:
            fact = Fact(
                Event.INSTANCE_READ, scope.principal.actor, f"study:{study_id}", scope.hospital_id, reason=action.value
            )
            record(session, parts.keys, fact, now=now)
    for study_id in missing:
        _recorded.keep(keys[study_id], True)  # noqa: FBT003  that it is there is all that counts


def record_search(parts: Parts, scope: StudyScope, level: str, results: int) -> None:
    """Record a search: one row a query, with how much it found and nothing of what was asked."""
    fact = Fact(
        Event.STUDIES_SEARCHED, scope.principal.actor, f"hospital:{scope.hospital_id}", scope.hospital_id,
        detail={"level": level, "results": results},
    )  # fmt: skip
    _together.record(parts, scope.hospital_id, fact)


class _Together:
    """Writes facts that threads want recorded at the same moment in one transaction: whoever comes first, for all.

    Each waits until its own is durable. A transaction for each would let no more searches through than a disk syncs.
    """

    def __init__(self) -> None:
        self._waiting: dict[UUID, list[tuple[Fact, Future[None]]]] = {}
        self._lock, self._turn = threading.Lock(), threading.Lock()

    def record(self, parts: Parts, hospital_id: UUID, fact: Fact) -> None:
        done: Future[None] = Future()
        with self._lock:
            self._waiting.setdefault(hospital_id, []).append((fact, done))
        with self._turn:
            with self._lock:
                batch = self._waiting.pop(hospital_id, []) if not done.done() else []
            if batch:
                self._write(parts, hospital_id, batch)
        done.result()

    def _write(self, parts: Parts, hospital_id: UUID, batch: list[tuple[Fact, Future[None]]]) -> None:
        try:
            with unit_of_work(parts, Scope(hospital=hospital_id)) as session:
                for fact, _ in batch:
                    record(session, parts.keys, fact, now=parts.clock())
        except BaseException as error:
            for _, done in batch:
                done.set_exception(error)
            raise
        for _, done in batch:
            done.set_result(None)


_together = _Together()
