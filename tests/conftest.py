"""What every test may ask for: a database of either kind, the parts of the application, a client."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import redis

from app.core.crypto import create_key_files
from app.core.settings import Settings
from app.factory import build_parts, create_app
from tests import databases, network, servers

ALLOWED_SKIPS = ("shared samples", "this machine allows no mount namespace")
"""How the reason begins where a skip is no failure: real samples that are not part of the project are absent, or a kernel
grants what no installation can bring (the full disk is then tested by a file size limit alone)."""

hypothesis.settings.register_profile("house", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("house")
_undeclared_skips: list[str] = []


def pytest_configure(config):
    config.addinivalue_line("markers", "both_databases: runs on SQLite and on PostgreSQL")


def pytest_generate_tests(metafunc):
    if metafunc.definition.get_closest_marker("both_databases"):
        both = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
        metafunc.parametrize("database", both, indirect=True)


def pytest_collection_modifyitems(items):
    """Whatever walks a story or starts processes of its own belongs to the lane of flows, not to that of units."""
    here = Path(__file__).parent
    for item in items:
        room = item.path.relative_to(here).parts
        if room[0] in {"flows", "demo"} or room[-1] in {"test_cli.py", "test_decode_worker.py", "test_stand.py"}:
            item.add_marker("flow")


def pytest_runtest_logreport(report):
    _note_skip(report)


def pytest_collectreport(report):
    _note_skip(report)


def _note_skip(report) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if not reason.startswith(ALLOWED_SKIPS):
            _undeclared_skips.append(f"{report.nodeid}: {reason}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """Fail where nobody would see a skip."""
    in_ci = os.environ.get("CI") == "true" or os.environ.get("FILMPASS_CI") == "1"
    if in_ci and _undeclared_skips and not hasattr(session.config, "workerinput"):
        session.exitstatus = max(session.exitstatus, pytest.ExitCode.TESTS_FAILED)


def pytest_terminal_summary(terminalreporter):
    for skip in _undeclared_skips:
        terminalreporter.write_line(f"SKIPPED {skip}", yellow=True)


@pytest.fixture(scope="session", autouse=True)
def _network() -> Iterator[None]:
    with network.loopback_only():
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.PostgresServer]:
    """The PostgreSQL that all workers share when scripts/check started one; else one of this process."""
    if folder := os.environ.get("FILMPASS_TEST_POSTGRES"):
        yield servers.PostgresServer(Path(folder))
        return
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    """The Valkey that all workers share when scripts/check started one; else one of this process."""
    if address := os.environ.get("FILMPASS_TEST_VALKEY"):
        yield address
        return
    with servers.valkey() as address:
        yield address


@pytest.fixture
def redis_url(valkey_server, worker_id) -> str:
    """An empty numbered database of the shared Valkey, of this worker alone."""
    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw"))
    url = f"{valkey_server}?db={number}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory) -> Path:
    """A SQLite file that the migrations made, once for each worker."""
    folder = tmp_path_factory.mktemp("template")
    template = folder / "filmpass.db"
    databases.migrate(f"sqlite:///{template}", folder)
    return template


@pytest.fixture
def database(request, tmp_path, sqlite_template) -> Iterator[databases.Database]:
    """A migrated, empty database: SQLite, and PostgreSQL as well for a test marked `both_databases`."""
    if getattr(request, "param", "sqlite") == "sqlite":
        with databases.sqlite(sqlite_template, tmp_path) as made:
            yield made
    else:
        with databases.postgresql(request.getfixturevalue("postgres_server"), tmp_path) as made:
            yield made


@pytest.fixture
def settings(database, tmp_path) -> Settings:
    """An installation in a folder of its own, served over TLS, without Redis."""
    keys = tmp_path / "keys"
    create_key_files(keys)
    return Settings(
        database_url=database.url,
        data_folder=tmp_path / "data",
        keys_folder=keys,
        public_url="https://films.example",
        heads_file=tmp_path / "heads.jsonl",
        minimum_free_bytes=1 << 20,
        decode_workers=1,
        log_format="plain",
    )


@pytest.fixture
def synced(monkeypatch) -> list[Path]:
    """The files and folders that this process syncs from here on, in order."""
    found, fsync = [], os.fsync

    def noting(descriptor: int) -> None:
        found.append(Path(f"/proc/self/fd/{descriptor}").resolve())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    return found


@pytest.fixture
def parts(settings):
    """The real parts over `settings`; what they hold is given back."""
    built = build_parts(settings)
    yield built
    built.decoder.close()
    built.engine.dispose()


@pytest.fixture
def app(parts):
    return create_app(parts)


@pytest.fixture
def client(app):
    """A browser or a hospital's system, as a TLS proxy hands it on."""
    client = app.test_client()
    client.environ_base["wsgi.url_scheme"] = "https"
    return client
