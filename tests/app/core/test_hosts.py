"""A SQLite database belongs to one host, whatever its file system says about locks."""

import os
import subprocess
import sys
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

from app.core import hosts
from app.core.hosts import claim_for_this_host
from app.core.settings import SettingsError
from tests.app.test_cli import environment
from tests.rules import tree


@pytest.fixture
def sqlite(tmp_path):
    return tmp_path / "filmpass.db"


@pytest.fixture
def move_to(monkeypatch, tmp_path):
    """Become another host, which sees the same folders."""

    def move(name: str) -> None:
        machine_id = tmp_path / f"machine-id-of-{name}"
        machine_id.write_text(f"{name}\n")
        monkeypatch.setattr(hosts, "MACHINE_ID", machine_id)
        monkeypatch.setattr(hosts.socket, "gethostname", lambda: name)

    return move


def test_the_first_host_keeps_its_database_and_another_is_refused_by_name(sqlite, move_to):
    move_to("one")
    claim_for_this_host(sqlite)
    claim_for_this_host(sqlite)
    move_to("two")
    with pytest.raises(SettingsError, match=r"belongs to the host one,.*PostgreSQL.*rm "):
        claim_for_this_host(sqlite)
    move_to("one")
    claim_for_this_host(sqlite)


def test_the_command_that_the_refusal_names_lets_a_restored_copy_start(sqlite, move_to):
    move_to("one")
    claim_for_this_host(sqlite)
    move_to("two")
    with pytest.raises(SettingsError) as refused:
        claim_for_this_host(sqlite)
    subprocess.run(["sh", "-c", str(refused.value).rpartition("with: ")[2]], check=True)
    claim_for_this_host(sqlite)
    move_to("one")
    with pytest.raises(SettingsError, match="host two"):
        claim_for_this_host(sqlite)


def test_of_many_that_start_at_once_one_host_has_it_and_nothing_else_is_left(sqlite, move_to):
    move_to("one")
    with ThreadPool(8) as pool:
        pool.map(claim_for_this_host, [sqlite] * 40)
    assert [path.name for path in sqlite.parent.iterdir() if "machine-id" not in path.name] == ["filmpass.db.host"]


def test_a_machine_without_an_id_goes_by_its_name(sqlite, move_to, monkeypatch, tmp_path):
    move_to("one")
    monkeypatch.setattr(hosts, "MACHINE_ID", tmp_path / "absent")
    claim_for_this_host(sqlite)
    claim_for_this_host(sqlite)
    monkeypatch.setattr(hosts.socket, "gethostname", lambda: "two")
    with pytest.raises(SettingsError, match="host one"):
        claim_for_this_host(sqlite)


def test_the_id_of_the_machine_is_not_written_down(sqlite):
    claim_for_this_host(sqlite)
    written = sqlite.with_name("filmpass.db.host").read_text()
    assert not hosts.MACHINE_ID.exists() or hosts.MACHINE_ID.read_text().strip() not in written


def test_a_folder_that_is_not_there_is_said_in_a_sentence(tmp_path):
    with pytest.raises(SettingsError, match="No such file"):
        claim_for_this_host(tmp_path / "absent" / "filmpass.db")


def test_no_process_starts_over_the_database_of_another_host(settings):
    Path(settings.database_url.removeprefix("sqlite:///") + ".host").write_text("0123 elsewhere\n")
    for command in (["flask", "--app", "wsgi", "run-relay"], ["gunicorn", "wsgi:application", "--check-config"]):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tree.ROOT, env=os.environ | environment(settings), timeout=30,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode
        assert "belongs to the host elsewhere" in done.stderr
