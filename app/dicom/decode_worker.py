"""Pixel data of strangers is decoded in child processes with limits, that may die without harm: the child's side.

Before the first file a child gives up what it does not need: memory beyond a limit, new descriptors (so no files, no
network), writing, core dumps, root.

References
----------
Published files abort GDCM and inflate 512 KB to 1.6 GB; setrlimit(2), prctl(2).
"""

import codecs
import contextlib
import ctypes
import logging
import mmap
import os
import pickle
import resource
import socket
import sys
import warnings
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.charset import python_encoding
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    TwelveLeadECGWaveformStorage,
)
from pypdfium2 import PdfDocument

from app.dicom.decode_messages import (
    PIECE,
    REQUEST,
    SECONDS_PER_FRAME,
    Explicit,
    Message,
    NativeFrames,
    Piece,
    Previews,
    Request,
    encode_message,
)
from app.dicom.explicit import explicit_instance, native_frames
from app.dicom.frames import PixelSource, refusals
from app.dicom.pictures import InstanceFacts, facts_of, pictures
from app.dicom.render import NotRenderable
from app.dicom.rendition import Rendition, rendition

_NOBODY = 65534
_PR_SET_NO_NEW_PRIVS = 38


def _allow_cpu(seconds: float) -> None:
    """Limit the CPU time from now on, so that a child whose parent is gone ends too."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _serve(channel: socket.socket, seconds: float) -> None:
    with channel.makefile("rb", buffering=0) as requests:
        while len(head := requests.read(REQUEST.size) or b"") == REQUEST.size:
            request_length, length = REQUEST.unpack(head)
            pickled = bytearray(request_length)
            _receive_into(channel, memoryview(pickled))
            request: Request = pickle.loads(pickled)  # noqa: S301  (our own parent's)
            frames = len(request.frames) if isinstance(request, NativeFrames) else 0
            _allow_cpu(seconds + frames * SECONDS_PER_FRAME)
            with mmap.mmap(-1, max(length, 1)) as file:
                _receive_into(channel, memoryview(file)[:length])
                for answer in _answers(request, cast("BinaryIO", file)):
                    if isinstance(answer, InstanceFacts):
                        _allow_cpu(seconds + answer.number_of_frames * SECONDS_PER_FRAME)
                    channel.sendall(encode_message(answer))


def _answers(request: Request, file: BinaryIO) -> Iterator[Message | NotRenderable | None]:
    try:
        with refusals():
            yield from _messages(request, file)
    except NotRenderable as reason:
        yield reason
    else:
        yield None


def _messages(request: Request, file: BinaryIO) -> Iterator[Message]:
    if isinstance(request, Previews):
        yield from pictures(file, request.preset, request.presentation_state)
        return
    source = PixelSource(file)
    if isinstance(request, Rendition):
        yield from _pieces(0, [rendition(source, request)])
    elif isinstance(request, Explicit):
        if source.element:
            yield facts_of(source)
        yield from _pieces(0, explicit_instance(source))
    else:
        for part, data in enumerate(native_frames(source, [number - 1 for number in request.frames])):
            yield from _pieces(part, [data])


def _pieces(part: int, blocks: Iterable[bytes]) -> Iterator[Piece]:
    for block in blocks:
        for at in range(0, len(block), PIECE):
            yield Piece(part, block[at : at + PIECE])


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
    for sheet in (_pdf_sample(), _waveform_sample()):
        list(pictures(_file_of(sheet)))


def _sample(photometric: str, pixels: NDArray[np.uint8]) -> BytesIO:
    dataset = _of_class(SecondaryCaptureImageStorage)
    dataset.set_pixel_data(pixels, photometric, 8)
    return _file_of(dataset)


def _pdf_sample() -> Dataset:
    document, buffer = PdfDocument.new(), BytesIO()
    document.new_page(72, 72)
    document.save(buffer)
    dataset = _of_class(EncapsulatedPDFStorage)
    dataset.EncapsulatedDocument = buffer.getvalue()
    return dataset


def _waveform_sample() -> Dataset:
    dataset, group = _of_class(TwelveLeadECGWaveformStorage), Dataset()
    group.WaveformSampleInterpretation, group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = "SB", 1, 2
    group.SamplingFrequency, group.WaveformBitsAllocated, group.WaveformData = 1, 8, bytes(2)
    dataset.WaveformSequence = [group]
    return dataset


def _of_class(sop_class_uid: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class_uid, "2.25.1"
    return dataset


def _file_of(dataset: Dataset) -> BytesIO:
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
