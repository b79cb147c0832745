"""`make bench`: figures of this machine, beside Orthanc's from the same rounds, each with its goal."""

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench import dicomweb, ingest, page, readiness, reading
from bench.corpus import Corpus
from bench.figures import Figure, Table
from bench.sides import orthanc_version, running_filmpass, running_orthanc
from bench.stage import Stage
from tests import databases, servers

Bench = Callable[[Stage], Iterator[Figure]]
BENCHES: dict[str, Bench] = {
    "ready": readiness.ready, "preview": reading.preview, "page": page.first_view, "lighthouse": page.lighthouse,
    "hold": reading.hold, "stow": ingest.stow, "cstore": ingest.cstore, "pictures": dicomweb.pictures,
    "frames": dicomweb.frames, "searches": dicomweb.searches,
}  # fmt: skip


def machine(kind: str) -> str:
    """Say where and on what the figures were taken."""
    described = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in described if line.startswith("model name")), platform.machine())
    peer = orthanc_version()
    return ", ".join(
        (
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            f"{os.cpu_count()} cores of {model}",
            f"Linux {platform.release()}",
            f"Python {platform.python_version()}",
            kind,
            f"Orthanc {peer}" if peer else "no peer: its Debian packages orthanc and orthanc-dicomweb are missing",
        )
    )


def run_round(
    corpus: Corpus, chosen: list[str], number: int, database: Callable[[Path], databases.Database]
) -> Iterator[Figure]:
    """Start both servers with empty stores and run every chosen bench on them."""
    with ExitStack() as stack:
        ours, theirs = (Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="filmpass-bench-"))) for _ in "12")
        side = stack.enter_context(running_filmpass(ours, stack.enter_context(database(ours))))
        peer = stack.enter_context(running_orthanc(theirs)) if orthanc_version() else None
        stage = Stage(corpus, side, peer, number)
        for name in chosen:
            started = time.monotonic()
            yield from BENCHES[name](stage)
            print(f"round {number}: {name} took {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def main() -> int:
    """Run the rounds and print the table; 1 when a goal was missed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(BENCHES), help="a list with commas between")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    arguments = parser.parse_args()
    chosen = [name for name in BENCHES if name in arguments.only.split(",")]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended on the way out
    table, corpus = Table(), Corpus()
    with ExitStack() as stack:
        database = _databases(stack, arguments.database)
        for number in range(1, arguments.rounds + 1):
            table.add(run_round(corpus, chosen, number, database))
    print(f"\n{machine(arguments.database)}\n\n{table}")
    if table.missed:
        print(f"\nmissed: {'; '.join(table.missed)}")
    return int(bool(table.missed))


def _databases(stack: ExitStack, kind: str):  # noqa: ANN202
    """Return what opens a migrated, empty database in a folder."""
    if kind == "postgresql":
        server = stack.enter_context(servers.postgres(fsync=True))
        return lambda folder: databases.postgresql(server, folder)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="filmpass-bench-")))
    template = folder / "template.db"
    databases.migrate(f"sqlite:///{template}", folder)
    return lambda own: databases.sqlite(template, own)


if __name__ == "__main__":
    raise SystemExit(main())
