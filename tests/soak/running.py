"""Running one schedule: the acts, the kills that belong to them, and then on to quiet."""

import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.models.imaging import Study
from app.models.outbox import OutboxEntry
from app.services.parts import Parts
from app.services.unit_of_work import Scope, reading
from demo.carrier_callbacks import Fault
from tests.soak.board import Board, wait_until
from tests.soak.killing import Killer, Strike
from tests.soak.schedule import Act
from tests.soak.senders import DESCRIPTION, FINDING, PHONE, Senders, instance, study_uid

_TRIES = 12
_JUMPS = 60
_FAULTS = {
    "answer lost": Fault(lose_reply=True),
    "callbacks dropped": Fault(callbacks="dropped"),
    "callbacks reversed": Fault(callbacks="reversed"),
    "callbacks twice": Fault(callbacks="twice"),
}
_ISSUED = datetime(2026, 3, 2, 4, 0, tzinfo=UTC).isoformat()


@dataclass
class Acknowledged:
    """All that the hospital was told is done."""

    files: dict[tuple[int, int], list[bytes]] = field(default_factory=lambda: defaultdict(list))
    """The versions of each (study, number), oldest first."""
    registered: set[int] = field(default_factory=set)
    reported: set[int] = field(default_factory=set)


class Run:
    """One schedule on one fresh installation."""

    def __init__(self, killer: Killer, parts: Parts, hospital, senders: Senders) -> None:
        self.killer, self.parts, self.hospital, self.senders = killer, parts, hospital, senders
        self.acknowledged = Acknowledged()
        self.board: Board = killer.board
        self.carrier = killer.stands[0].carrier
        self._watchers: list[threading.Thread] = []
        self._dead_claims: set[UUID] = set()

    def act(self, act: Act) -> None:
        """Do one act, with its kills, until it is acknowledged."""
        self._revive()
        if act.mishap:
            self.carrier.fail_next(_FAULTS[act.mishap])
        for strike in act.strikes:
            self._prepare(strike)
        sent = _Once(self.killer, act.strikes)
        self._until_done({"wait": self._wait}.get(act.what, self._say), act, sent)

    def quieten(self) -> None:
        """Let everything run until no work is owed, at the clock's pace where it is waited for."""
        for _ in range(_JUMPS):
            self._revive()
            due = self._asked(self._open_work)
            if due is None:
                continue
            if not due:
                break
            self._go_on(due)
        else:
            raise AssertionError(f"work is owed and nobody does it: {self._asked(self._open_work)}")
        for watcher in self._watchers:
            watcher.join()

    def _revive(self) -> None:
        self.killer.revive(self._note_claims)

    def _note_claims(self, dead: list[str]) -> None:
        """Note what a dead worker holds, where it was the only one: nobody will close that, so nobody need wait."""
        if "worker" in dead and "worker-2" not in self.killer.expected:
            self._dead_claims |= {row.claim for row in self._open_work() if row.claim}

    def _go_on(self, due: list[OutboxEntry]) -> None:
        """Ring, wait a little, and put the clock forward to what is waited for: a date, or the end of a dead lease."""
        now = self.board.now()
        ready = {row.topic for row in due if row.due_at <= now and (row.lease_until is None or row.lease_until < now)}
        self.parts.bell.ring(ready)
        held = [row for row in due if row.claim and row.claim not in self._dead_claims]
        if not (ready or held) or not self._changes(due, 1.5):
            soonest = min(max(row.due_at, row.lease_until or row.due_at) for row in due)
            self.board.jump(max(soonest - now, timedelta()) + timedelta(seconds=1))

    def _changes(self, due: list[OutboxEntry], seconds: float) -> bool:
        def state(rows: list[OutboxEntry]) -> set:
            return {(row.id, row.claim, row.due_at) for row in rows}

        def changed() -> bool:
            rows = self._asked(self._open_work)
            return rows is None or state(rows) != state(due)

        try:
            wait_until(changed, seconds, "work to go on")
        except AssertionError:
            return False
        return True

    def _open_work(self) -> list[OutboxEntry]:
        with reading(self.parts, Scope(worker=True)) as session:
            return list(session.scalars(select(OutboxEntry).where(OutboxEntry.closed_at.is_(None))))

    def _asked(self, question: Callable):
        """Ask the database, which may be away: then None."""
        try:
            return question()
        except DBAPIError:
            return None

    def _prepare(self, strike: Strike) -> None:
        if strike.holder == "carrier":
            self.carrier.fail_next(Fault(delay=1))
            so_far = len(self.carrier.messages)
            self._watchers.append(threading.Thread(target=self._strike_at_acceptance, args=(strike, so_far)))
            self._watchers[-1].start()
        elif not strike.holder.endswith("client"):
            self.killer.arm(strike)

    def _strike_at_acceptance(self, strike: Strike, so_far: int) -> None:
        try:
            self.carrier.wait_for(lambda messages: len(messages) > so_far, timeout=6)
        except TimeoutError:
            return
        self.killer.strike(strike)

    def _until_done(self, do: Callable[[Act, "_Once"], bool], act: Act, sent: "_Once") -> None:
        for _ in range(_TRIES):
            if do(act, sent):
                return
            self._revive()
        raise AssertionError(f"nobody acknowledged: {act}")

    def _wait(self, act: Act, _sent: "_Once") -> bool:
        """Wait until the patient was told, or the study waits for what has not come yet."""
        self.board.jump(timedelta(seconds=2))
        if not self._settled(act.study):
            try:
                wait_until(lambda: self._settled(act.study), 2, "the study to be told of")
            except AssertionError:
                return True  # it waits for the clock, or for what was killed: the quiet at the end sees to it
        return True

    def _settled(self, study: int) -> bool:
        def told() -> bool:
            with reading(self.parts, Scope(hospital=self.hospital)) as session:
                row = session.scalar(select(Study).where(Study.study_instance_uid == study_uid(study)))
                return row is not None and row.announced_revision > 0

        return bool(self._asked(told)) or any(not self.killer.is_alive(name) for name in self.killer.expected)

    def _say(self, act: Act, sent: "_Once") -> bool:
        if act.what in {"stow", "c-store", "both"}:
            return self._send(act, sent)
        return {"register": self._register, "report": self._report, "complete": self._complete}[act.what](act.study)

    def _send(self, act: Act, sent: "_Once") -> bool:
        files = {number: instance(act.study, number, act.version) for number in act.numbers}
        doors = {"stow": [self._stow], "c-store": [self._c_store], "both": [self._stow, self._c_store]}[act.what]
        with ThreadPoolExecutor(len(doors)) as pool:
            stored = set().union(*pool.map(lambda door: door(act.study, list(files.values()), sent), doors))
        for number, file in files.items():
            known = self.acknowledged.files[act.study, number]
            if f"{study_uid(act.study)}.9.{number}" in stored and file not in known:
                known.append(file)
        return all(file in self.acknowledged.files[act.study, number] for number, file in files.items())

    def _stow(self, study: int, files: list[bytes], sent: "_Once") -> set[str]:
        return self.senders.stow(study, files, lambda percent: sent("web", percent))

    def _c_store(self, study: int, files: list[bytes], sent: "_Once") -> set[str]:
        return self.senders.c_store(files, lambda percent: sent("scp", percent))

    def _register(self, study: int) -> bool:
        patient = {
            "identifier": {"value": f"P-{study}"},
            "names": {"alphabetic": "Wang^Xiaoming"},
            "birth_date": "1958-03-07",
            "phone": f"{PHONE}{study:03d}",
        }
        order = {
            "accession_number": f"A-{study}",
            "patient": {"value": f"P-{study}"},
            "procedure_text": DESCRIPTION,
        }
        done = self._put("/patients", patient) and self._put("/service-requests", order)
        self.acknowledged.registered |= {study} if done else set()
        return done

    def _report(self, study: int) -> bool:
        report = {
            "accession_number": f"A-{study}", "number": f"R-{study}", "version": 1, "status": "final",
            "issued_at": _ISSUED, "conclusion": FINDING, "findings": FINDING,
        }  # fmt: skip
        done = self._put("/reports", report)
        self.acknowledged.reported |= {study} if done else set()
        return done

    def _complete(self, study: int) -> bool:
        return self.senders.api("POST", f"/studies/{study_uid(study)}/complete", {}) is not None

    def _put(self, path: str, body: dict) -> bool:
        return self.senders.api("PUT", path, body) is not None


class _Once:
    """Strikes for the client, once, when it has sent as much as the strike says."""

    def __init__(self, killer: Killer, strikes: tuple[Strike, ...]) -> None:
        self._killer = killer
        self._waiting = [strike for strike in strikes if strike.holder.endswith("client")]

    def __call__(self, door: str, percent: int) -> None:
        for strike in list(self._waiting):
            if strike.holder == f"{door} client" and percent >= strike.count:
                self._waiting.remove(strike)
                self._killer.strike(strike)
