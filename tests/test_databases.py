"""Every database of a test is migrated, empty and fenced as in production."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.factory import build_engine
from app.models.base import Base


@pytest.mark.both_databases
def test_database_is_migrated_and_empty(parts):
    with parts.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM study")) == 0
        assert set(Base.metadata.tables) <= set(sa.inspect(connection).get_table_names())


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_application_does_not_own_its_tables(database):
    engine = build_engine(database.url)
    with engine.connect() as connection, pytest.raises(DBAPIError, match="owner"):
        connection.execute(sa.text("ALTER TABLE study DISABLE ROW LEVEL SECURITY"))
    engine.dispose()


@pytest.mark.both_databases
def test_client_speaks_to_the_real_application(client, database):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["database"] is True
