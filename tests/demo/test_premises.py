import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from demo import premises
from demo.premises import Premises, Trouble, check_port


def test_folder_and_secrets_belong_to_their_owner_only(tmp_path):
    place = Premises(tmp_path / "var")
    secret = place.secret("carrier_token")
    assert place.folder.stat().st_mode & 0o777 == secret.parent.stat().st_mode & 0o777 == 0o700
    assert secret.stat().st_mode & 0o777 == 0o600
    assert place.secret("carrier_token").read_text() == secret.read_text()
    assert len(secret.read_text().strip()) == 64


def test_folder_with_a_path_too_long_for_its_socket_is_refused(tmp_path):
    with pytest.raises(Trouble, match="too long for a socket"):
        Premises(tmp_path / ("v" * 110))


def test_second_supervisor_is_refused_with_a_sentence(tmp_path):
    place = Premises(tmp_path / "var")
    descriptor = place.claim()
    try:
        with pytest.raises(Trouble, match="already runs"):
            Premises(tmp_path / "var").claim()
    finally:
        os.close(descriptor)


_CLAIM_AND_BE_KILLED = """
import os, signal, subprocess, sys
from pathlib import Path
from demo.premises import Premises
lock = Premises(Path(sys.argv[1])).claim()
child = subprocess.Popen(["sleep", "60"], pass_fds=(lock,), stdout=subprocess.DEVNULL)
Path(sys.argv[1], "valkey.sock").touch()
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def leftover(tmp_path):
    command = [sys.executable, "-c", _CLAIM_AND_BE_KILLED, str(tmp_path / "var")]
    killed = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    assert killed.returncode == -signal.SIGKILL
    process_id = int(killed.stdout)
    yield process_id
    if Path(f"/proc/{process_id}/cmdline").exists() and b"sleep" in Path(f"/proc/{process_id}/cmdline").read_bytes():
        os.kill(process_id, signal.SIGKILL)


def test_next_start_waits_for_what_a_killed_supervisor_left_and_clears_its_socket(tmp_path, leftover):
    place = Premises(tmp_path / "var")
    threading.Timer(0.3, os.kill, (leftover, signal.SIGKILL)).start()
    descriptor = place.claim()
    os.close(descriptor)
    assert not place.socket.exists()


def test_leftovers_that_do_not_end_are_named(tmp_path, leftover, monkeypatch):
    monkeypatch.setattr(premises, "_LEFTOVERS_SECONDS", 1)
    with pytest.raises(Trouble, match="not ended yet"):
        Premises(tmp_path / "var").claim()


def test_port_in_use_is_said_with_what_moves_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Trouble, match=f"Port {port} cannot be used: Address already in use.*HTTP_PORT"):
            check_port("127.0.0.1", port, "HTTP_PORT")
    check_port("127.0.0.1", port, "HTTP_PORT")


def test_certificate_is_kept_and_made_anew_for_another_address(tmp_path):
    place = Premises(tmp_path / "var")
    certificate, key = place.certificate("192.0.2.7")
    first = certificate.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    assert place.certificate("192.0.2.7")[0].read_bytes() == first
    assert place.certificate("192.0.2.8")[0].read_bytes() != first


def test_certificate_is_trusted_by_who_is_handed_it(tmp_path):
    certificate, key = Premises(tmp_path / "var").certificate("192.0.2.7")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        trusting = ssl.create_default_context(cafile=str(certificate))
        with (
            socket.create_connection(listener.getsockname()) as plain,
            trusting.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
        ):
            secured.sendall(b"x")
        thread.join()
