"""A supervisor for the processes of one installation: they start in order, end with it, and one that dies ends all."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

_STOP_SECONDS = (7.0, 2.0)  # for those that end first, and then for those that outlive them
_POLL_SECONDS = 0.2

# Runs between fork and exec of a child: the kernel shall send SIGTERM when the supervisor is gone, however it went. A
# program of its own, since `preexec_fn` is not safe beside threads; the last check closes the gap before the request.
_TETHER = """
import ctypes, os, signal, sys
if ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0) or os.getppid() != int(sys.argv[1]):
    sys.exit("the supervisor is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class ChildEndedError(Exception):
    """A process that should run has ended, or one that should do something failed."""

    def __init__(self, name: str, code: int) -> None:
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        super().__init__(f"{name} {how}.")
        self.name, self.code = name, code


@dataclass(frozen=True)
class _Child:
    name: str
    process: subprocess.Popen[str]
    log: threading.Thread
    outlives: bool


class Supervisor:
    """Starts processes and stops them. Use it from the main thread only: a child is tied to the thread that made it.

    Parameters
    ----------
    environment : Mapping[str, str]
        Of every child.
    lock : int
        A file descriptor that every child inherits.
    say : callable
        Prints one line of the log.
    """

    def __init__(self, environment: Mapping[str, str], lock: int, say: Callable[[str], None]) -> None:
        self.environment = dict(environment)
        self._lock = lock
        self._say = say
        self._children: list[_Child] = []
        self._ended: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()

    def run(self, name: str, command: Sequence[str]) -> str:
        """Run a command to its end and return what it printed; its errors go to the log.

        Raises
        ------
        ChildEndedError
            When its exit code is not 0.
        """
        done = subprocess.run(
            self._tethered(command),
            env=self.environment,
            pass_fds=(self._lock,),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )
        for line in done.stderr.splitlines():
            self._log(name, line)
        if done.returncode:
            raise ChildEndedError(name, done.returncode)
        return done.stdout

    def start(self, name: str, command: Sequence[str], *, ready: str) -> str:
        """Start a process that stays, wait for a line that the pattern finds, and return its group 1."""
        return self.launch(name, command, ready=ready)()

    def launch(
        self, name: str, command: Sequence[str], *, ready: str = "", unsaid: str = "", outlives: bool = False
    ) -> Callable[[], str]:
        """Start a process that stays, and go on; what is returned waits as `start` does.

        Lines that `unsaid` finds are kept out of the log. A process that `outlives` ends after those that do not.
        """
        # A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which then stops all in order.
        process = subprocess.Popen(
            self._tethered(command),
            env=self.environment,
            pass_fds=(self._lock,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        found: queue.SimpleQueue[str] = queue.SimpleQueue()
        log = threading.Thread(target=self._forward, args=(name, process, ready, unsaid, found), daemon=True)
        self._children.append(_Child(name, process, log, outlives))
        log.start()
        threading.Thread(target=self._await, args=(name, process), daemon=True).start()
        return partial(self._wait_for, found, f"{name} to be ready")

    def wait_until(self, true: Callable[[], bool], what: str, timeout: float = 60) -> None:
        """Ask again and again until it is true; raises ChildEndedError meanwhile, and TimeoutError at the end."""
        deadline = time.monotonic() + timeout
        while not true():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Waited {timeout:.0f} s for {what} in vain.")
            self._check(_POLL_SECONDS)

    def watch(self) -> None:
        """Block until a process ends, which is an error."""
        raise ChildEndedError(*self._ended.get())

    def stop(self) -> None:
        """End every process, those last that outlive the others: gently, then for certain; within ten seconds."""
        for outlives, seconds in zip((False, True), _STOP_SECONDS, strict=True):
            self._stop([child for child in self._children if child.outlives is outlives], seconds)
        for child in self._children:
            child.process.wait()
            child.log.join(1)

    def _stop(self, children: Sequence[_Child], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for child in children:
            child.process.terminate()
        for child in children:
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"{child.name} does not end by itself and is killed")
            _kill_group(child.process.pid)

    def _tethered(self, command: Sequence[str]) -> list[str]:
        return [sys.executable, "-I", "-c", _TETHER, str(os.getpid()), *command]

    def _log(self, name: str, line: str) -> None:
        self._say(f"{name:<8}| {line.rstrip()}")

    def _forward(
        self, name: str, process: subprocess.Popen[str], ready: str, unsaid: str, found: "queue.SimpleQueue[str]"
    ) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if not (unsaid and re.search(unsaid, line)):
                    self._log(name, line)
                if ready and (match := re.search(ready, line)):
                    found.put(match[1] if match.lastindex else "")

    def _await(self, name: str, process: subprocess.Popen[str]) -> None:
        self._ended.put((name, process.wait()))

    def _wait_for(self, found: "queue.SimpleQueue[str]", what: str) -> str:
        self.wait_until(lambda: not found.empty(), what, timeout=30)
        return found.get()

    def _check(self, seconds: float) -> None:
        try:
            ended = self._ended.get(timeout=seconds)
        except queue.Empty:
            return
        raise ChildEndedError(*ended)


def _kill_group(leader: int) -> None:
    """Kill what a process may have left behind in its group."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
