"""Figures over the rounds, their goals, and the table."""

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Goal:
    """What a figure is held to: our value, or the median of its ratio to the peer in the same round."""

    of: Literal["value", "ratio"]
    limit: float
    at_least: bool

    def is_met(self, median: float) -> bool:
        """Judge a median."""
        return median >= self.limit if self.at_least else median <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}{'x' if self.of == 'ratio' else ''}"


def ratio_of_at_least(limit: float) -> Goal:
    """As many times the peer."""
    return Goal("ratio", limit, at_least=True)


def at_least(limit: float) -> Goal:
    """Our value, or more."""
    return Goal("value", limit, at_least=True)


def at_most(limit: float) -> Goal:
    """Our value, or less."""
    return Goal("value", limit, at_least=False)


@dataclass(frozen=True)
class Figure:
    """What one round measured."""

    name: str
    unit: str
    ours: float
    peer: float | None = None
    goal: Goal | None = None


@dataclass
class Row:
    """One figure over all rounds."""

    name: str
    unit: str
    goal: Goal | None
    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Ours to the peer's, round by round; none without the peer."""
        return [ours / peer for ours, peer in zip(self.ours, self.peer, strict=True)] if self.peer else []

    @property
    def verdict(self) -> str:
        """Met, missed, or nothing where there is no goal or no peer to hold it against."""
        values = self.ratios if self.goal is not None and self.goal.of == "ratio" else self.ours
        if self.goal is None or not values:
            return ""
        return "met" if self.goal.is_met(statistics.median(values)) else "MISSED"

    def cells(self) -> list[str]:
        """The cells of the table."""
        ratio = spread(self.ratios, "x") if self.goal is None or self.goal.of == "ratio" else ""
        return [
            self.name,
            spread(self.ours, self.unit),
            spread(self.peer, self.unit),
            ratio,
            str(self.goal or ""),
            self.verdict,
        ]


class Table:
    """Rows in the order in which they were first seen."""

    HEAD = ("figure", "Filmpass", "Orthanc", "ratio", "goal", "")

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def add(self, figures: Iterable[Figure]) -> None:
        """Take what a round measured."""
        for figure in figures:
            row = self.rows.setdefault(figure.name, Row(figure.name, figure.unit, figure.goal))
            row.ours.append(figure.ours)
            if figure.peer is not None:
                row.peer.append(figure.peer)

    @property
    def missed(self) -> list[str]:
        """The names of the goals that were missed."""
        return [row.name for row in self.rows.values() if row.verdict == "MISSED"]

    def __str__(self) -> str:
        lines = [self.HEAD, ("---",) * len(self.HEAD), *(row.cells() for row in self.rows.values())]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def spread(values: list[float], unit: str) -> str:
    """Say a median and the least and most, to three digits."""
    if not values:
        return ""
    middle = f"{_digits(statistics.median(values))} {unit}".replace(" x", "x")
    return middle if len(values) == 1 else f"{middle} [{_digits(min(values))}-{_digits(max(values))}]"


def _digits(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
