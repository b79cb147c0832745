"""Pixel data of strangers is decoded in child processes with limits, that may die without harm.

A child is a fresh interpreter, started once and kept. It gets no environment, and before the first file it gives up
what it does not need: memory beyond a limit, new descriptors (so no files, no network), writing, core dumps, root.
It speaks over one socket: a file in, messages out. What it says is checked like any input.

References
----------
Published files abort GDCM and inflate 512 KB to 1.6 GB; setrlimit(2), prctl(2).
"""

import codecs
import contextlib
import ctypes
import json
import logging
import mmap
import os
import queue
import resource
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from struct import Struct
from typing import Any, BinaryIO, Self, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.charset import python_encoding
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from app.dicom.geometry import Edges
from app.dicom.pictures import MAX_FRAMES, FramePicture, InstanceFacts, pictures
from app.dicom.render import Code, Jpeg, NotRenderable, VoiFunction, Window

SECONDS_PER_FRAME = 0.25  # what each frame adds to the time of an instance
_START_SECONDS = 60.0
_NOBODY = 65534
_MESSAGE_LIMIT = 16 << 20  # bytes; three JPEGs are far below
_PR_SET_NO_NEW_PRIVS = 38
_LENGTH = Struct("!Q")
_PARTS = Struct("!IIIII")  # lengths of the JSON, the preview, the small picture, the thumbnail, the key image
_PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class RenderedInstance:
    """All pictures of an instance.

    `facts` is None when not even they could be read. `frames` has an entry for each frame, in the order of the file,
    or one alone when the number of frames is unknown or the instance has no pictures at all.
    """

    facts: InstanceFacts | None
    frames: tuple[FramePicture | NotRenderable, ...]


class DecodePool:
    """Children that decode and render, one instance each at a time; safe to use from several threads.

    Parameters
    ----------
    workers : int
        Children; each is started when it is first needed, and again after a death.
    memory_bytes : int
        What decoding one instance may take beyond the child's own size.
    seconds_per_instance : float
        Time for an instance; `SECONDS_PER_FRAME` more for each of its frames.
    """

    def __init__(self, workers: int = 2, *, memory_bytes: int = 1 << 30, seconds_per_instance: float = 20.0) -> None:
        self._workers, self._memory, self._seconds = workers, memory_bytes, seconds_per_instance
        self._idle: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(workers):
            self._idle.put(None)

    def render(self, file_bytes: bytes) -> RenderedInstance:
        """Render an instance; waits for a free child.

        Parameters
        ----------
        file_bytes : bytes
            A PS3.10 file.

        Returns
        -------
        RenderedInstance
            What cannot be shown is in it as `NotRenderable`; no file makes this method raise.
        """
        child = self._idle.get()
        try:
            child = child or _Child(self._memory, self._seconds)
            return _collected(child.render(file_bytes))
        except BaseException:  # whatever stopped us half-way: the rest of this answer must not become the next one's
            if child:
                child.end()
            raise
        finally:
            self._idle.put(child if child and child.alive else None)

    def close(self) -> None:
        """End the children, once they are free."""
        for child in [self._idle.get() for _ in range(self._workers)]:
            if child:
                child.end()
            self._idle.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _collected(messages: Iterator[InstanceFacts | FramePicture]) -> RenderedInstance:
    facts: InstanceFacts | None = None
    frames: list[FramePicture | NotRenderable] = []
    reason = NotRenderable(Code.DECODER_FAILED, "The decoder gave fewer frames than announced.")
    try:
        for message in messages:
            if isinstance(message, InstanceFacts):
                facts = message
            elif facts and len(frames) < facts.number_of_frames:
                frames.append(message)
    except NotRenderable as refusal:
        reason = refusal
    missing = (facts.number_of_frames if facts else 1) - len(frames)
    frames.extend([reason] * missing)
    return RenderedInstance(facts, tuple(frames))


