"""What a seed means: a stream of acts of a hospital, and the kills that are tied to some of them."""

from dataclasses import dataclass, replace
from random import Random

from tests.soak.board import NODE
from tests.soak.killing import DATABASE, Strike

_HTTP = {"register", "report", "complete", "stow", "both"}
_DIMSE = {"c-store", "both"}


@dataclass(frozen=True)
class Act:
    """One thing that the hospital does: `register`, `stow`, `c-store`, `both` doors at once, `report`, `complete`, `wait`.

    `version` rises with each correction: other content under the same UIDs.
    """

    what: str
    study: int
    numbers: tuple[int, ...] = ()
    version: int = 0
    strikes: tuple[Strike, ...] = ()
    mishap: str = ""
    """What becomes of the next message at the carrier: `lost` is its answer, `dropped` are its callbacks."""

    def __str__(self) -> str:
        """Say it in words."""
        said = f"{self.what} of study {self.study}"
        if self.numbers:
            said += f": instances {', '.join(map(str, self.numbers))} in version {self.version}"
        if self.mishap:
            said += f"; of the next message the {self.mishap}"
        return said + "".join(f"\n        {strike}" for strike in self.strikes)


def draw(seed: int, *, database: bool, nodes: int = 1) -> list[Act]:
    """Draw the schedule of a seed; with `database`, the database is among what is killed."""
    random = Random(seed)
    acts = _merge(random, [_life(random, study) for study in range(1, random.randint(2, 3) + 1)])
    struck = random.sample(range(len(acts)), min(len(acts), random.randint(3, 6)))
    for place in struck:
        acts[place] = _with_strikes(random, acts[place], database=database, nodes=nodes)
    return acts


def _life(random: Random, study: int) -> list[Act]:
    """Draw what happens to one study: it comes in groups, some again, some corrected; a report; it may be called."""
    numbers = list(range(1, random.randint(2, 6) + 1))
    cut = random.randint(1, len(numbers))
    groups = [group for group in (tuple(numbers[:cut]), tuple(numbers[cut:])) if group]
    sends = [Act(_door(random), study, group) for group in groups]
    if random.random() < 0.4:
        sends.insert(random.randint(1, len(sends)), replace(sends[0], what=_door(random)))
    register = Act("register", study)
    acts = [register, *sends] if random.random() < 0.7 else [*sends, register]
    if random.random() < 0.4:
        acts.append(Act("complete", study))
    if random.random() < 0.7:
        acts.append(Act("wait", study, mishap=_mishap(random)))
    if random.random() < 0.6:
        acts.append(Act("report", study, mishap=_mishap(random)))
    if random.random() < 0.6:
        some = tuple(random.sample(numbers, random.randint(1, len(numbers))))
        acts.append(Act(_door(random), study, some, version=1, mishap=_mishap(random)))
    return acts


def _door(random: Random) -> str:
    return random.choice(("stow", "c-store", "both"))


def _mishap(random: Random) -> str:
    return random.choice(("", "", "", "answer lost", "callbacks dropped", "callbacks reversed", "callbacks twice"))


def _merge(random: Random, lives: list[list[Act]]) -> list[Act]:
    """Shuffle the studies into each other; each keeps its own order."""
    turns = [number for number, life in enumerate(lives) for _ in life]
    random.shuffle(turns)
    waiting = [iter(life) for life in lives]
    return [next(waiting[turn]) for turn in turns]


def _with_strikes(random: Random, act: Act, *, database: bool, nodes: int) -> Act:
    kinds = [_strike_worker, _strike_worker, _strike_relay]
    kinds += [_strike_web] * 2 if act.what in _HTTP else []
    kinds += [_strike_scp] * 4 if act.what in _DIMSE else []
    kinds += [_strike_carrier] * 2 if act.what == "wait" else []
    strike = random.choice(kinds)(random, act)
    if strike.holder != "carrier" and not strike.alone:
        strike = replace(strike, victims=_victims(random, strike.victims[0], database=database))
    if nodes > 1:
        strike = _on_a_node(random, strike)
    return replace(act, strikes=(strike,))


def _victims(random: Random, own: str, *, database: bool) -> tuple[str, ...]:
    """Mostly the process itself; else one that it is talking to, or everything, as in a power cut."""
    drawn = random.random()
    if drawn < 0.55:
        return (own,)
    if drawn < 0.75:
        return (DATABASE,) if database else ("valkey",)
    if drawn < 0.85:
        return ("valkey",)
    if drawn < 0.93:
        return (own, DATABASE) if database else (own, "valkey")
    return (*NODE, "valkey", *([DATABASE] if database else []))


def _strike_web(random: Random, act: Act) -> Strike:
    if act.what in {"stow", "both"} and random.random() < 0.25:
        return Strike("web client", "sent", random.choice((10, 50, 90, 100)), ("web",))
    points = {"statement": 25, "commit": 3, "committed": 3}
    if act.what in {"stow", "both"}:
        points |= {"synced": 2, "named": 1}
    return _halting(random, "web", points)


def _strike_scp(random: Random, _act: Act) -> Strike:
    if random.random() < 0.2:
        return Strike("scp client", "sent", random.choice((0, 50, 80)), ("scp",))
    return _halting(random, "scp", {"statement": 25, "commit": 3, "committed": 3, "synced": 3, "named": 1})


def _strike_worker(random: Random, _act: Act) -> Strike:
    points = {"statement": 40, "commit": 8, "committed": 8, "synced": 2, "named": 2, "called": 1, "answered": 1}
    return _halting(random, "worker", {f"job {point}": most for point, most in points.items()} | {"committed": 6})


def _strike_relay(random: Random, _act: Act) -> Strike:
    return _halting(random, "relay", {"statement": 12, "commit": 4, "committed": 4})


def _strike_carrier(_random: Random, _act: Act) -> Strike:
    return Strike("carrier", "accepted", 1, ("worker",))


def _halting(random: Random, holder: str, points: dict[str, int]) -> Strike:
    point = random.choice(list(points))
    alone = random.random() < 0.2
    return Strike(holder, point, random.randint(1, points[point]), (holder,), alone)


def _on_a_node(random: Random, strike: Strike) -> Strike:
    """Let a strike meet the second node half of the time; what both share has no second."""
    if random.random() < 0.5:
        return strike
    holder = f"{strike.holder}-2" if strike.holder in NODE else strike.holder
    victims = tuple(f"{name}-2" if name in NODE else name for name in strike.victims)
    if random.random() < 0.15:
        victims = tuple(f"{name}-2" for name in NODE)  # the node is lost
    return replace(strike, holder=holder, victims=victims, alone=strike.alone and holder in victims)
