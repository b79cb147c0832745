"""The operator's commands, as they are typed."""

import json
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.identifiers import digest_of
from app.factory import create_app
from app.models.audit import AuditEvent
from app.models.hospitals import Hospital
from app.models.imaging import StoredObject
from app.models.notifications import Notification
from app.services import api_keys, hospitals, keys, objects, sources
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import factories
from tests.rules import tree

HOSPITAL = {
    "code": "yz1",
    "name": "云泽市第一人民医院",
    "message-name": "云泽一院",
    "time-zone": "Asia/Shanghai",
    "telephone": "0000-66001234",
    "issuer": "YZ1",
}
SOURCE = {"called": "FILMPASS", "calling": "PACS1", "network": "10.1.0.0/16", "issuer": "YZ1"}


def options(values: dict[str, str]) -> list[str]:
    return [part for name, value in values.items() for part in (f"--{name}", value)]


@pytest.fixture
def run(app):
    runner = app.test_cli_runner()

    def call(*arguments: str, code: int = 0):
        result = runner.invoke(args=list(arguments))
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    return call


@pytest.fixture
def added(run) -> dict[str, str]:
    return json.loads(run("hospital", "add", *options(HOSPITAL), "--json").stdout)


@pytest.mark.both_databases
def test_a_hospital_is_added_in_trial_mode_with_a_key_that_works(run, parts):
    added = json.loads(run("hospital", "add", *options(HOSPITAL), "--json").stdout)
    key = api_keys.living_key(parts, digest_of(added["api_key"]), "yz1")
    assert (str(key.client.hospital_id), key.is_of_named) == (added["id"], True)
    listed = json.loads(run("hospital", "list", "--json").stdout)
    assert listed == {"code": "yz1", "id": added["id"], "name": HOSPITAL["name"], "live": False}


def test_the_first_key_is_shown_once_and_said_to_be(run):
    shown = run("hospital", "add", *options(HOSPITAL)).stdout
    assert "shown this once" in shown
    assert shown.count("fpk_") == 1


def test_a_code_that_is_taken_is_refused(run, added):
    assert run("hospital", "add", *options(HOSPITAL), code=2).stderr == "The code yz1 is taken.\n"


def test_a_message_name_that_needs_two_parts_is_refused_with_the_count(run):
    long = HOSPITAL | {"message-name": "云泽市第一人民医院放射科影像中心" * 2}
    refused = run("hospital", "add", *options(long), code=2).stderr
    assert refused.startswith("--message-name: The Chinese SMS would be ")
    assert "UTF-16 units" in refused


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("code", "yz/1"),
        ("name", ""),
        ("message-name", "云泽\n一院"),
        ("message-name", "\u202e云泽一院"),  # it would turn the link around
        ("telephone", "0000\t66001234"),
        ("time-zone", "Mars/Olympus"),
        ("quiet-hours", "late"),
        ("facts", "shoe_size"),
        ("release", "images=soon,report=at-once"),
        ("release", "images=at-once"),
        ("release", '{"images": "at-once", "report": "at-once", "classes": [{"codes": "CT"}, {}]}'),
        ("release", "{"),
        ("language", "de"),
        ("tries", "0"),
        ("link-days", "9999"),
        ("replace-policy", "keep-all"),
    ],
)
def test_a_wrong_decision_is_refused_by_name(run, name, value):
    refused = run("hospital", "add", *options(HOSPITAL | {name: value}), code=2).stderr
    assert f"--{name}" in refused


@pytest.mark.both_databases
def test_decisions_are_kept_as_given_and_can_be_changed(run, added, parts):
    rule = {"images": "days:2", "report": "at-once"}
    short = ",".join(f"{door}={value}" for door, value in rule.items())
    run("hospital", "set", "yz1", "--release", short, "--facts", "id_last4, birth_date", "--tries", "7")
    run("hospital", "set", "yz1", "--telephone", "0000-1", "--quiet-hours", "none")
    with reading(parts, Scope(name="yz1")) as session:
        found = hospitals.profile_by_code(session, "yz1")
    assert found.policy["release"] == {"classes": [], "images": {"days": 2}, "report": "at-once"}
    assert found.policy["facts"] == ["id_last4", "birth_date"]
    assert (found.policy["tries"], found.policy["quiet_hours"], found.telephone) == (7, "none", "0000-1")
    assert found.name == HOSPITAL["name"]


def test_changing_nothing_is_a_mistake(run, added):
    assert "Name at least one option" in run("hospital", "set", "yz1", code=2).stderr


def test_an_unknown_hospital_is_refused_with_the_way_to_list_them(run):
    assert "flask hospital list" in run("hospital", "go-live", "nowhere", code=2).stderr