class _Child:
    """One child, seen from the parent."""

    def __init__(self, memory_bytes: int, seconds: float) -> None:
        self._memory, self._seconds = memory_bytes, seconds
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
                [sys.executable, "-m", "app.dicom.decode_worker", str(memory_bytes), str(seconds)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # decoders quote the files that they fail on
                cwd=_PROJECT,
                env={"PYTHONPATH": str(_PROJECT), "OPENBLAS_NUM_THREADS": "1"},  # no secret of ours
                start_new_session=True,  # a Ctrl-C is the parent's to handle; the child ends with the socket
            )
        self.alive = True
        try:
            self._receive(time.monotonic() + _START_SECONDS, 1)
        except (EOFError, OSError) as error:
            self.end()
            raise RuntimeError("The decoding child does not start.") from error

    def render(self, file_bytes: bytes) -> Iterator[InstanceFacts | FramePicture]:
        """Send a file, give what comes back; a child that breaks a limit or the protocol is ended."""
        if len(file_bytes) >= self._memory:
            raise NotRenderable(Code.TOO_LARGE, "The instance is larger than the memory for decoding it.")
        try:
            yield from self._messages(file_bytes)
        except TimeoutError:
            self.end()
            raise NotRenderable(Code.OUT_OF_TIME, "Decoding took longer than it may.") from None
        except (OSError, ValueError, KeyError, TypeError, EOFError):
            self.end()
            raise NotRenderable(Code.DECODER_FAILED, "The decoder ended on this file.") from None

    def _messages(self, file_bytes: bytes) -> Iterator[InstanceFacts | FramePicture]:
        deadline, frames = time.monotonic() + self._seconds, 0
        self._send(file_bytes, deadline)
        while (message := self._next_message(deadline)) is not None:
            if isinstance(message, InstanceFacts):
                if frames:
                    raise ValueError("Facts are said once.")
                frames = message.number_of_frames
                deadline += frames * SECONDS_PER_FRAME
            yield message

    def end(self) -> None:
        """Kill the process and wait for it."""
        self.alive = False
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def _send(self, file_bytes: bytes, deadline: float) -> None:
        self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
        self._socket.sendall(_LENGTH.pack(len(file_bytes)))
        self._socket.sendall(file_bytes)

    def _receive(self, deadline: float, size: int) -> bytes:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            count = self._socket.recv_into(view)
            if not count:
                raise EOFError
            view = view[count:]
        return bytes(data)

    def _next_message(self, deadline: float) -> InstanceFacts | FramePicture | None:
        sizes = _PARTS.unpack(self._receive(deadline, _PARTS.size))
        if sum(sizes) > _MESSAGE_LIMIT:
            raise ValueError("A message is too long.")
        text, *blobs = (self._receive(deadline, size) for size in sizes)
        return _parse_message(json.loads(text), blobs)


def _encode_message(item: InstanceFacts | FramePicture | NotRenderable | None) -> bytes:
    jpegs: tuple[Jpeg | None, ...] = ()
    if isinstance(item, InstanceFacts):
        message: dict[str, Any] = {"facts": asdict(item)}
    elif isinstance(item, FramePicture):
        jpegs = (item.preview, item.small, item.thumbnail, item.key_image)
        message = {
            "sizes": [[jpeg.width, jpeg.height] if jpeg else [0, 0] for jpeg in jpegs],
            "window": item.window and [item.window.center, item.window.width, item.window.function],
            "edges": item.edges and [item.edges.left, item.edges.right, item.edges.top, item.edges.bottom],
            "slice_position": item.slice_position,
        }
    else:
        message = {"code": item.code, "reason": item.reason} if item else {}
    text = json.dumps(message).encode()
    blobs = [jpeg.data if jpeg else b"" for jpeg in (*jpegs, *[None] * 4)[:4]]
    return b"".join((_PARTS.pack(len(text), *map(len, blobs)), text, *blobs))


