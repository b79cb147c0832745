"""The clients: STOW-RS over kept connections, DCMTK's storescu, and wrk. Both sides are sent the same, by the same."""

import http.client
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.corpus import Study
from bench.sides import Side
from tests.stand import CALLING

_BOUNDARY = "bench-of-filmpass"
_LIMIT = 300  # seconds; nothing takes that long
_MEMORY = Path("/dev/shm")  # what is sent is read from memory, where there is such a folder
_PATHS_SCRIPT = Path(__file__).with_name("paths.lua")


def stow(side: Side, studies: list[Study], per_request: int) -> float:
    """Store studies by STOW-RS, each by a client of its own; returns the seconds from first to last byte."""
    bodies = [
        [_multipart(study.files[n : n + per_request]) for n in range(0, len(study.files), per_request)]
        for study in studies
    ]
    start = threading.Barrier(len(studies) + 1)

    def client(requests: list[bytes]) -> None:
        connection = http.client.HTTPConnection(urlsplit(side.base_url).netloc, timeout=_LIMIT)
        start.wait(_LIMIT)
        for body in requests:
            connection.request("POST", side.stow_path, body, _stow_headers(side))
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{side.name} answered STOW with {answer.status}")
        connection.close()

    with ThreadPoolExecutor(len(studies)) as pool:
        clients = [pool.submit(client, requests) for requests in bodies]
        start.wait(_LIMIT)
        started = time.perf_counter()
        for finished in clients:
            finished.result()
        took = time.perf_counter() - started
    _check(side, studies)
    return took


def stow_mixed(side: Side, studies: list[Study]) -> None:
    """Store several small studies in one request."""
    connection = http.client.HTTPConnection(urlsplit(side.base_url).netloc, timeout=_LIMIT)
    body = _multipart([file for study in studies for file in study.files])
    connection.request("POST", side.stow_path, body, _stow_headers(side))
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{side.name} answered STOW with {answer.status}")


def _stow_headers(side: Side) -> dict[str, str]:
    kind = f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}'
    return {**side.headers, "Content-Type": kind, "Accept": "application/dicom+json"}


def _multipart(files: list[bytes]) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(part for file in files for part in (head, file, b"\r\n")) + f"--{_BOUNDARY}--\r\n".encode()


def _check(side: Side, studies: list[Study]) -> None:
    for study in studies:
        if (received := side.received(study.uid)) != len(study.files):
            raise RuntimeError(f"{side.name} holds {received} of {len(study.files)} instances")


@contextmanager
def in_folders(studies: list[Study]) -> Iterator[list[Path]]:
    """Write studies as files, a folder each."""
    with tempfile.TemporaryDirectory(prefix="filmpass-bench-", dir=_MEMORY if _MEMORY.is_dir() else None) as parent:
        folders = [Path(parent, study.mark) for study in studies]
        for folder, study in zip(folders, studies, strict=True):
            folder.mkdir()
            for number, file in enumerate(study.files):
                (folder / f"{number:04d}").write_bytes(file)
        yield folders


def c_store(side: Side, studies: list[Study]) -> float:
    """Store studies by DCMTK's storescu, an association each; returns the seconds."""
    command = ["storescu", "-aet", CALLING, "-aec", side.called_ae_title, "+sd", "127.0.0.1", str(side.dimse_port)]
    environment = {**os.environ, "TCP_NODELAY": "1"}
    with in_folders(studies) as folders:
        started = time.perf_counter()
        senders = [subprocess.Popen([*command, folder], env=environment) for folder in folders]
        codes = [sender.wait(_LIMIT) for sender in senders]
        took = time.perf_counter() - started
    if any(codes):
        raise RuntimeError(f"storescu ended with {codes} at {side.name}")
    _check(side, studies)
    return took


@dataclass(frozen=True)
class Load:
    """What wrk saw, and the CPU that the server used meanwhile."""

    requests: int
    failed: int
    seconds: float
    p99_ms: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of CPU an answer."""
        return self.cpu_seconds / self.requests * 1000


def wrk(side: Side, paths: list[str], headers: dict[str, str], *, connections: int, seconds: int) -> Load:
    """Ask for paths in turn over some connections; any answer but 200 ends the bench."""
    with wrk_running(side, paths, headers, connections=connections, seconds=seconds) as process:
        before = side.cpu()
        output, _ = process.communicate(timeout=seconds + _LIMIT)
        used = side.cpu() - before
    load = Load(**json.loads(output.strip().splitlines()[-1]), cpu_seconds=used)
    if load.failed or not load.requests:
        raise RuntimeError(f"{side.name}: {load.failed} of {load.requests} requests failed")
    return load


@contextmanager
def wrk_running(
    side: Side, paths: list[str], headers: dict[str, str], *, connections: int, seconds: int
) -> Iterator[subprocess.Popen[str]]:
    """Run wrk beside other work."""
    with tempfile.NamedTemporaryFile("w", prefix="filmpass-bench-") as file:
        file.writelines(f"{path}\n" for path in paths)
        file.flush()
        said = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        shape = ["-t", "1", "-c", str(connections), "-d", f"{seconds}s"]
        command = ["wrk", *shape, *said, "-s", str(_PATHS_SCRIPT), side.base_url, "--", file.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()
