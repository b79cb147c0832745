"""A PostgreSQL that keeps every promise of durability, is killed with all its children, and recovers."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import servers

_CHILDREN = "/proc/{0}/task/{0}/children"


class Cluster:
    """One server with `fsync` on. It counts how often it was killed."""

    def __init__(self, folder: Path, user: str | None) -> None:
        self.server = servers.PostgresServer(folder)
        self._folder, self._user = folder, user
        self._command = servers._postgres_command(folder, user, ("recovery_init_sync_method=syncfs",))
        self.start()
        servers._create_roles(self.server)

    def start(self) -> None:
        """Start, and recover what was killed."""
        self._process = servers._start(
            self._command, self._folder, user=self._user, end=servers._SIGINT,
            ready=lambda: servers._answers(self.server),
        )  # fmt: skip

    @property
    def is_alive(self) -> bool:
        """Whether the server runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the server and every process of it at once."""
        postmaster = self._process.pid
        os.kill(postmaster, signal.SIGSTOP)  # so that no child is born meanwhile
        children = Path(_CHILDREN.format(postmaster)).read_text().split()
        for pid in (postmaster, *map(int, children)):
            os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Stop the server."""
        self._process.send_signal(servers._SIGINT)
        self._process.wait()


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a cluster in a folder of its own."""
    user = "nobody" if os.geteuid() == 0 else None  # the server refuses to run as root
    with servers._folder(user) as folder:
        made = Cluster(folder, user)
        try:
            yield made
        finally:
            made.close()
