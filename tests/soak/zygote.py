"""Starting processes of the installation in milliseconds: one program loads the application and forks each entrance.

`python -m tests.soak.zygote` reads one JSON request a line from its standard input and answers with one number a line.
It has one thread, and starts none before a fork.
"""

import ctypes
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.stand import Launch, Process, launched

_ROOT = Path(__file__).parents[2]
_PR_SET_CHILD_SUBREAPER = 36
"""Whatever loses its parent below this program becomes its child, so that it can be found."""
_ENTRANCES = ("gunicorn", "flask")
_LOADED = (
    "gunicorn.app.wsgiapp", "gunicorn.workers.gthread", "app.factory", "app.dimse.scp", "app.storage.s3",
    "tests.soak.probe",
)  # fmt: skip


@dataclass
class Forked:
    """A process that the zygote forked. It stays a zombie, and its id taken, until somebody looked at it."""

    pid: int
    _zygote: "Zygote"
    _descriptor: int = field(init=False)
    _ended: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._descriptor = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        """Return how it ended, or None while it runs."""
        return self._end(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        ended = self._end(timeout)
        if ended is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return ended

    def terminate(self) -> None:
        """Ask it to end."""
        os.kill(self.pid, signal.SIGTERM)

    def _end(self, timeout: float | None) -> int | None:
        with self._lock:
            if self._ended is None and select.select([self._descriptor], [], [], timeout)[0]:
                self._ended = self._zygote.ask({"reap": self.pid})
                os.close(self._descriptor)
            return self._ended


class Zygote:
    """The program's other end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.zygote"], cwd=_ROOT, env=environment, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def ask(self, request: dict[str, object]) -> int:
        """Put a request, and return the answer."""
        with self._lock:
            self._program.stdin.write(json.dumps(request) + "\n")
            return int(self._program.stdout.readline())

    def launcher(self, home: Path, suffix: str = "") -> Launch:
        """Return what starts the processes of a node: an entrance by a fork, anything else as its own program."""

        def launch(name: str, command: list[str], environment: dict[str, str], log: Path) -> Process:
            if command[:2] != [sys.executable, "-m"] or command[2] not in _ENTRANCES:
                return launched(name, command, environment, log)
            request = {"name": f"{name}{suffix}", "home": str(home), "log": str(log), "argv": command[2:]}
            return Forked(self.ask(request | {"environment": environment}), self)

        return launch

    def left_behind(self) -> int:
        """Count the processes that live though whoever started them is gone."""
        return self.ask({"left": True})

    def close(self) -> None:
        """End the program."""
        self._program.stdin.close()
        self._program.stdout.close()
        self._program.wait(30)


@contextmanager
def zygote() -> Iterator[Zygote]:
    """Run a zygote."""
    made = Zygote()
    try:
        yield made
    finally:
        made.close()


def _load() -> None:
    for module in _LOADED:
        importlib.import_module(module)


def _become(request: dict) -> None:
    """Be an entrance, from a process that has loaded it already."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None
    from tests.soak.probe import Probe

    Probe(Path(request["home"]), request["name"]).install()
    module, *sys.argv[1:] = request["argv"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with(run, request: dict) -> None:
    """Run in this fork and end it, whatever happens: nothing of the program may go on here."""
    status = 1
    try:
        run(request)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _left_behind(forked: set[int]) -> int:
    """Bury the orphans that ended, and count the others."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    orphans = set(map(int, children)) - forked
    return sum(os.waitpid(pid, os.WNOHANG)[0] == 0 for pid in orphans)


def main() -> None:
    """Serve until the other end is closed."""
    _load()
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    forked: set[int] = set()
    while line := sys.stdin.readline():
        request = json.loads(line)
        if "left" in request:
            answer = _left_behind(forked)
        elif "reap" in request:
            answer = os.waitpid(request["reap"], 0)[1]
            forked.remove(request["reap"])
        elif not (answer := os.fork()):
            _end_with(_become, request)
        else:
            forked.add(answer)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
