"""What `make soak` runs."""

import argparse
import logging
import sys
from contextlib import redirect_stdout
from functools import partial
from io import StringIO

import click

from tests.soak.batch import run_batch


def main() -> None:
    """Run a batch; exit code 1 when a law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Kill schedules.")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="the first one; the others follow")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--nodes", type=int, choices=(1, 2), default=1, help="2 stand over one object store")
    chosen = parser.parse_args()
    if chosen.nodes > 1 and chosen.database == "sqlite":
        parser.error("two nodes need PostgreSQL")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the object store's server names each request
    say = partial(click.echo, file=sys.stdout)
    with redirect_stdout(StringIO()):  # the carrier names each callback that met a dead web server
        clean = run_batch(
            chosen.count, chosen.seed, postgresql=chosen.database == "postgresql", nodes=chosen.nodes, say=say
        )
    sys.exit(not clean)


if __name__ == "__main__":
    main()
