"""Migrated databases of both kinds: made once by running the migrations, then copied for each test."""

import hashlib
import itertools
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import flask_migrate

from app.core.crypto import create_key_files
from app.core.settings import Settings
from app.factory import build_parts, create_app
from app.models.registry import db
from tests import servers

ROOT = Path(__file__).parent.parent
_numbers = itertools.count()


@dataclass(frozen=True)
class Database:
    """One migrated, empty database, as the application sees it and as its owner does."""

    url: str
    owner_url: str

    @property
    def is_postgresql(self) -> bool:
        """Whether row security, partitions and parallel writers are there."""
        return self.url.startswith("postgresql")


def migrate(owner_url: str, folder: Path) -> None:
    """Run all migrations through the application's own command, as production does."""
    keys = folder / "keys"
    create_key_files(keys)
    settings = Settings(
        database_url=owner_url,
        database_owner_url=owner_url,
        data_folder=folder / "data",
        keys_folder=keys,
        public_url="https://films.example",
    )
    parts = build_parts(settings)
    try:
        app = create_app(parts)
        with app.app_context():
            flask_migrate.upgrade(directory=str(ROOT / "migrations"))
            db.engine.dispose()
    finally:
        parts.engine.dispose()
        parts.decoder.close()
    logging.getLogger("alembic").handlers.clear()


@contextmanager
def sqlite(template: Path, folder: Path) -> Iterator[Database]:
    """Copy a migrated SQLite file."""
    copy = folder / "filmpass.db"
    shutil.copy(template, copy)
    url = f"sqlite:///{copy}"
    yield Database(url, url)


@contextmanager
def postgresql(server: servers.PostgresServer, folder: Path) -> Iterator[Database]:
    """Copy a migrated PostgreSQL database, and drop the copy afterwards."""
    name = f"filmpass_test_{os.getpid()}_{next(_numbers)}"
    template = server.migrated_template(f"filmpass_{_schema_digest()}", lambda url: migrate(url, folder))
    server.create_database(name, template=template)
    try:
        yield Database(server.url(name, servers.APP), server.url(name, servers.OWNER))
    finally:
        server.drop_database(name)


def _schema_digest() -> str:
    """Name a template after the migrations that made it, so that a server which outlives them is not trusted."""
    migrations = sorted((ROOT / "migrations").rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in migrations)).hexdigest()[:12]
