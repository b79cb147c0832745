"""Row security of PostgreSQL, alone: raw SQL as the role that the application logs in as, without the application."""

import itertools
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import flask_migrate
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import JSON, create_engine, insert, make_url, text

from app.core.crypto import create_key_files
from app.core.identifiers import digest_of, new_id
from app.core.settings import Settings
from app.factory import build_engine, build_parts, create_app
from app.models.registry import Base, db
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import factories as make
from tests import servers
from tests.databases import ROOT

TABLES = Base.metadata.tables
OF_A_HOSPITAL = sorted(name for name, table in TABLES.items() if "hospital_id" in table.columns)
A, B = new_id(), new_id()
_numbers = itertools.count()
postgres = [pytest.mark.postgres, pytest.mark.parametrize("database", ["postgresql"], indirect=True)]


def _value(column, hospital):
    if column.name == "hospital_id" or (column.table.name == "hospital" and column.name == "id"):
        return hospital
    if isinstance(column.type, JSON):
        return {}
    kinds = {UUID: uuid4, object: lambda: datetime.now(UTC), date: date.today, bool: lambda: False}
    kinds |= {int: lambda: next(_numbers), bytes: lambda: uuid4().bytes, str: lambda: f"{column.name}-{next(_numbers)}"}
    return kinds[column.type.python_type]()


def _row(table, hospital):
    return {column.name: _value(column, hospital) for column in table.columns}


@pytest.fixture
def filled(database):
    """One row of hospital A and one of B in every table, put there past all fences."""
    address = make_url(database.owner_url).set(username=servers.SUPERUSER)
    engine = create_engine(address)
    rows = {(name, h): _row(table, h) for name, table in TABLES.items() for h in (A, B)}
    with engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        for (name, _), row in rows.items():
            connection.execute(insert(TABLES[name]).values(row))
    engine.dispose()
    return rows


@pytest.fixture
def raw(database):
    """A connection as the application's role."""
    address = make_url(database.url)
    with psycopg.connect(host=address.query["host"], user=address.username, dbname=address.database) as connection:
        yield connection


@contextmanager
def context(connection, **settings):
    """A transaction under a context, rolled back."""
    with connection.transaction(force_rollback=True):
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, true)", (f"filmpass.{name}", value))
        yield


def _select(connection, table, column="*"):
    what = sql.SQL("*") if column == "*" else sql.Identifier(column)
    return connection.execute(sql.SQL("SELECT {} FROM {}").format(what, sql.Identifier(table))).fetchall()


def _visible(connection):
    return {name for name in TABLES if _select(connection, name)}


def _insert(connection, table, row):
    values = [psycopg.types.json.Jsonb(v) if isinstance(v, dict) else v for v in row.values()]
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
    )
    return connection.execute(statement, values)


def _attempt(connection, statement):
    """Return how many rows a statement touched; 0 when it was refused."""
    try:
        with connection.transaction(force_rollback=True):
            return connection.execute(statement).rowcount
    except psycopg.errors.InsufficientPrivilege:
        return 0


