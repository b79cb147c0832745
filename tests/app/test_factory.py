"""How the parts are put together."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.factory import build_engine


def test_a_sqlite_connection_that_can_no_longer_write_is_not_given_to_the_next(tmp_path):
    """SQLite falls back to reading when a file cannot be opened for writing, and stays so."""
    engine = build_engine(f"sqlite:///{tmp_path}/index.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept (number INTEGER)"))
        connection.execute(text("PRAGMA query_only = ON"))
    write = text("INSERT INTO kept VALUES (1)")
    with pytest.raises(OperationalError, match="readonly"), engine.begin() as connection:
        connection.execute(write)
    with engine.begin() as connection:
        connection.execute(write)
    engine.dispose()