def test_going_live_works_once(run, added, parts):
    run("hospital", "go-live", "yz1")
    with reading(parts, Scope(name="yz1")) as session:
        assert session.scalars(select(Hospital)).one().live_at is not None
    assert "live already" in run("hospital", "go-live", "yz1", code=2).stderr


def test_a_trial_number_is_listed_and_not_repeated_in_the_output(run, added, parts):
    assert "138" not in run("hospital", "trial-number", "add", "yz1", "+8613800138000").output
    with reading(parts, Scope(name="yz1")) as session:
        profile = hospitals.profile_by_code(session, "yz1")
    index = keys.index_of(parts.keys, "phone", "+8613800138000")[1]
    with reading(parts, Scope(hospital=profile.id)) as session:
        assert hospitals.may_write_to(session, profile, index)
    assert "+86" in run("hospital", "trial-number", "add", "yz1", "13800138000", code=2).stderr


@pytest.mark.both_databases
def test_a_key_is_added_rotated_and_ended(run, added, parts):
    def living():
        lines = run("api-key", "list", "yz1", "--json").stdout.splitlines()
        return {row["label"]: row["id"] for row in map(json.loads, lines) if row["living"]}

    old = json.loads(run("api-key", "add", "yz1", "--label", "pacs", "--json").stdout)["api_key"]
    new = json.loads(run("api-key", "rotate", "yz1", living()["pacs"], "--json").stdout)["api_key"]
    for key, lives in ((old, False), (new, True)):
        assert (api_keys.living_key(parts, digest_of(key), "") is not None) is lives
    run("api-key", "end", "yz1", living()["pacs"])
    assert set(living()) == {"first"}
    assert "flask api-key list" in run("api-key", "end", "yz1", added["id"], code=2).stderr


@pytest.mark.both_databases
def test_a_source_is_added_listed_and_removed(run, parts):
    run("hospital", "add", *options(HOSPITAL))
    made = json.loads(run("source", "add", "yz1", *options(SOURCE), "--json").stdout)
    assert json.loads(run("source", "list", "yz1", "--json").stdout) == SOURCE | {
        "id": made["id"],
        "replace_policy": "keep-newest",
        "report_to": "",
        "certificate": "",
    }
    with reading(parts, Scope(name="FILMPASS")) as session:
        assert [str(item.id) for item in sources.sources_called(session, "FILMPASS")] == [made["id"]]
    run("source", "remove", "yz1", made["id"])
    assert run("source", "list", "yz1").stdout == ""
    assert "flask source list" in run("source", "remove", "yz1", made["id"], code=2).stderr


@pytest.mark.both_databases
def test_a_source_is_bound_to_a_certificate_and_told_at_an_address_until_it_is_not(run, parts):
    def listed():
        row = json.loads(run("source", "list", "yz1", "--json").stdout)
        return row["report_to"], row["certificate"]

    run("hospital", "add", *options(HOSPITAL))
    bound = {"report-to": "tls://[fd00::1]:2762", "certificate": ":".join(["AB"] * 32)}
    made = json.loads(run("source", "add", "yz1", *options(SOURCE | bound), "--json").stdout)
    assert listed() == ("tls://[fd00::1]:2762", "ab" * 32)
    run("source", "set", "yz1", made["id"], "--report-to", "10.1.2.3:104")
    assert listed() == ("10.1.2.3:104", "ab" * 32)
    run("source", "set", "yz1", made["id"], "--report-to", "", "--certificate", "")
    assert listed() == ("", "")
    run("source", "remove", "yz1", made["id"])
    assert "flask source list" in run("source", "set", "yz1", made["id"], "--certificate", "", code=2).stderr


@pytest.mark.both_databases
def test_a_source_that_would_be_mistaken_for_another_hospitals_is_refused(run):
    for code in ("yz1", "yz2"):
        run("hospital", "add", *options(HOSPITAL | {"code": code}))
    run("source", "add", "yz1", *options(SOURCE))
    inside = options(SOURCE | {"network": "10.1.2.0/24"})
    assert "overlapping" in run("source", "add", "yz2", *inside, code=2).stderr
    run("source", "add", "yz2", *options(SOURCE | {"network": "10.2.0.0/16"}))
    run("source", "add", "yz2", *options(SOURCE | {"network": "fd00::/8"}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("called", "MUCH-TOO-LONG-A-TITLE"),
        ("calling", "A\\B"),
        ("calling", "医院"),
        ("network", "10.1.2.3/16"),
        ("issuer", " "),
        ("replace-policy", "never"),
        ("report-to", "10.1.2.3"),
        ("report-to", "10.1.2.3:99999"),
        ("report-to", "https://10.1.2.3:104"),
        ("certificate", "ab" * 31),
    ],
)
def test_a_wrong_field_of_a_source_is_refused_by_name(run, added, name, value):
    assert f"--{name}" in run("source", "add", "yz1", *options(SOURCE | {name: value}), code=2).stderr