def _parse_message(message: Any, blobs: list[bytes]) -> InstanceFacts | FramePicture | None:
    """Read a message of a child, which may have been taken over by a file; None is the end of an instance."""
    if not isinstance(message, dict):
        raise TypeError("A message is an object.")
    if not message:
        return None
    if "code" in message:
        raise NotRenderable(Code(message["code"]), str(message["reason"])[:200])
    if facts := message.get("facts"):
        count = int(facts["number_of_frames"])
        if not 1 <= count <= MAX_FRAMES:
            raise ValueError("The number of frames is out of range.")
        return InstanceFacts(
            number_of_frames=count,
            view=str(facts["view"])[:40],
            burned_in_annotation=bool(facts["burned_in_annotation"]),
        )
    first, *others = (_parse_jpeg(blob, *size) for blob, size in zip(blobs, message["sizes"], strict=True))
    if first is None or others[0] is None:
        raise ValueError("A frame has no picture.")
    window, position = message["window"], message["slice_position"]
    return FramePicture(
        preview=first,
        small=others[0],
        window=Window(float(window[0]), float(window[1]), VoiFunction(window[2])) if window else None,
        edges=Edges(*(word and str(word)[:1] for word in message["edges"])) if message["edges"] else None,
        slice_position=None if position is None else float(position),
        thumbnail=others[1],
        key_image=others[2],
    )


def _parse_jpeg(data: bytes, width: int, height: int) -> Jpeg | None:
    if data and not data.startswith(b"\xff\xd8\xff"):
        raise ValueError("A picture is no JPEG.")
    return Jpeg(data, int(width), int(height)) if data else None


def _allow_cpu(seconds: float) -> None:
    """Limit the CPU time from now on, so that a child whose parent is gone ends too."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _serve(channel: socket.socket, seconds: float) -> None:
    with channel.makefile("rb", buffering=0) as requests:
        while len(head := requests.read(_LENGTH.size) or b"") == _LENGTH.size:
            (length,) = _LENGTH.unpack(head)
            _allow_cpu(seconds)
            with mmap.mmap(-1, max(length, 1)) as file:
                _receive_into(channel, memoryview(file)[:length])
                for answer in _answers(cast("BinaryIO", file)):
                    if isinstance(answer, InstanceFacts):
                        _allow_cpu(seconds + answer.number_of_frames * SECONDS_PER_FRAME)
                    channel.sendall(_encode_message(answer))


def _answers(file: BinaryIO) -> Iterator[InstanceFacts | FramePicture | NotRenderable | None]:
    try:
        yield from pictures(file)
    except NotRenderable as reason:
        yield reason
    else:
        yield None


def _receive_into(channel: socket.socket, view: memoryview) -> None:
    with view:
        done = 0
        while done < len(view):
            count = channel.recv_into(view[done:])
            if not count:
                raise EOFError
            done += count


def _warm_up() -> None:
    """Import and run what rendering needs, while files can still be opened."""
    Image.init()
    for codec in set(python_encoding.values()):
        codecs.lookup(codec)
    for photometric, shape in (("MONOCHROME2", (8, 8)), ("YBR_FULL", (8, 8, 3))):
        list(pictures(_sample(photometric, np.zeros(shape, np.uint8))))


def _sample(photometric: str, pixels: NDArray[np.uint8]) -> BytesIO:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, "2.25.1"
    dataset.set_pixel_data(pixels, photometric, 8)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return BytesIO(buffer.getvalue())


def _lock_down(memory_bytes: int) -> None:
    """Give up memory beyond the limit, new descriptors, writing, core dumps and privileges, for good."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    address_space = pages * resource.getpagesize() + memory_bytes
    if os.getuid() == 0:
        with contextlib.suppress(OSError):  # a container may have no other user
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for limit, value in (
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 3),  # those that are open
    ):
        resource.setrlimit(limit, (value, value))


def main(memory_bytes: int, seconds: float) -> None:
    """Serve the parent at the other end of standard input until it goes."""
    warnings.simplefilter("ignore")
    logging.disable()
    _warm_up()
    _lock_down(memory_bytes)
    channel = socket.socket(fileno=0)
    channel.sendall(b"\1")
    with contextlib.suppress(EOFError, ConnectionError):
        _serve(channel, seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
