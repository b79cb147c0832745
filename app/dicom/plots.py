"""Waveforms as pictures with calibrated axes, on the paper of ECGs: 25 mm a second, 10 mm a millivolt.

References
----------
DICOM PS3.3 C.10.9 (Waveform Module); IEC 60601-2-25 (speed and sensitivity of ECG recordings).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset

from app.dicom.kinds import Kind
from app.dicom.render import Code, NotRenderable
from app.dicom.waveforms import Channel, Group, Values, groups_of

MM_PER_SECOND = 25.0
PAGE_SECONDS = 10.0
MAX_PAGES = 100
_FINE = 2  # drawn so much larger than it is given: smooth lines
_PX = 5 * _FINE  # pixels for each millimetre
_HEAD, _PAGE_MM, _LABEL, _LOWEST, _HIGHEST = 8, 320, 5, 10, 50  # mm
_SHORTEST = 4.0  # seconds of paper, so that what is written beside a beat has room
_PAPER, _LINE, _BOLD, _INK = (255, 252, 250), (250, 222, 216), (236, 178, 168), (20, 20, 30)
_DENSEST = 8  # samples drawn for each pixel: of more, the lowest and the highest


@dataclass(frozen=True, slots=True)
class Row:
    """A strip of paper for one channel, below a line of words.

    `foot` is the value at its lower end, `per_centimetre` the units of 10 mm, `height` that of the strip in mm.
    """

    channel: Channel
    foot: float
    per_centimetre: float
    height: int
    is_ecg: bool = False

    @property
    def scale(self) -> str:
        """How to read the height: `10 mm/mV`, or `20 mmHg/10 mm`."""
        if self.is_ecg:
            return "10 mm/mV"
        return f"{self.per_centimetre:g} {self.channel.unit}/10 mm".replace(" /", "/")


@dataclass(frozen=True, slots=True)
class _Sheet:
    group: Group
    rows: Sequence[Row]
    start: float
    seconds: float


def waveform_pages(dataset: Dataset) -> tuple[int, Iterator[Image.Image]]:
    """Give the number of sheets of a waveform object, at most `MAX_PAGES`, and the sheets one by one, RGB.

    Raises
    ------
    NotRenderable
        When there is nothing in it that can be drawn truly.
    """
    sheets = [sheet for group in groups_of(dataset) for sheet in _sheets(group)][:MAX_PAGES]
    if not sheets:
        raise NotRenderable(Code.NO_PIXEL_DATA, Kind.WAVEFORM)
    return len(sheets), map(_drawn, sheets)


def _sheets(group: Group) -> Iterator[_Sheet]:
    """Part a group into sheets of `PAGE_SECONDS`, and channels that are too many for one into several."""
    blocks: list[list[Row]] = [[]]
    for channel in group.channels:
        row = _ecg_row(channel) if group.is_ecg and channel.unit == "mV" else _row(channel)
        if blocks[-1] and _mm([*blocks[-1], row]) > _PAGE_MM:
            blocks.append([])
        blocks[-1].append(row)
    kept = len(group.channels[0].values) / group.frequency
    for number in range(max(1, math.ceil(round(kept / PAGE_SECONDS, 3)))):
        start = number * PAGE_SECONDS
        seconds = min(PAGE_SECONDS, max(_SHORTEST, kept - start if number == 0 else PAGE_SECONDS))
        yield from (_Sheet(group, block, start, seconds) for block in blocks)


def _mm(rows: Sequence[Row]) -> int:
    return sum(_LABEL + row.height for row in rows)


def _ecg_row(channel: Channel) -> Row:
    """Choose a strip around the median, at the sensitivity of all ECGs."""
    finite = _finite(channel)
    middle = float(np.partition(finite, finite.size // 2)[finite.size // 2])  # the median
    low, high = max(float(finite.min()), middle - _HIGHEST / 20), min(float(finite.max()), middle + _HIGHEST / 20)
    height = min(_HIGHEST, max(_LOWEST, math.ceil((high - low) * 10) + 2))
    return Row(channel, (low + high) / 2 - height / 20, 1.0, height, is_ecg=True)


def _finite(channel: Channel) -> Values:
    finite = channel.values[np.isfinite(channel.values)]
    return finite if finite.size else np.zeros(1)


def _row(channel: Channel) -> Row:
    """Choose round steps and a foot for values of any unit."""
    finite = _finite(channel)
    low, high = float(finite.min()), float(finite.max())
    step = _nice((high - low) / 3)
    foot = math.floor(low / step) * step
    return Row(channel, foot, step, max(1, math.ceil(round((high - foot) / step, 6))) * 10)


def _nice(least: float) -> float:
    """Give the least of 1, 2, 5, 10, ... that is not below."""
    if not least > 0 or not math.isfinite(least):
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least * (1 - 1e-9))


def _drawn(sheet: _Sheet) -> Image.Image:
    height = _HEAD + _mm(sheet.rows)
    picture = Image.new("RGB", (round(sheet.seconds * MM_PER_SECOND * _PX), height * _PX), _PAPER)
    draw = ImageDraw.Draw(picture)
    _grid(draw, *picture.size)
    _write(draw, 2, 1.5, _headline(sheet))
    top = _HEAD
    for row in sheet.rows:
        _write(draw, 1, top + 0.5, f"{row.channel.label}  {row.scale}")
        top += _LABEL
        _curve(draw, sheet, row, top)
        if not row.is_ecg:
            _value_axis(draw, row, top)
        top += row.height
    return picture.reduce(_FINE)


def _grid(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    for at in range(0, max(width, height), _PX):
        bold = at % (5 * _PX) == 0
        for line in ((at, _HEAD * _PX, at, height), (0, _HEAD * _PX + at, width, _HEAD * _PX + at)):
            draw.line(line, fill=_BOLD if bold else _LINE, width=_FINE)


def _headline(sheet: _Sheet) -> str:
    whole = sheet.group.duration
    end = min(sheet.start + sheet.seconds, whole)
    words = f"{MM_PER_SECOND:g} mm/s   {sheet.start:g}-{end:.4g} s of {whole:.6g} s   {sheet.group.frequency:g} Hz"
    return f"{words}   {sheet.group.label}"


def _value_axis(draw: ImageDraw.ImageDraw, row: Row, top: int) -> None:
    for step in range(1, row.height // 10):
        _write(draw, 1, top + row.height - 10 * step - 1.5, f"{row.foot + step * row.per_centimetre:g}")


def _curve(draw: ImageDraw.ImageDraw, sheet: _Sheet, row: Row, top: int) -> None:
    frequency = sheet.group.frequency
    first = math.floor(sheet.start * frequency)
    values = row.channel.values[first : first + math.floor(sheet.seconds * frequency) + 1]
    times, values = _thinned(np.arange(first, first + len(values)) / frequency - sheet.start, values, sheet.seconds)
    x = times * MM_PER_SECOND * _PX
    height = np.clip((values - row.foot) / row.per_centimetre * 10, 0, row.height)
    y = (top + row.height - height) * _PX
    breaks = np.flatnonzero(~np.isfinite(y))
    for start, end in zip([-1, *breaks.tolist()], [*breaks.tolist(), len(y)], strict=True):
        points = np.column_stack((x[start + 1 : end], y[start + 1 : end]))
        if len(points) > 1:
            draw.line(points.ravel().tolist(), fill=_INK, width=_FINE + 1, joint="curve")


def _thinned(times: Values, values: Values, seconds: float) -> tuple[Values, Values]:
    """Keep the lowest and the highest of many samples that share a pixel."""
    each = int(len(values) // (seconds * MM_PER_SECOND * _PX))
    if each <= _DENSEST:
        return times, values
    whole = len(values) // each * each
    bins = values[:whole].reshape(-1, each)
    return np.repeat(times[:whole:each], 2), np.column_stack((bins.min(axis=1), bins.max(axis=1))).ravel()


def _write(draw: ImageDraw.ImageDraw, x: float, y: float, text: str) -> None:
    draw.multiline_text(
        (x * _PX, y * _PX), text.encode("latin-1", "replace").decode("latin-1"), fill=_INK, font=_font()
    )


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Give the font that comes within Pillow's code: the child opens no files."""
    return ImageFont.load_default(3.4 * _PX)
