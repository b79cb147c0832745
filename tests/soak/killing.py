"""Killing at a point: a process halts, what is to be killed is killed, and whatever lives goes on.

Nothing is timed, so a strike meets the same point of the same piece of work each time that its schedule is run.
"""

import json
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.soak.board import NODE, WATCHED, Board, Halt
from tests.soak.cluster import Cluster
from tests.soak.probe import SOCKET
from tests.stand import PROCESSES, Stand

DATABASE = "database"
_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class Strike:
    """One kill.

    Attributes
    ----------
    holder
        Whose step it is tied to: a process that halts, the `web client` while it sends, the `carrier` when it accepts.
    point, count
        Where a process halts: the `count`-th time that it comes to the point. For the client, `sent` and the percentage
        of the request's bytes.
    victims
        Which processes are killed; `database` among them, and several at once.
    alone
        Whether only the very process that halted is killed, not its parent and siblings.
    """

    holder: str
    point: str
    count: int
    victims: tuple[str, ...]
    alone: bool = False

    def __str__(self) -> str:
        """Say it in words."""
        victims = "that one process" if self.alone else " and ".join(self.victims)
        if self.holder in WATCHED:
            return f"kill {victims} when {self.holder} comes to '{self.point}' for the {self.count}. time"
        return f"kill {victims} when the {self.holder} has {self.point} {self.count}" + "%" * (self.point == "sent")


class Killer:
    """Strikes, starts again what was struck, and keeps count of where strikes landed."""

    def __init__(self, stands: list[Stand], board: Board, cluster: Cluster | None) -> None:
        self.stands, self.board, self._cluster = stands, board, cluster
        self._homes = {name: (stands[0], name) for name in PROCESSES}
        for number, stand in enumerate(stands[1:], 2):
            self._homes |= {f"{name}-{number}": (stand, name) for name in NODE}
        self.landed: Counter[tuple[str, str]] = Counter()
        self.in_flight: Counter[str] = Counter()
        """How many requests of a client each door has begun and not answered."""
        self.expected = list(self._homes)
        self._pending: dict[str, Strike] = {}
        self._busy = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(stands[0].folder / SOCKET))
        self._listener.listen(16)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def arm(self, strike: Strike) -> None:
        """Let a process halt for a strike; an earlier one that it did not come to is forgotten."""
        self._pending[strike.holder] = strike
        self.board.arm(strike.holder, Halt(strike.point, strike.count))

    def disarm(self) -> list[Strike]:
        """Let everything run on; returns the strikes that nobody came to."""
        missed = [strike for name, strike in self._pending.items() if self.board.is_armed(name)]
        for name in WATCHED:
            self.board.disarm(name)
        return missed

    def strike(self, strike: Strike) -> None:
        """Kill now, from the client's or the carrier's side."""
        with self._busy:
            self._kill(strike, where=f"{strike.holder} {strike.point}")

    def revive(self, seen: Callable[[list[str]], None]) -> None:
        """Start again whatever is dead, after `seen` looked at who it is.

        Belongs to the main thread: servers are tethered to the thread that starts them.
        """
        with self._busy:
            if self._cluster is not None and not self._cluster.is_alive:
                self._cluster.start()
            dead = [name for name in self.expected if not self.is_alive(name)]
            for name in dead:
                if name in WATCHED:
                    self.board.disarm(name)
                with suppress(KeyError):
                    self._end(name)  # what a process that was killed alone left behind
            seen(dead)
            for stand in self.stands:
                stand.start(*(own for home, own in map(self._homes.get, dead) if home is stand))

    def is_alive(self, name: str) -> bool:
        """Whether a process that should run does."""
        stand, own = self._homes[name]
        return stand.is_alive(own)

    def stop_relays(self) -> None:
        """Let the relays finish their tick and end, for good."""
        for name in [name for name in self.expected if name.startswith("relay")]:
            self.expected.remove(name)
            stand, own = self._homes[name]
            stand.stop(own)

    def _end(self, name: str) -> None:
        stand, own = self._homes[name]
        stand.kill(own)

    def close(self) -> None:
        """Let go of everything that halts."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line, line.makefile("r") as words:
                self._meet(json.loads(words.readline()))
                with suppress(BrokenPipeError):
                    line.sendall(b".")

    def _meet(self, halted: dict[str, str]) -> None:
        strike = self._pending.pop(halted["name"], None)
        if strike is None or not self._busy.acquire(timeout=_PATIENCE_SECONDS):
            return  # it belongs to what is being started right now
        try:
            if strike.alone:
                os.kill(int(halted["pid"]), signal.SIGKILL)
                self._note(strike, strike.holder, halted)
            else:
                self._kill(strike, halted, where=f"{strike.holder} {strike.point}")
        finally:
            self._busy.release()

    def _kill(self, strike: Strike, halted: dict[str, str] | None = None, *, where: str) -> None:
        for victim in strike.victims:
            self._note(strike, victim, halted or {"point": where})
            if victim == DATABASE:
                self._cluster.kill()
            elif self.is_alive(victim):
                self._end(victim)
        if len(self.stands) > 1 and set(strike.victims) >= {f"{name}-2" for name in NODE}:
            _lose_disk(self.stands[1])

    def _note(self, strike: Strike, victim: str, halted: dict[str, str]) -> None:
        """Count the kill where it landed: amid a request, a job or a tick, or outside of any."""
        amid = {
            "scp": self.in_flight["scp"] > 0,
            "worker": bool(halted.get("job")),
        }.get(strike.holder.removesuffix("-2"), True)
        if strike.point == "sent" and len(self.stands) > 1:
            amid = False  # nobody knows which node has the request
        if strike.holder in WATCHED and victim not in (strike.holder, "valkey", DATABASE):
            amid = amid and len(self.stands) == 1 and self.in_flight[victim] > 0
        kind = victim.removesuffix("-2")
        self.landed[kind, "amid" if amid else "between"] += 1
        self.landed[kind, f"{strike.holder.removesuffix('-2')} {strike.point}"] += amid


def _lose_disk(stand: Stand) -> None:
    """Lose whatever a node has of its own, as when its machine never comes back and another takes its place."""
    for path in stand.folder.rglob("*"):
        if path.is_file() and path.suffix != ".log" and path.name != "auth-token" and path.parent.name != "keys":
            path.unlink(missing_ok=True)
