"""`make siege`: what times tell, what an attack on links costs everyone else, and who is locked out by it."""

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import update

from app.models.links import Capability
from app.services.unit_of_work import unit_of_work
from tests import databases, servers
from tests import factories as make
from tests.neighbours import attack
from tests.neighbours.conftest import installation
from tests.neighbours.pairs import PAIRS
from tests.neighbours.timing import compare
from tests.neighbours.visitors import Visitor
from tests.stand import Stand, standing

GUESSES_A_SECOND = 50
CLIENTS = 4


def main() -> int:
    """Run all three parts; the exit code says whether each held."""
    arguments = _arguments()
    structlog.configure(processors=[_drop])  # a log line for each of so many requests would be what is measured
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="filmpass-")))
        database = stack.enter_context(_database(arguments.database, folder))
        held = [_times(folder, database, arguments.samples)]
        carrier = stack.enter_context(_database(arguments.database, folder / "stand"))
        with standing(folder / "stand", carrier, trusted_proxies=1) as stand:
            case = make.make_case(stand.parts, pictures=2)
            stand.start("valkey", "web")
            held += [_load(stand, case, arguments.rounds, arguments.seconds), _crowd(stand, case, arguments.links)]
    return 0 if all(held) else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _drop(*_arguments: object) -> dict:
    raise structlog.DropEvent


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make siege", description="Links and neighbours under attack, measured.")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--samples", type=int, default=300, help="of each kind of request")
    parser.add_argument("--rounds", type=int, default=5, help="with and without the attack, in turn")
    parser.add_argument("--seconds", type=float, default=6, help="of each half of a round")
    parser.add_argument("--links", type=int, default=2000, help="behind one address")
    return parser.parse_args()


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[databases.Database]:
    folder.mkdir(exist_ok=True)
    if kind == "sqlite":
        template = folder / "template.db"
        databases.migrate(f"sqlite:///{template}", folder)
        with databases.sqlite(template, folder) as database:
            yield database
        return
    with servers.postgres(fsync=True) as server, databases.postgresql(server, folder) as database:
        yield database


def _times(folder: Path, database: databases.Database, samples: int) -> bool:
    """Time the pairs in this process, where no network hides anything."""
    _say(f"\nrefused and absent, {samples} of each in random order: medians, 95 % interval of their difference,")
    _say("share in which the first took longer")
    with installation(folder, database) as world:
        found = []
        for name, pair in PAIRS.items():
            acts = tuple(partial(_ask, Visitor(world, carried), request) for carried, request in pair(world))
            found.append(compare(name, acts, _tries(world, samples)))
            _say(f"  {found[-1]}")
    return not any(difference.tells for difference in found)


def _tries(world, samples: int) -> int:
    """Give every link tries enough for the wrong facts that are to be timed."""
    with unit_of_work(world.parts, world.scope) as session:
        session.execute(update(Capability).values(tries_left=4 * samples + 10, tries_total=4 * samples + 10))
    world.parts.limiter.check = lambda *_: None  # the limits would answer in place of what is timed
    return samples


def _ask(visitor: Visitor, request: dict) -> None:
    visitor.ask(**request)


def _load(stand: Stand, case: make.Case, rounds: int, seconds: float) -> bool:
    """Let readers read with and without an attack, in turn; their p99 must stay within twice."""
    targets = attack.many_links(stand.parts, case, 200)
    readers = [attack.opened_page(stand, token) for token in attack.many_links(stand.parts, case, CLIENTS)]
    ratios = []
    _say(
        f"\n{CLIENTS} readers with and without {GUESSES_A_SECOND} guesses a second: median and p99 of a page or picture"
    )
    for number in range(1, rounds + 1):
        calm = _read(readers, seconds)
        with attack.guessing(stand, targets, GUESSES_A_SECOND) as statuses:
            under = _read(readers, seconds)
        ratios.append(_p99(under) / _p99(calm))
        _say(
            f"  round {number}: calm {_summary(calm)}, attacked {_summary(under)}, p99 {ratios[-1]:.2f} times"
            f" ({len(statuses) / seconds:.0f} guesses/s, {statuses.count(429)} of {len(statuses)} answered 429)"
        )
    for phone, _ in readers:
        phone.close()
    middle = statistics.median(ratios)
    _say(f"  p99 under attack: {middle:.2f} times (median; {min(ratios):.2f} to {max(ratios):.2f}), goal <= 2")
    return middle <= 2


def _read(readers: Sequence[tuple[attack.Phone, str]], seconds: float) -> list[float]:
    def read(phone: attack.Phone, page: str) -> list[float]:
        times, until = [], time.monotonic() + seconds
        for path in itertools.cycle((page, *(f"{page}/{kind}/1/{k}.jpg" for kind in "pq" for k in (1, 2)))):
            if time.monotonic() > until:
                return times
            began = time.perf_counter()
            answer = phone.fetch(path)
            times.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                raise RuntimeError(f"a reader got {answer.status_code}")
            time.sleep(0.02)  # a person looks at what came
        return times

    with ThreadPoolExecutor(len(readers)) as threads:
        return list(itertools.chain.from_iterable(threads.map(lambda reader: read(*reader), readers)))


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[-1]


def _summary(times: list[float]) -> str:
    return f"{statistics.median(times):.1f} / {_p99(times):.1f} ms"


def _crowd(stand: Stand, case: make.Case, count: int) -> bool:
    """Open many links from the one address whose guesses are used up."""
    tokens = attack.many_links(stand.parts, case, count)
    with attack.guessing(stand, attack.many_links(stand.parts, case, 20), GUESSES_A_SECOND) as statuses:
        with attack.phones(stand, 1) as (guesser,):
            refused = attack.spend_the_guesses(stand, guesser)
        began = time.monotonic()
        opened = attack.open_all(stand, tokens)
    _say(
        f"\n{opened.count(303)} of {count} links opened from one address in {time.monotonic() - began:.0f} s, while"
        f" its guesser got {refused} and {statuses.count(429)} of {len(statuses)} guesses were answered 429"
    )
    return opened.count(303) == count


if __name__ == "__main__":
    sys.exit(main())
