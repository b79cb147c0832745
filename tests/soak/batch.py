"""Many schedules one after the other, each on a fresh installation, and where their kills landed."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.soak import laws
from tests.soak.board import Board, wait_until
from tests.soak.installation import Installation, Workshop, installation, workshop
from tests.soak.killing import DATABASE, Killer
from tests.soak.running import Run
from tests.soak.schedule import Act, draw
from tests.soak.senders import Senders
from tests.stand import PROCESSES

WANTED = 20
Landed = Counter[tuple[str, str]]


class Broken(Exception):
    """A law was broken; the text holds the schedule in full and the command that replays it."""


def run_seed(shop: Workshop, seed: int) -> Landed:
    """Run the schedule of a seed; returns where its kills landed."""
    acts = draw(seed, database=shop.cluster is not None, nodes=2 if shop.store else 1)
    with tempfile.TemporaryDirectory(prefix="filmpass-s-") as name:
        folder = Path(name)
        try:
            with shop.database(folder) as database, installation(shop, folder, database) as made:
                landed = _run(shop, made, acts)
            wait_until(lambda: not shop.zygote.left_behind(), 10, "what was left behind to end")
        except Exception as error:
            raise Broken(_told(shop, seed, acts)) from error
    return landed


def _told(shop: Workshop, seed: int, acts: list[Act]) -> str:
    kind = "postgresql" if shop.cluster else "sqlite"
    lines = "".join(f"\n  {number:2}  {act}" for number, act in enumerate(acts, 1))
    nodes = " NODES=2" if shop.store else ""
    return f"seed {seed} broke a law; make soak N=1 SEED={seed} DB={kind}{nodes} replays it:{lines}"


def _run(shop: Workshop, made: Installation, acts: list[Act]) -> Landed:
    first = made.stands[0]
    board = Board(first.folder / "board")
    hospital, key = first.enrol()
    killer = Killer(made.stands, board, shop.cluster)
    try:
        senders = Senders(made.http_port, made.dimse_port, key, killer.in_flight)
        run = Run(killer, replace(first.parts, clock=board.now), hospital, senders)
        for act in acts:
            run.act(act)
        run.quieten()
        for missed in killer.disarm():
            killer.landed[missed.holder, "not reached"] += 1
        run.quieten()
        laws.check(run, shop.cluster and shop.cluster.server.folder / "data")
    finally:
        killer.disarm()
        killer.close()
        board.close()
    return killer.landed


def run_batch(count: int, first_seed: int, *, postgresql: bool, nodes: int, say: Callable[[str], None]) -> bool:
    """Run the schedules of consecutive seeds and say how it went; true when no law was broken."""
    landed: Landed = Counter()
    broken = []
    with workshop(postgresql=postgresql, nodes=nodes) as shop:
        started = time.monotonic()
        for seed in range(first_seed, first_seed + count):
            try:
                landed += run_seed(shop, seed)
            except Broken as why:
                broken.append(seed)
                say(f"\n{why}\n  {type(why.__cause__).__name__}: {why.__cause__}\n")
        took = time.monotonic() - started
    seeds = f"seeds {first_seed} to {first_seed + count - 1}"
    say(f"{count} schedules, {seeds}, in {took:.0f} s: {3600 * count / took:.0f} an hour")
    say(_summary(landed))
    say(f"LAWS BROKEN by seeds {', '.join(map(str, broken))}" if broken else "no law was broken")
    return not broken


def _summary(landed: Landed) -> str:
    victims = [name for name in (*PROCESSES, DATABASE) if any(who == name for who, _ in landed)]
    lines = [_line(landed, victim) for victim in victims]
    few = [name for name in victims if landed[name, "amid"] < WANTED]
    if few:
        lines.append(f"  fewer than {WANTED} times amid work: {', '.join(few)}; run more seeds")
    missed = sum(hits for (_, where), hits in landed.items() if where == "not reached")
    return "\n".join([*lines, f"  {missed} kills were tied to a step that never came"])


def _line(landed: Landed, victim: str) -> str:
    """Say where one process was killed: amid a request, a job or a tick, by the step; or between two of them."""
    amid, between = landed[victim, "amid"], landed[victim, "between"]
    steps = sorted((where, hits) for (who, where), hits in landed.items() if who == victim and " " in where)
    said = ", ".join(f"{where} {hits}" for where, hits in steps if where != "not reached")
    return f"  {victim:8} killed {amid} times between first byte and answer, {between} outside: {said}"
