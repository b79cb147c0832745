"""Ours against theirs, file by file."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image

from app.dicom.decode_pool import DecodePool
from app.dicom.render import NotRenderable, VoiFunction, Window
from app.dicom.rendition import Rendition
from tests.fidelity.cases import range_of
from tests.fidelity.measures import Difference, difference
from tests.fidelity.peers import RENDERERS, Task

# Mean difference, 99th percentile and SSIM that the lossless picture, and the JPEG, are held to.
LOSSLESS, AS_DELIVERED = (3.0, 10.0, 0.95), (5.0, 16.0, 0.0)


@dataclass
class Case:
    """What became of one file; the peers that `agree` are those which another one confirms."""

    task: Task
    ours: np.ndarray | None = None
    refusal: str = ""
    peers: dict[str, np.ndarray] = field(default_factory=dict)
    differences: dict[str, Difference] = field(default_factory=dict)
    delivered: dict[str, Difference] = field(default_factory=dict)
    agree: set[str] = field(default_factory=set)

    @property
    def counts(self) -> bool:
        """Whether there is something to be held to: peers that agree, or else one that confirms ours."""
        return bool(self.agree) or self.passes

    @property
    def judges(self) -> set[str]:
        """The peers that ours is held to."""
        return self.agree or set(self.peers)

    @property
    def passes(self) -> bool:
        """Whether ours is within the tolerances of one of the judges, lossless and as delivered."""
        return any(
            self.differences[name].within(*LOSSLESS) and self.delivered[name].within(*AS_DELIVERED)
            for name in self.judges
            if name in self.differences
        )

    @property
    def distance(self) -> float:
        """The mean difference to the nearest judge."""
        return min((self.differences[name].mean for name in self.judges if name in self.differences), default=255.0)


def compare(tasks: Sequence[Task], folder: Path, pool: DecodePool, renderers: Sequence[str]) -> list[Case]:
    """Draw every task with ourselves and with the peers, and measure."""
    drawn = {name: RENDERERS[name](tasks, folder) for name in renderers}
    cases = [
        Case(
            task,
            peers={
                name: found[task.path] for name, found in drawn.items() if task.path in found and task.may_judge(name)
            },
        )
        for task in tasks
    ]
    for case in cases:
        _measure(case, pool)
    return cases


def _measure(case: Case, pool: DecodePool) -> None:
    peers, file = case.peers, case.task.path.read_bytes()
    try:
        drawn = [(window, _drawn(pool, file, case.task, window, "image/png")) for window in _windows(case.task)]
    except NotRenderable as refusal:
        case.refusal = str(refusal)
        return
    peers = {name: _scaled(picture, drawn[0][1].shape) for name, picture in peers.items()}
    for one, other in combinations(peers, 2):
        if difference(peers[one], peers[other]).within(*LOSSLESS):
            case.agree |= {one, other}
    for window, ours in drawn:
        case.ours, case.differences = ours, {name: difference(ours, picture) for name, picture in peers.items()}
        delivered = _drawn(pool, file, case.task, window, "image/jpeg")
        case.delivered = {name: difference(delivered, picture) for name, picture in peers.items()}
        if case.passes:
            break


def _windows(task: Task) -> list[Window | None]:
    """Give what we are asked for: the window of the file; without one, which is a choice, ours or that of the peers.

    Ours goes by modality and depth (docs/rendering.md), that of the peers from the lowest value to the highest.
    """
    if task.windowed or not task.grey:
        return [None]
    try:
        low, high = range_of(task)
    except (AssertionError, OSError, RuntimeError, ValueError):
        return [None]
    return [None, Window((low + high) / 2, (high - low) or 1.0, VoiFunction.LINEAR_EXACT)]


def _drawn(pool: DecodePool, file: bytes, task: Task, window: Window | None, media_type: str) -> np.ndarray:
    asked = Rendition(frame=task.frame + 1, media_type=media_type, window=window)
    with Image.open(io.BytesIO(pool.rendition(file, asked))) as picture:
        return np.asarray(picture.convert("RGB"))


def _scaled(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Give true proportions to a picture of a peer that shows pixel for pixel."""
    if picture.shape == shape:
        return picture
    scaled = Image.fromarray(np.ascontiguousarray(picture)).resize((shape[1], shape[0]), Image.Resampling.HAMMING)
    return np.asarray(scaled)