class TestRowSecurity:
    pytestmark = postgres

    def test_the_application_is_neither_owner_nor_superuser(self, raw):
        user = raw.execute("SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert user.fetchone() == (servers.APP, False, False)
        owned = raw.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user")
        assert owned.fetchone() == (0,)

    def test_every_table_is_forced_under_a_policy(self, raw):
        rows = raw.execute(
            "SELECT relname, relrowsecurity AND relforcerowsecurity, has_table_privilege(oid, 'SELECT') FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        ).fetchall()
        forced = {name for name, is_forced, _ in rows if is_forced}
        readable = {name for name, _, may_read in rows if may_read}
        assert readable == set(TABLES)  # neither a partition by its own name nor the table of migrations
        assert readable <= forced

    def test_without_a_context_nothing_is_read(self, raw, filled):
        assert _visible(raw) == set()

    def test_without_a_context_nothing_is_written(self, raw, filled):
        for name, table in TABLES.items():
            with pytest.raises(psycopg.errors.InsufficientPrivilege), raw.transaction():
                _insert(raw, name, _row(table, A))
            column, quoted = sql.Identifier(next(iter(table.columns)).name), sql.Identifier(name)
            assert _attempt(raw, sql.SQL("UPDATE {} SET {} = {}").format(quoted, column, column)) == 0, name
            assert _attempt(raw, sql.SQL("DELETE FROM {}").format(quoted)) == 0, name
            with pytest.raises(psycopg.errors.InsufficientPrivilege), raw.transaction():
                raw.execute(sql.SQL("TRUNCATE {}").format(quoted))

    def test_a_hospital_sees_its_own_rows_and_no_others(self, raw, filled):
        with context(raw, hospital=str(A)):
            for name in OF_A_HOSPITAL:
                assert _select(raw, name, "hospital_id") == [(A,)], name
            assert _select(raw, "hospital", "id") == [(A,)]
            assert _visible(raw) == {*OF_A_HOSPITAL, "hospital"}

    def test_a_hospital_cannot_write_a_row_of_another(self, raw, filled):
        for name in OF_A_HOSPITAL:
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"),
                context(raw, hospital=str(A)),
            ):
                _insert(raw, name, _row(TABLES[name], B))
            move = sql.SQL("UPDATE {} SET hospital_id = {}").format(sql.Identifier(name), sql.Literal(str(B)))
            with pytest.raises(psycopg.errors.InsufficientPrivilege), context(raw, hospital=str(A)):
                raw.execute(move)

    def test_a_hospital_changes_only_its_own_rows(self, raw, filled):
        for name in sorted(set(OF_A_HOSPITAL) - {"audit_event"}):
            stay = sql.SQL("UPDATE {} SET hospital_id = hospital_id").format(sql.Identifier(name))
            with context(raw, hospital=str(A)):
                assert raw.execute(stay).rowcount == 1, name

    @pytest.mark.parametrize(
        ("setting", "table", "column"),
        [
            ("digest", "api_key", "credential_digest"),
            ("digest", "access_token", "digest"),
            ("digest", "session", "digest"),
            ("name", "hospital", "code"),
            ("name", "imaging_source", "called_ae_title"),
            ("attempt", "delivery_attempt", "id"),
        ],
    )
    def test_a_narrow_context_shows_one_row_and_changes_none(self, raw, filled, setting, table, column):
        known = filled[table, B][column]
        value = known.hex() if isinstance(known, bytes) else str(known)
        with context(raw, **{setting: value}):
            assert _visible(raw) == {table}
            assert _select(raw, table, column) == [(known,)]
            touch = sql.SQL("UPDATE {} SET {} = {}").format(*map(sql.Identifier, (table, column, column)))
            assert raw.execute(touch).rowcount == 0

    def test_a_worker_sees_work_events_and_hospitals_but_no_patient(self, raw, filled):
        with context(raw, worker="on"):
            assert _visible(raw) == {"outbox", "audit_event", "audit_leaf", "audit_checkpoint", "hospital"}
            assert raw.execute("UPDATE hospital SET name = name").rowcount == 0

    def test_the_audit_refuses_change_to_the_application_and_to_its_owner(self, raw, filled, database):
        for table in ("audit_event", "audit_leaf", "audit_checkpoint"):
            for statement in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege), context(raw, worker="on"):
                    raw.execute(statement.replace("SET id = id", f"SET {_key(table)} = {_key(table)}"))
        address = make_url(database.owner_url)
        with psycopg.connect(host=address.query["host"], user=address.username, dbname=address.database) as owner:
            for table in ("audit_event", "audit_leaf", "audit_checkpoint"):
                for statement in (f"UPDATE {table} SET {_key(table)} = {_key(table)}", f"DELETE FROM {table}"):
                    with pytest.raises(psycopg.errors.RaiseException, match="insert-only"), context(owner, worker="on"):
                        owner.execute(statement)

    def test_a_pooled_connection_carries_no_context_into_the_next_transaction(self, parts, filled):
        engine = create_engine(parts.settings.database_url, pool_size=1, max_overflow=0)
        pooled = replace(parts, engine=engine)
        count = text("SELECT count(*), pg_backend_pid() FROM patient")
        with unit_of_work(pooled, Scope(hospital=A)) as session:
            seen, process = session.execute(count).one()
        assert seen == 1
        with pytest.raises(ZeroDivisionError), unit_of_work(pooled, Scope(hospital=A)) as session:
            session.execute(count)
            raise ZeroDivisionError
        with engine.connect() as connection:
            assert connection.execute(count).one() == (0, process)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SELECT set_config('filmpass.hospital', :id, true)"), {"id": str(A)})
            assert connection.execute(count).one() == (0, process)
        engine.dispose()

    def test_a_reading_shows_no_row_of_another_hospital_to_the_application(self, parts, filled):
        with reading(parts, Scope(hospital=A)) as session:
            other = session.execute(text("SELECT count(*) FROM patient WHERE hospital_id = :b"), {"b": B}).scalar()
        assert other == 0


