"""The operator's commands and the long-running processes. A refusal is one sentence and exit code 2."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from app.core.crypto import KeyProblem
from app.core.errors import AppError
from app.jobs import drain, relay
from app.queue import Listener
from app.services.parts import Parts

REFUSED = 2


def parts() -> Parts:
    """Return what the factory handed to the application."""
    handed: Parts = current_app.extensions["filmpass"]
    return handed


@contextmanager
def refusals() -> Iterator[None]:
    """Turn an expected refusal into its sentence and exit code 2."""
    try:
        yield
    except (AppError, KeyProblem) as error:
        click.echo(f"{error}", err=True)
        raise SystemExit(REFUSED) from None


def command(group: AppGroup, name: str) -> Callable[[Callable[..., Any]], Any]:
    """Add a command whose refusals are sentences."""

    def add(function: Callable[..., Any]) -> Any:
        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with refusals():
                return function(*args, **kwargs)

        return group.command(name)(with_appcontext(run))

    return add


def _until_stopped(stop: Callable[[], None]) -> None:
    """Stop gracefully on SIGTERM and Ctrl-C: what is being done is finished, nothing new is begun."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())


@click.command("run-worker")
@with_appcontext
def run_worker() -> None:
    """Do what is owed, until stopped."""
    handed = parts()
    listener = Listener(handed.bell, drain.drainers(handed))
    _until_stopped(listener.stop)
    click.echo("worker: ready")
    listener.run()
    handed.decoder.close()


@click.command("run-relay")
@with_appcontext
def run_relay() -> None:
    """Ring for what is due, free dead leases, sign audit heads, until stopped."""
    stop = threading.Event()
    _until_stopped(stop.set)
    click.echo("relay: ready")
    relay.run(parts(), stop)


def register(app: Flask) -> None:
    """Add the commands to `flask`."""
    for item in (run_worker, run_relay):
        app.cli.add_command(item)
