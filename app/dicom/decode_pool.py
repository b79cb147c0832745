"""Pixel data of strangers is decoded in child processes with limits, that may die without harm: the parent's side.

A child is a fresh interpreter, started once and kept (`decode_worker`). It gets no environment, and it speaks over one
socket: a request and a file in, messages out. What it says is checked like any input.
"""

import pickle
import queue
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Self

from app.dicom.decode_messages import (
    REQUEST,
    SECONDS_PER_FRAME,
    Explicit,
    Message,
    NativeFrames,
    Piece,
    Previews,
    Request,
    receive_message,
)
from app.dicom.pictures import FramePicture, InstanceFacts
from app.dicom.render import Code, NotRenderable
from app.dicom.rendition import Rendition

_START_SECONDS = 60.0
_PROJECT = Path(__file__).resolve().parents[2]
_PICTURE_STARTS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n"}


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

    def render(
        self, file_bytes: bytes, preset: str | None = None, presentation_state: bytes | None = None
    ) -> RenderedInstance:
        """Render all frames of an instance for a page; waits for a free child.

        Parameters
        ----------
        file_bytes : bytes
            A PS3.10 file.
        preset : str, optional
            Name of one of the instance's `presets`, whose window is applied in place of the file's.
        presentation_state : bytes, optional
            A PS3.10 file of a presentation state, which is applied to the frames that it refers to.

        Returns
        -------
        RenderedInstance
            What cannot be shown is in it as `NotRenderable`; no file makes this method raise.
        """
        with self._child() as child:
            return _collected(child.ask(Previews(preset, presentation_state), file_bytes))

    def rendition(self, file_bytes: bytes, asked: Rendition) -> bytes:
        """Render one frame as a client asks for it.

        Returns
        -------
        bytes
            A picture of the media type asked.

        Raises
        ------
        NotRenderable
            When there is none.

        References
        ----------
        DICOM PS3.18 8.3.5.
        """
        with self._child() as child:
            (picture,) = self._joined(child, child.ask(asked, file_bytes), 1)
            if not picture.startswith(_PICTURE_STARTS[asked.media_type]):
                child.end()
                raise NotRenderable(Code.DECODER_FAILED, "The decoder gave no picture.")
            return picture

    def explicit(self, file_bytes: bytes) -> bytes:
        """Give a whole instance as a PS3.10 file in Explicit VR Little Endian, its pixel data decoded.

        Raises
        ------
        NotRenderable
            When its pixel data cannot be decoded.
        """
        with self._child() as child:
            return self._joined(child, child.ask(Explicit(), file_bytes), 1)[0]

    def native_frames(self, file_bytes: bytes, frames: Sequence[int]) -> list[bytes]:
        """Give frames, counted from 1, as cells in Explicit VR Little Endian; bit-packed ones start with a byte.

        Raises
        ------
        NotRenderable
            When one of them cannot be decoded, or is not there (`Code.NO_SUCH_FRAME`).
        """
        with self._child() as child:
            request = NativeFrames(tuple(frames))
            return self._joined(child, child.ask(request, file_bytes, len(frames)), len(frames))

    @contextmanager
    def _child(self) -> Iterator["_Child"]:
        """Lend a free child."""
        idle = self._idle.get()
        try:
            idle = child = idle or _Child(self._memory, self._seconds)
            yield child
        except NotRenderable:  # the end of an answer
            raise
        except BaseException:  # whatever stopped us half-way: the rest of this answer must not become the next one's
            if idle is not None:
                idle.end()
            raise
        finally:
            self._idle.put(idle if idle is not None and idle.alive else None)

    def _joined(self, child: "_Child", messages: Iterator[Message], parts: int) -> list[bytes]:
        """Join the pieces of each part; more than the memory of a child is no answer."""
        buffers, total = [BytesIO() for _ in range(parts)], 0
        for message in messages:
            if isinstance(message, Piece):
                total += len(message.data)
                if not 0 <= message.part < parts or total > self._memory:
                    child.end()
                    raise NotRenderable(Code.TOO_LARGE, "The answer is larger than it may be.")
                buffers[message.part].write(message.data)
        return [buffer.getvalue() for buffer in buffers]

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


def _collected(messages: Iterator[Message]) -> RenderedInstance:
    facts: InstanceFacts | None = None
    frames: list[FramePicture | NotRenderable] = []
    reason = NotRenderable(Code.DECODER_FAILED, "The decoder gave fewer frames than announced.")
    try:
        for message in messages:
            if isinstance(message, InstanceFacts):
                facts = message
            elif isinstance(message, FramePicture) and facts and len(frames) < facts.number_of_frames:
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

    def ask(self, request: Request, file_bytes: bytes, frames: int = 0) -> Iterator[Message]:
        """Send a request about a file, and give what comes back; a child that breaks a limit or the protocol is ended.

        `frames` is how many are asked for, where that is known before the facts.
        """
        if len(file_bytes) >= self._memory:
            raise NotRenderable(Code.TOO_LARGE, "The instance is larger than the memory for decoding it.")
        try:
            yield from self._messages(request, file_bytes, frames)
        except TimeoutError:
            self.end()
            raise NotRenderable(Code.OUT_OF_TIME, "Decoding took longer than it may.") from None
        except (OSError, ValueError, KeyError, TypeError, EOFError):
            self.end()
            raise NotRenderable(Code.DECODER_FAILED, "The decoder ended on this file.") from None

    def _messages(self, request: Request, file_bytes: bytes, frames: int) -> Iterator[Message]:
        deadline = time.monotonic() + self._seconds + frames * SECONDS_PER_FRAME
        self._send(request, file_bytes, deadline)
        while (message := receive_message(partial(self._receive, deadline))) is not None:
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

    def _send(self, request: Request, file_bytes: bytes, deadline: float) -> None:
        pickled = pickle.dumps(request)
        self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
        self._socket.sendall(REQUEST.pack(len(pickled), len(file_bytes)) + pickled)
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
