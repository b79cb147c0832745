"""S3 servers for the tests, and a line to one of them that fails on demand."""

import hashlib
import http.client
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from tests.stand import free_port

BUCKET = "films"
STORE = f"s3://{BUCKET}/one/installation"
_S3RVER = Path(__file__).parent.parent / ".cache/node/node_modules/s3rver/bin/s3rver.js"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "S3RVER",  # the one that s3rver knows
    "AWS_SECRET_ACCESS_KEY": "S3RVER",
    "AWS_DEFAULT_REGION": "us-east-1",
    "NO_PROXY": "127.0.0.1",
}


@contextmanager
def moto() -> Iterator[str]:
    """Run moto's server on threads of the test; yields its address, with an empty bucket."""
    from moto.server import ThreadedMotoServer  # which takes half a second to load

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield _with_bucket(f"http://{host}:{port}")
    finally:
        server.stop()


@contextmanager
def s3rver(folder: Path) -> Iterator[str]:
    """Run s3rver over a folder; yields its address, with an empty bucket."""
    if not _S3RVER.exists():
        pytest.skip("s3rver is not there; scripts/check brings it")
    port = free_port()
    command = ["node", _S3RVER, "--directory", folder, "--address", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert any("listening" in line for line in process.stdout), "s3rver did not start"
            threading.Thread(target=process.stdout.read, daemon=True).start()  # its pipe must not fill up
            yield _with_bucket(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


def _with_bucket(address: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        client = boto3.client("s3", endpoint_url=address)
        client.create_bucket(Bucket=BUCKET)
        client.close()
    return address


class Line:
    """What lies between us and a store. While it is `down`, whoever connects is hung up on."""

    def __init__(self, behind: str) -> None:
        self.behind = urlsplit(behind)
        self.down = False
        self.faults: list[tuple[str, str]] = []
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def fail(self, method: str, *faults: str) -> None:
        """Let the next requests of a method fail, one fault each: a status to answer, or one of these.

        `cut`: half the body arrives; `damage`: one bit of it changes; `lose`: no answer; `short`: half an answer.
        """
        self.faults += [(method, fault) for fault in faults]

    def fault_of(self, method: str) -> str:
        """Spend the first fault of a method."""
        found = next((item for item in self.faults if item[0] == method), None)
        if found is None:
            return ""
        self.faults.remove(found)
        return found[1]

    def close(self) -> None:
        """Cut the line: from here on connections are refused."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        line = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10

            def pass_on(self) -> None:
                self.close_connection = True
                if line.down:
                    return
                fault, size = line.fault_of(self.command), int(self.headers.get("Content-Length") or 0)
                line.requests.append(self.command)
                body = self.rfile.read(size // 2 if fault == "cut" else size)
                if fault == "damage":
                    body = body[:-1] + bytes([body[-1] ^ 1])
                if fault.isdigit():
                    self.answer(int(fault), {}, b"")
                elif self.command == "PUT" and fault != "cut" and not self.is_as_sent(body):
                    self.answer(400, {}, b"<Error><Code>BadDigest</Code></Error>")
                elif fault != "cut":
                    answer = self.ask(body)
                    if fault != "lose":
                        self.answer(*answer, whole=fault != "short")

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = pass_on  # noqa: N815  as the library calls them

            def is_as_sent(self, body: bytes) -> bool:
                """Check as S3 does, which the servers behind leave out."""
                return self.headers["Content-MD5"] == b64encode(hashlib.md5(body).digest()).decode()

            def ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
                connection = http.client.HTTPConnection(line.behind.hostname, line.behind.port, timeout=10)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
                connection.request(self.command, self.path, body or None, headers)
                answer = connection.getresponse()
                told = {name: value for name, value in answer.getheaders() if name.lower() != "transfer-encoding"}
                data = answer.read()
                connection.close()
                return answer.status, told, data

            def answer(self, status: int, headers: dict[str, str], data: bytes, *, whole: bool = True) -> None:
                self.send_response_only(status)
                for name, value in ({"Content-Length": str(len(data))} | headers | {"Connection": "close"}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data if whole else data[: len(data) // 2])

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def line_to(behind: str) -> Iterator[Line]:
    """Lay a line to a store."""
    line = Line(behind)
    try:
        yield line
    finally:
        line.close()


def in_this_process() -> Iterator[None]:
    """Give this process the credentials of the test stores, as an installation's environment would."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        yield
