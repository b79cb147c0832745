"""A kept release, put back as an installation and migrated in place, as an operator does it."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from app.core.settings import Settings
from tests import servers
from tests.databases import ROOT, Database

RELEASES = ROOT / "tests" / "data"
RELEASE = "release-0.1.0"


class Kept:
    """An installation of the release in a folder of the test."""

    def __init__(self, kept: Path, folder: Path, database: Database) -> None:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
        self.folder, self.database = folder, database
        self.state = json.loads((folder / "state.json").read_text())

    @property
    def settings(self) -> Settings:
        return Settings(
            database_url=self.database.url,
            data_folder=self.folder / "data",
            keys_folder=self.folder / "keys",
            heads_file=self.folder / "heads.jsonl",
            public_url="http://127.0.0.1",
            minimum_free_bytes=1 << 20,
            decode_workers=1,
            log_format="plain",
        )

    def migrate(self, *arguments: str) -> str:
        """Type `flask db upgrade`; returns what it printed."""
        return flask_db(self.settings, self.database.owner_url, "upgrade", *arguments)


def flask_db(settings: Settings, owner_url: str, *arguments: str) -> str:
    """Type a command of `flask db` as the owner; returns what it printed."""
    told = {
        "FILMPASS_DATABASE_URL": settings.database_url,
        "FILMPASS_DATABASE_OWNER_URL": owner_url,
        "FILMPASS_DATA_FOLDER": str(settings.data_folder),
        "FILMPASS_KEYS_FOLDER": str(settings.keys_folder),
        "FILMPASS_PUBLIC_URL": settings.public_url,
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", *arguments]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **told}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def kept_on_sqlite(folder: Path):
    """Put the release's SQLite installation back."""
    kept = RELEASES / RELEASE / "sqlite"
    folder.mkdir()
    path = folder / "filmpass.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((kept / "database.sql").read_text())
    url = f"sqlite:///{path}"
    yield Kept(kept, folder, Database(url, url))


@contextmanager
def kept_on_postgresql(folder: Path, server: servers.PostgresServer):
    """Put the release's PostgreSQL installation back, as the superuser does with a dump."""
    kept, name = RELEASES / RELEASE / "postgresql", f"filmpass_release_{os.getpid()}"
    server.create_database(name)
    try:
        with psycopg.connect(host=str(server.folder), user=servers.SUPERUSER, dbname=name) as connection:
            connection.execute((kept / "database.sql").read_bytes())
        yield Kept(kept, folder, Database(server.url(name, servers.APP), server.url(name, servers.OWNER)))
    finally:
        server.drop_database(name)
