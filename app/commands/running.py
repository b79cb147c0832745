"""The long-running processes. Each prints one line when it is ready, and stops gracefully."""

import queue
import signal
import threading
from collections.abc import Callable

import click

from app.commands.common import guarded, parts
from app.core.errors import Conflict
from app.jobs import drain, relay
from app.queue import Listener


def _until_stopped(stop: Callable[[], None]) -> None:
    """Stop gracefully on SIGTERM and Ctrl-C: what is being done is finished, nothing new is begun."""
    # A handler runs between any two steps of the main thread, which may hold the very lock that `stop` takes; putting
    # into a SimpleQueue is safe there, and another thread stops.
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: asked.put(number))

    def stop_when_asked() -> None:
        asked.get()
        stop()

    threading.Thread(target=stop_when_asked, daemon=True).start()
    parts().keys.current("root")  # refuses here, not at the first piece of work


@click.command("run-worker")
@guarded
def run_worker() -> None:
    """Do what is owed, until stopped."""
    handed = parts()
    listener = Listener(handed.bell, drain.drainers(handed))
    _until_stopped(listener.stop)
    click.echo("worker: ready")
    listener.run()
    handed.decoder.close()


@click.command("run-relay")
@guarded
def run_relay() -> None:
    """Ring for what is due, free dead leases, sign audit heads, until stopped."""
    stop = threading.Event()
    _until_stopped(stop.set)
    click.echo("relay: ready")
    relay.run(parts(), stop)


@click.command("run-scp")
@click.option("--descriptor", type=int, help="A listening socket that was handed over: 3 from systemd.")
@click.option("--tls", is_flag=True, help="Under TLS, with a certificate on both sides: FILMPASS_DIMSE_TLS_PORT.")
@guarded
def run_scp(descriptor: int | None, *, tls: bool) -> None:
    """Receive instances by C-STORE and answer C-ECHO, until stopped."""
    from app.dimse.scp import Receiver  # pynetdicom takes a second to load, which no other command should pay

    settings = parts().settings
    port, name = (settings.dimse_tls_port, "TLS_PORT") if tls else (settings.dimse_port, "PORT")
    try:
        receiver = Receiver(parts(), descriptor, tls=tls)
    except OSError as error:
        address = f"{settings.dimse_host}:{port}"
        raise Conflict(
            f"Cannot listen on {address}: {error.strerror}. Set FILMPASS_DIMSE_{name} or --descriptor."
        ) from None
    _until_stopped(receiver.stop)
    click.echo("scp: ready")
    receiver.run()
