"""Independent renderers, each drawing one frame of many files in one go."""

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
NODE_MODULES = ROOT / ".cache" / "node" / "node_modules"
JARS = Path("/usr/share/java")
_DCMTK = ("dcm2pnm", "dcmj2pnm", "dcml2pnm")  # uncompressed and RLE, JPEG, JPEG-LS
_SECONDS = 900


@dataclass(frozen=True)
class Task:
    """A frame, counted from 0, to be drawn from a file; `windowed` says that the file has a window.

    `supplemented` is a grey image with colours of a supplemental palette: only PixelMed reads that, so that the others'
    agreement on grey is none about the picture.
    """

    path: Path
    frame: int
    windowed: bool
    grey: bool
    supplemented: bool = False

    def may_judge(self, renderer: str) -> bool:
        """Tell whether a renderer knows what this image uses."""
        return renderer == "PixelMed" or not self.supplemented


def dcmtk(tasks: Iterable[Task], folder: Path) -> dict[Path, np.ndarray]:
    """Draw with DCMTK: the first window of the file, no overlays, pixels as they are."""
    return {task.path: picture for task in tasks if (picture := _by_dcmtk(task, folder / "dcmtk.pnm")) is not None}


def _by_dcmtk(task: Task, output: Path) -> np.ndarray | None:
    window = ["+Wi", "1"] if task.windowed else ["+Wm"] if task.grey else []
    for program in _DCMTK:
        output.unlink(missing_ok=True)
        command = [program, "-O", "+ob", "-a", *window, "+F", str(task.frame + 1), str(task.path), str(output)]
        ended = subprocess.run(command, capture_output=True, check=False, timeout=60)
        if ended.returncode == 0 and output.exists():
            return _pixels(output)
    return None


def pixelmed(tasks: Iterable[Task], folder: Path) -> dict[Path, np.ndarray]:
    """Draw with PixelMed."""
    outputs = {task.path: folder / f"pixelmed-{at}.png" for at, task in enumerate(tasks)}
    jars = ":".join(str(JARS / f"{name}.jar") for name in ("pixelmed", "commons-codec"))
    command = ["java", "-Djava.awt.headless=true", "-cp", jars, str(HERE / "PixelMed.java")]
    _run(command, tasks, outputs)
    return {path: _pixels(output) for path, output in outputs.items() if output.exists()}


def dcmjs(tasks: Iterable[Task], folder: Path) -> dict[Path, np.ndarray]:
    """Draw with dcmjs-imaging."""
    outputs = {task.path: folder / f"dcmjs-{at}.raw" for at, task in enumerate(tasks)}
    _run(["node", str(HERE / "dcmjs.cjs"), str(NODE_MODULES)], tasks, outputs)
    return {path: _rgb(output.read_bytes()) for path, output in outputs.items() if output.exists()}


def _run(command: list[str], tasks: Iterable[Task], outputs: dict[Path, Path]) -> None:
    lines = "".join(f"{task.path}\t{task.frame}\t{outputs[task.path]}\n" for task in tasks)
    subprocess.run(command, input=lines.encode(), capture_output=True, check=False, timeout=_SECONDS)


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _rgb(raw: bytes) -> np.ndarray:
    width, height = np.frombuffer(raw[:8], "<u4")
    return np.frombuffer(raw[8:], np.uint8).reshape(height, width, 4)[..., :3]


RENDERERS = {"DCMTK": dcmtk, "PixelMed": pixelmed, "dcmjs-imaging": dcmjs}


def lacking() -> list[str]:
    """Name what is not installed."""
    found = {
        "dcmtk": shutil.which("dcm2pnm"),
        "pixelmed-apps": (JARS / "pixelmed.jar").exists(),
        "openjdk-17-jdk-headless": shutil.which("javac"),
        "node": shutil.which("node"),
        "dcmjs-imaging": (NODE_MODULES / "dcmjs-imaging").exists(),
    }
    return [name for name, there in found.items() if not there]
