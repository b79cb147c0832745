"""The servers for the tests keep their promises: real, restricted roles, and gone with the process that started them."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from tests import servers

_STARTS_BOTH_AND_IS_KILLED = """
import os, signal
from pathlib import Path
import redis
from tests import servers
with servers.postgres() as database, servers.valkey() as address:
    client = redis.Redis.from_url(address)
    print(Path(database.folder, "data", "postmaster.pid").read_text().split()[0], client.info()["process_id"], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def server():
    with servers.postgres() as running:
        yield running


@pytest.mark.postgres
def test_app_role_can_neither_create_tables_nor_bypass_row_security(server):
    server.create_database("roles")
    host = str(server.folder)
    with (
        psycopg.connect(host=host, user=servers.APP, dbname="roles") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TABLE anything (id integer)")
    with server.administrator() as connection:
        rows = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = ANY(%s)",
            ([servers.APP, servers.OWNER],),
        ).fetchall()
    assert rows == [(False, False, False, False)] * 2


@pytest.mark.postgres
def test_template_is_migrated_once_and_copied(server):
    migrated = []

    def migrate(url: str) -> None:
        migrated.append(url)
        with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
            connection.execute("CREATE TABLE study AS SELECT 7 AS number")

    for name in ("first", "second"):
        server.create_database(name, template=server.migrated_template("tables", migrate))
    assert len(migrated) == 1
    with psycopg.connect(host=str(server.folder), user=servers.OWNER, dbname="second") as connection:
        assert connection.execute("SELECT number FROM study").fetchone() == (7,)


@pytest.mark.postgres
def test_database_can_be_durable():
    with servers.postgres(fsync=True) as server, server.administrator() as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


@pytest.mark.postgres
def test_both_servers_end_when_their_process_is_killed():
    with subprocess.Popen([sys.executable, "-c", _STARTS_BOTH_AND_IS_KILLED], stdout=subprocess.PIPE) as child:
        process_ids = [int(number) for number in child.stdout.read().split()]
    assert child.returncode == -signal.SIGKILL
    assert len(process_ids) == 2
    assert all(map(_ends_within_ten_seconds, process_ids))


def _ends_within_ten_seconds(process_id: int) -> bool:
    try:
        descriptor = os.pidfd_open(process_id)
    except ProcessLookupError:
        return True
    with os.fdopen(descriptor):
        return bool(select.select([descriptor], [], [], 10)[0])


def test_valkey_starts_empty_and_is_gone_afterwards():
    with servers.valkey() as address:
        client = redis.Redis.from_url(address)
        assert client.dbsize() == 0
        client.close()
    assert not Path(address.removeprefix("unix://")).exists()
