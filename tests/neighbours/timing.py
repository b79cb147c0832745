"""Whether two kinds of requests can be told apart by the time that their answers take."""

import gc
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

_RESAMPLED = 1000


@dataclass(frozen=True)
class Difference:
    """Two kinds of requests, timed in turn."""

    name: str
    medians: tuple[float, float]
    interval: tuple[float, float]
    """The 95 % interval of the difference of the medians, in milliseconds."""
    wins: float
    """How often one of the first kind took longer than one of the second; 0.5 where nothing can be told."""

    @property
    def tells(self) -> bool:
        """Whether the interval leaves out 0, by more than a network would hide."""
        low, high = self.interval
        return not low <= 0 <= high and abs(self.wins - 0.5) > 0.1

    def __str__(self) -> str:
        first, second = self.medians
        low, high = self.interval
        return (
            f"{self.name:<52} {first:7.2f} {second:7.2f} ms  [{low:+6.2f}, {high:+6.2f}]  {self.wins:5.2f}"
            f"  {'TELLS' if self.tells else 'within noise'}"
        )


def compare(name: str, acts: tuple[Callable[[], None], Callable[[], None]], samples: int) -> Difference:
    """Time both kinds in random order, so that whatever else the machine does falls on both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    order = [0, 1] * samples
    random.shuffle(order)
    gc.disable()
    try:
        for act in acts:
            act()
        for kind in order:
            began = time.perf_counter()
            acts[kind]()
            times[kind].append((time.perf_counter() - began) * 1000)
    finally:
        gc.enable()
    return Difference(name, tuple(map(statistics.median, times)), _interval(*times), _wins(*times))


def _interval(first: list[float], second: list[float]) -> tuple[float, float]:
    """Bootstrap the difference of the medians."""
    differences = sorted(
        statistics.median(random.choices(first, k=len(first)))
        - statistics.median(random.choices(second, k=len(second)))
        for _ in range(_RESAMPLED)
    )
    return differences[_RESAMPLED // 40], differences[-_RESAMPLED // 40]


def _wins(first: list[float], second: list[float]) -> float:
    """Return the statistic of Mann and Whitney as a share."""
    ranked = sorted([(value, True) for value in first] + [(value, False) for value in second])
    ranks = sum(rank for rank, (_, is_first) in enumerate(ranked, start=1) if is_first)
    return (ranks - len(first) * (len(first) + 1) / 2) / (len(first) * len(second))
