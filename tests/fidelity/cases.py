"""The pictures compared: published files where they are at hand, and images made here in every transfer syntax."""

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from app.dicom.frames import PixelSource
from app.dicom.look import Looks
from app.dicom.render import GreyLook, NotRenderable, SupplementedLook
from tests.app.dicom.samples import file_of, image
from tests.fidelity.peers import Task

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("FILMPASS_SHARED", ROOT.parent / "shared")) / "cases" / "visible" / "images"
_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
_DCMTK_ENCODERS = {  # what numpy and pydicom cannot write
    "jpeg-lossless": ["dcmcjpeg", "+e1"],
    "jpeg-lossless-p14": ["dcmcjpeg", "+el"],
    "jpeg-baseline": ["dcmcjpeg", "+eb", "+q", "95"],
    "jpeg-extended-12": ["dcmcjpeg", "+ee", "+q", "95"],
    "jpeg-ls-near": ["dcmcjpls", "+en"],
}


def published_files() -> list[Path]:
    """Give the published images at hand."""
    return sorted(path for path in SHARED.rglob("*") if path.is_file()) if SHARED.is_dir() else []


def made_files(folder: Path) -> list[Path]:
    """Write images made here, in every transfer syntax that there is an encoder for."""
    written = [_written(folder / f"{name}.dcm", dataset) for name, dataset in _datasets()]
    for path in list(written):
        for name, command in _DCMTK_ENCODERS.items():
            output = folder / f"{path.stem}-{name}.dcm"
            if path.stem.endswith("-explicit") and not _fails([*command, str(path), str(output)]):
                written.append(output)
    return written


def _fails(command: list[str]) -> int:
    return subprocess.run(command, capture_output=True, check=False).returncode


def _written(path: Path, dataset: Dataset) -> Path:
    path.write_bytes(file_of(dataset))
    return path


def _datasets() -> Iterator[tuple[str, Dataset]]:
    for kind, make in (("ct", _ct), ("mammogram", _mammogram), ("sigmoid", _sigmoid), ("photo", _photo)):
        for syntax in _NATIVE:
            name = {ExplicitVRLittleEndian: "explicit", ImplicitVRLittleEndian: "implicit"}.get(syntax, syntax[-4:])
            dataset = make()
            if syntax == ExplicitVRBigEndian and dataset.BitsAllocated == 16:
                dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").byteswap().tobytes()
            dataset.file_meta.TransferSyntaxUID = syntax
            yield f"{kind}-{name}", dataset
        for name, syntax in (("rle", RLELossless), ("j2k", JPEG2000Lossless), ("jpeg-ls", JPEGLSLossless)):
            dataset = make()
            dataset.compress(syntax)
            yield f"{kind}-{name}", dataset


def _waves(rows: int = 192, columns: int = 256) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns]
    return np.sin(x / 23) * np.cos(y / 31) + 0.2 * np.sin(x * y / 900)


def _ct() -> Dataset:
    stack = np.stack([(_waves() * 900 + 100 * frame).astype(np.int16) for frame in range(3)])
    return image(stack, Modality="CT", RescaleSlope="1", RescaleIntercept="-24", WindowCenter="40", WindowWidth="400")


def _mammogram() -> Dataset:
    pixels = (_waves() * 1600 + 2000).astype(np.uint16)
    return image(pixels, "MONOCHROME1", 12, Modality="MG", WindowCenter="2000", WindowWidth="3000")


def _sigmoid() -> Dataset:
    pixels = (_waves() * 1600 + 2000).astype(np.uint16)
    return image(pixels, bits_stored=12, WindowCenter="2000", WindowWidth="2500", VOILUTFunction="SIGMOID")


def _photo() -> Dataset:
    waves = np.stack([_waves(), _waves()[::-1], _waves()[:, ::-1]], axis=-1)
    return image((waves * 100 + 127).astype(np.uint8), "RGB", Modality="OT")


def task_of(path: Path) -> Task | None:
    """Tell what is compared of a file: its middle frame; None where it has no image."""
    try:
        dataset = dcmread(path, stop_before_pixels=True, force=True)
        frame = max(int(dataset.get("NumberOfFrames") or 1), 1) // 2
        if "Rows" not in dataset:
            return None
        look = Looks(dataset).of_frame(frame)
    except (AttributeError, NotRenderable, TypeError, ValueError):  # read by nobody, or no picture
        return None
    grey = str(dataset.get("PhotometricInterpretation", "")).startswith("MONOCHROME")
    said = look.window is not None and _has_window(dataset)
    return Task(path, frame, windowed=said, grey=grey, supplemented=isinstance(look.look, SupplementedLook))


def _has_window(dataset: Dataset) -> bool:
    levels = [dataset, *dataset.get("SharedFunctionalGroupsSequence", [])]
    levels += dataset.get("PerFrameFunctionalGroupsSequence", [])
    return any("WindowCenter" in level or "FrameVOILUTSequence" in level for level in levels)


def range_of(task: Task) -> tuple[float, float]:
    """Give the lowest and highest value of a grey frame after the modality LUT."""
    source = PixelSource(io.BytesIO(task.path.read_bytes()))
    (frame,) = source.frames([task.frame])
    look = Looks(source.dataset).look_of(task.frame)
    assert isinstance(look, GreyLook)
    values = frame.cells.astype(float)
    values = look.modality_lut.apply(values) if look.modality_lut else values * look.slope + look.intercept
    return float(values.min()), float(values.max())
