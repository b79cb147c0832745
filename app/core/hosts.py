"""SQLite is for one host: its database belongs to the first that opened it.

Several hosts reach one file only over a network's file system, where locks may lie and the shared memory of the WAL is
not shared: that ends in a damaged database. So a file beside the database names its host, and others are refused.
"""

import hashlib
import os
import socket
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from app.core.folders import sync_folder
from app.core.settings import SettingsError

MACHINE_ID = Path("/etc/machine-id")


def claim_for_this_host(database: Path) -> None:
    """Take a SQLite database for this host, or find that it is this host's already.

    Raises
    ------
    SettingsError
        When it belongs to another host; the sentence says what to do if that one is gone.
    """
    owner = database.with_name(f"{database.name}.host")
    try:
        if not owner.exists():
            _take(owner)
        _refuse_another(owner)
    except OSError as error:
        raise SettingsError(f"{owner} cannot be used ({error.strerror}), nor could the database.") from error


def _take(owner: Path) -> None:
    """Write the file of the owner, whole or not at all; whoever else was faster stays."""
    with NamedTemporaryFile("w", dir=owner.parent, prefix=owner.name) as file:
        file.write(f"{_this_host()} {socket.gethostname()}\n")
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            owner.hardlink_to(file.name)
    sync_folder(owner.parent)


def _refuse_another(owner: Path) -> None:
    host, _, name = owner.read_text().strip().partition(" ")
    if host != _this_host():
        raise SettingsError(
            f"The SQLite database belongs to the host {name}, and SQLite serves one host:"
            " for several, use PostgreSQL and FILMPASS_OBJECT_STORE. If that host will never open this file again, or"
            f" this is a restored copy, take it over with: rm {owner}"
        )


def _this_host() -> str:
    """Return what tells this host from others and survives its restart, as a digest since the id itself is private."""
    identity = MACHINE_ID.read_text().strip() if MACHINE_ID.exists() else ""
    return hashlib.sha256(f"filmpass host {identity or socket.gethostname()}".encode()).hexdigest()[:32]
