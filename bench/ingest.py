"""How fast instances are stored: durable and encrypted at our side, neither at the peer's."""

import os
from collections.abc import Callable, Iterator

from bench import clients
from bench.corpus import Kind, Study
from bench.figures import Figure, Goal, ratio_of_at_least
from bench.sides import Side
from bench.stage import Stage

Send = Callable[[Side, list[Study]], float]


def stow(stage: Stage) -> Iterator[Figure]:
    """STOW-RS: CT of 526 kB, 64 a request; MR of 25 kB, 50 a request."""

    def send(per_request: int) -> Send:
        return lambda side, studies: clients.stow(side, studies, per_request)

    yield from _stored(stage, "STOW CT, 1 client", send(64), "ct", [200], ratio_of_at_least(3))
    yield from _stored(stage, "STOW CT, 4 clients", send(64), "ct", [200] * 4, ratio_of_at_least(3))
    yield from _stored(stage, "STOW MR, 1 client", send(50), "mr", [400], ratio_of_at_least(2))


def cstore(stage: Stage) -> Iterator[Figure]:
    """C-STORE by DCMTK's storescu, TCP_NODELAY at both ends."""
    goal = ratio_of_at_least(0.9)
    yield from _stored(stage, "C-STORE CT, 1 association", clients.c_store, "ct", [200], goal)
    yield from _stored(stage, "C-STORE CT, 4 associations", clients.c_store, "ct", [100] * 4, goal)


def _stored(stage: Stage, name: str, send: Send, kind: Kind, counts: list[int], goal: Goal) -> Iterator[Figure]:
    rate, cpu = {}, {}
    for side in stage.sides:
        studies = [stage.corpus.study(kind, count) for count in counts]
        os.sync()  # neither side pays for what the other left to be written
        before = side.cpu()
        rate[side] = sum(counts) / send(side, studies)
        cpu[side] = (side.cpu() - before) / sum(counts) * 1000
    yield Figure(name, "/s", rate[stage.ours], rate.get(stage.peer), goal)
    yield Figure(f"{name}, CPU each", "ms", cpu[stage.ours], cpu.get(stage.peer))
