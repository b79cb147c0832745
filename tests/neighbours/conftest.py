"""One world for all visitors of a room and database: its pictures are rendered for real, which takes a while."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core.crypto import create_key_files
from app.core.settings import Settings
from app.factory import build_parts
from tests import databases
from tests.neighbours import world as worlds


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def world(request, sqlite_template):
    with tempfile.TemporaryDirectory(prefix="filmpass-") as name:
        folder = Path(name)
        if request.param == "sqlite":
            made = databases.sqlite(sqlite_template, folder)
        else:
            made = databases.postgresql(request.getfixturevalue("postgres_server"), folder)
        with made as database, installation(folder, database) as world:
            yield world


@contextmanager
def installation(folder: Path, database: databases.Database) -> Iterator[worlds.World]:
    """Build the application over a database, with both hospitals in it."""
    create_key_files(folder / "keys")
    (folder / "auth-token").write_text("carrier-auth-token")
    settings = Settings(
        database_url=database.url,
        data_folder=folder / "data",
        keys_folder=folder / "keys",
        public_url="https://films.example",
        heads_file=folder / "heads.jsonl",
        minimum_free_bytes=1 << 20,
        decode_workers=1,
        twilio_account_sid="AC" + "0" * 32,
        twilio_auth_token_file=folder / "auth-token",
        twilio_from="+15005550006",
        log_format="plain",
    )
    parts = build_parts(settings)
    try:
        yield worlds.build(parts, database)
    finally:
        parts.decoder.close()
        parts.engine.dispose()