def test_the_audit_is_verified_and_a_changed_event_is_named(run, added, parts):
    from app.jobs import relay

    relay.tick(parts)
    assert "The audit fits: 2 events" in run("audit", "verify").stdout
    with reading(parts, Scope(worker=True)) as session:
        event = session.scalars(select(AuditEvent.id).order_by(AuditEvent.id)).first()
    with parts.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_event_no_update")
        connection.exec_driver_sql("UPDATE audit_event SET reason = 'other' WHERE id = ?", (event.hex,))
    assert f"event {event}" in run("audit", "verify", code=1).stderr


@pytest.mark.both_databases
def test_messages_that_failed_are_listed_without_a_number(run, parts):
    case = factories.make_case(parts)
    factories.announce(parts, case)
    assert run("messages", "failed").stdout == ""
    with unit_of_work(parts, case.scope) as session:
        message = session.scalars(select(Notification)).one()
        message.state, message.reason = "failed", "30003"
        message.updated_at = parts.clock() - timedelta(hours=50)
    shown = run("messages", "failed", "yz1").stdout
    assert shown == f"{message.id}  study {case.study}  failed  30003  2 d 2 h\n"
    assert json.loads(run("messages", "failed", "--json").stdout)["reason"] == "30003"


@pytest.mark.both_databases
def test_sweeping_removes_only_old_packs_that_no_row_names(run, parts, monkeypatch):
    case = factories.make_case(parts, pictures=1)
    orphan = objects.put(parts, b"k" * 32, "instance", [b"acknowledged to nobody"])
    unfinished = parts.store.create()
    unfinished.write(b"half")
    assert run("sweep").stdout == "Removed 0 orphan packs and 0 unfinished files.\n"
    monkeypatch.setattr("app.services.sweeping.GRACE_SECONDS", -60)
    assert run("sweep").stdout == "Removed 1 orphan packs and 1 unfinished files.\n"
    unfinished.close()
    with pytest.raises(FileNotFoundError):
        parts.store.read(orphan.pack_id, 0, 1)
    with reading(parts, case.scope) as session:
        for object_id in session.scalars(select(StoredObject.id)):
            assert objects.reader(session, parts, case.hospital, object_id).read()


def environment(settings) -> dict[str, str]:
    chosen = ("database_url", "data_folder", "keys_folder", "public_url", "log_format")
    ours = {f"FILMPASS_{name.upper()}": str(getattr(settings, name)) for name in chosen}
    return {**ours, "FILMPASS_DIMSE_HOST": "127.0.0.1", "FILMPASS_DIMSE_PORT": "0", "PYTHONUNBUFFERED": "1"}


def flask(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]


def test_without_keys_one_command_works_and_the_others_say_which(settings, tmp_path):
    ours = environment(settings) | {"FILMPASS_KEYS_FOLDER": str(tmp_path / "new")}
    add = flask("hospital", "add", *options(HOSPITAL))
    refused = subprocess.run(add, cwd=tree.ROOT, env=ours, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "flask keys init" in refused.stderr
    for expected in ("Made in", "Nothing to do."):
        made = subprocess.run(
            flask("keys", "init"), cwd=tree.ROOT, env=ours, capture_output=True, text=True, check=True
        )
        assert expected in made.stdout


def test_a_wrong_setting_is_a_sentence(settings):
    ours = environment(settings) | {"FILMPASS_SETTLE_SECONDS": "soon"}
    command = flask("hospital", "list")
    refused = subprocess.run(command, cwd=tree.ROOT, env=ours, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "FILMPASS_SETTLE_SECONDS is a whole number." in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_port_that_is_taken_is_a_sentence(parts):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = replace(parts.settings, dimse_host="127.0.0.1", dimse_port=taken.getsockname()[1])
        runner = create_app(replace(parts, settings=settings)).test_cli_runner()
        refused = runner.invoke(args=["run-scp"])
    assert refused.exit_code == 2
    assert "Address already in use" in refused.stderr
    assert "FILMPASS_DIMSE_PORT" in refused.stderr


@pytest.mark.parametrize("name", ["worker", "relay", "scp"])
def test_a_long_running_process_says_when_it_is_ready_and_ends_on_sigterm(settings, name):
    process = subprocess.Popen(
        flask(f"run-{name}"), cwd=tree.ROOT, env=environment(settings), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == f"{name}: ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
