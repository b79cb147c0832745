import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import redis
import requests

from app.core.settings import Settings
from demo import site as commands
from demo.site import Options, make_site
from demo.supervisor import Supervisor


def make_run(*arguments):
    command = [sys.executable, "-m", "demo.run", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(("option", "setting"), [("--http-port", "HTTP_PORT"), ("--dimse-port", "DIMSE_PORT")])
def test_port_in_use_is_one_sentence_and_exit_code_2(tmp_path, option, setting):
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
        other.close()
        ports = {"--http-port": free, "--dimse-port": free, option: taken.getsockname()[1]}
        done = make_run("--var", tmp_path / "var", *(part for pair in ports.items() for part in pair))
    assert done.returncode == 2
    assert done.stdout.count("\n") == 1
    assert f"Choose another one: {setting}=..." in done.stdout
    assert done.stderr == ""


def test_study_that_is_not_there_is_refused_before_anything_is_made(tmp_path):
    done = make_run("--var", tmp_path / "var", "--study", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "There is nothing at" in done.stderr
    assert not (tmp_path / "var").exists()


@pytest.fixture
def site(tmp_path):
    return make_site(Options(tmp_path / "v", 8080, 11112, demo=True, tls=False, study=None))


def test_queue_server_and_carrier_start_private_and_are_gone_afterwards(site):
    lock = site.premises.claim()
    supervisor = Supervisor(os.environ, lock, lambda line: None)
    try:
        supervisor.start("valkey", commands.valkey(site), ready="Ready to accept connections")
        url = supervisor.start("carrier", commands.carrier(site), ready=r"listening on (\S+)")
        with redis.Redis.from_url(f"unix://{site.premises.socket}") as client:
            assert client.ping()
            assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert site.premises.socket.stat().st_mode & 0o777 == 0o700
        assert requests.get(url).status_code == 401
    finally:
        supervisor.stop()
        os.close(lock)
    assert not site.premises.socket.exists()
    with pytest.raises(requests.ConnectionError):
        requests.get(url)


def test_settings_of_the_children_are_ones_that_filmpass_accepts(site):
    environment = commands.environment(site)
    accepted = Settings.from_env({k: v for k, v in environment.items() if k.startswith("FILMPASS_")})
    assert accepted.public_url == "http://127.0.0.1:8080"
    assert Path(accepted.twilio_auth_token_file).stat().st_mode & 0o777 == 0o600
