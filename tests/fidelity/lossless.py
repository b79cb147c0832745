"""Lossless decoding against reference decoders, bit for bit."""

import io
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from app.dicom.decode_pool import DecodePool
from app.dicom.render import NotRenderable

_DECODERS = {  # by transfer syntax: those that write the same instance uncompressed
    "1.2.840.10008.1.2.5": ["dcmdrle", "gdcmconv -w"],
    "1.2.840.10008.1.2.4.57": ["dcmdjpeg", "gdcmconv -w"],
    "1.2.840.10008.1.2.4.70": ["dcmdjpeg", "gdcmconv -w"],
    "1.2.840.10008.1.2.4.80": ["dcmdjpls", "gdcmconv -w"],
    "1.2.840.10008.1.2.4.90": ["gdcmconv -w"],
}


def compare_bits(paths: Sequence[Path], folder: Path, pool: DecodePool) -> tuple[int, list[str]]:
    """Give how many pictures were compared, and what differs from every reference that decodes it."""
    compared, faults = 0, []
    for path in paths:
        references = [found for command in _commands(path) if (found := _decoded(command, path, folder)) is not None]
        if not references:
            continue
        compared += 1
        try:
            ours = _cells(dcmread(io.BytesIO(pool.explicit(path.read_bytes()))))
        except NotRenderable as refusal:
            faults.append(f"{path.name}: {refusal}")
            continue
        if ours not in references:
            faults.append(f"{path.name}: decoded values differ from those of {len(references)} reference decoders")
    return compared, faults


def _commands(path: Path) -> list[str]:
    try:
        dataset = dcmread(path, stop_before_pixels=True, force=True)
        return _DECODERS.get(str(dataset.file_meta.get("TransferSyntaxUID", "")), []) if "Rows" in dataset else []
    except (AttributeError, ValueError):
        return []


def _decoded(command: str, path: Path, folder: Path) -> bytes | None:
    output = folder / "reference.dcm"
    output.unlink(missing_ok=True)
    try:
        ended = subprocess.run([*command.split(), str(path), str(output)], capture_output=True, check=False, timeout=60)
    except FileNotFoundError:
        return None
    return _cells(dcmread(output)) if ended.returncode == 0 and output.exists() else None


def _cells(dataset: Dataset) -> bytes:
    """Give the values, colour by pixel, without the padding of the element."""
    return bytes(dataset.pixel_array.tobytes())
