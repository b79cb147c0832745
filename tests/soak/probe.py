"""Inside a process of the installation: its clock, its pace, and the points where it can be made to halt.

The application does not know of it. At a point that is armed the process says so over a socket and waits for the word to
go on, which never comes when it is killed there.
"""

import json
import os
import socket
import threading
from functools import wraps
from pathlib import Path

from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect
from twilio.http.http_client import TwilioHttpClient

from app.core import clock
from app.jobs import drain, relay
from tests.soak.board import Board

SOCKET = "halts.sock"
_LONGEST_HALT = 20.0


class Probe:
    """One process's eye on the board."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._board = Board(folder / "board")
        self._lock = threading.Lock()
        self._job = threading.local()

    def install(self) -> None:
        """Watch this process, and those that it forks."""
        clock.now = self._board.now
        relay.INTERVAL_SECONDS, drain.POLL_SECONDS = 0.3, 0.5  # many ticks in little time
        event.listen(Engine, "before_cursor_execute", lambda *_: self.at("statement"))
        DefaultDialect.do_commit = self._around(DefaultDialect.do_commit, "commit", "committed")
        os.fsync = self._around(os.fsync, None, "synced")
        os.fdatasync = self._around(os.fdatasync, None, "synced")
        os.rename = self._around(os.rename, None, "named")
        drain._do = self._within_a_job(drain._do)
        TwilioHttpClient.request = self._around(TwilioHttpClient.request, "called", "answered")

    def _within_a_job(self, do):
        @wraps(do)
        def watched(parts, owed):
            self._job.topic = owed.topic
            try:
                do(parts, owed)
            finally:
                self._job.topic = ""

        return watched

    def at(self, point: str) -> None:
        """Halt here if that is wanted."""
        if getattr(self._job, "topic", ""):
            point = f"job {point}"
        with self._lock:
            halts = self._board.comes_to(self._name, point)
        if halts:
            self._halt(point)

    def _around(self, function, before: str | None, after: str):
        @wraps(function)
        def watched(*args, **kwargs):
            if before:
                self.at(before)
            result = function(*args, **kwargs)
            self.at(after)
            return result

        return watched

    def _halt(self, point: str) -> None:
        said = {"name": self._name, "pid": os.getpid(), "point": point, "job": getattr(self._job, "topic", "")}
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_LONGEST_HALT)
            line.connect(str(self._folder / SOCKET))
            line.sendall(json.dumps(said).encode() + b"\n")
            line.recv(1)