def _key(table):
    return "position" if table == "audit_leaf" else "id"


@pytest.mark.both_databases
def test_a_link_is_opened_under_the_applications_own_role(parts, client):
    case = make.make_case(parts)
    make.announce(parts, case)
    token = make.make_link(parts, case)
    form = {"token": token, "kind": "birth_date", "act": "check", "y": "1958", "m": "3", "d": "7"}
    answer = client.post("/s", data=form)
    assert answer.status_code == 303
    assert client.get(answer.location).status_code == 200


@pytest.mark.both_databases
def test_a_digest_names_its_row_only(parts):
    case, other = make.make_case(parts), make.make_case(parts, "yz2")
    token, opened = make.make_link(parts, case), make.open_link(parts, make.make_link(parts, other))
    with reading(parts, Scope(digest=digest_of(token))) as session:
        rows = session.execute(text("SELECT count(*) FROM access_token")).scalar()
        sessions = session.execute(text("SELECT count(*) FROM session")).scalar()
    if parts.engine.dialect.name == "postgresql":
        assert (rows, sessions) == (1, 0)
    else:  # SQLite has no second fence: the queries themselves name the row
        assert (rows, sessions) == (2, 1)
    assert opened.secret != token


def test_on_sqlite_triggers_refuse_to_change_the_audit(parts):
    make.make_case(parts)
    for statement in ("UPDATE audit_event SET actor = 'x'", "DELETE FROM audit_event"):
        with pytest.raises(Exception, match="insert-only"), unit_of_work(parts, Scope()) as session:
            session.execute(text(statement))


@pytest.fixture
def empty_database(request, tmp_path):
    """A database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server = request.getfixturevalue("postgres_server")
    name = f"filmpass_empty_{uuid4().hex[:12]}"
    server.create_database(name)
    yield server.url(name, servers.OWNER)
    server.drop_database(name)


@pytest.mark.parametrize(
    "empty_database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_migrations_go_up_down_and_up_again(empty_database, tmp_path):
    keys = tmp_path / "keys"
    create_key_files(keys)
    settings = Settings(
        database_url=empty_database, data_folder=tmp_path / "data", keys_folder=keys, public_url="https://films.example"
    )
    parts = build_parts(settings)
    tables = []
    try:
        with create_app(parts).app_context():
            for revision in ("head", "base", "head"):
                step = flask_migrate.downgrade if revision == "base" else flask_migrate.upgrade
                step(directory=str(ROOT / "migrations"), revision=revision)
                tables.append(_tables(empty_database))
            db.engine.dispose()
    finally:
        parts.engine.dispose()
        parts.decoder.close()
    assert tables[0] == tables[2] >= set(TABLES)
    assert tables[1] == {"alembic_version"}


def _tables(url):
    engine = build_engine(url)
    with engine.connect() as connection:
        names = set(engine.dialect.get_table_names(connection))
    engine.dispose()
    return names
