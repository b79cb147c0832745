"""Waveforms as numbers: channels of a multiplex group in their units. Runs in the child of `decode_worker`.

References
----------
DICOM PS3.3 C.10.9 (Waveform Module), PS3.5 8.4 (encoding), PS3.3 A.34 (waveform objects).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from app.dicom.render import Code, NotRenderable
from app.dicom.windows import number

MAX_GROUPS = 16
MAX_CHANNELS = 64  # of a group
MAX_SECONDS = 1_000.0
_SAMPLES = {"SB": "i1", "UB": "u1", "SS": "i2", "US": "u2", "SL": "i4", "UL": "u4"}
_MILLIVOLTS = {"uV": 1e-3, "mV": 1.0, "V": 1e3}
_LABEL_LENGTH = 24
_ECGS = "1.2.840.10008.5.1.4.1.1.9.1."  # 12-lead, general, ambulatory, general of 32 bits
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel: its name, the unit of its values, the values; NaN where the padding value stands."""

    label: str
    unit: str
    values: Values


@dataclass(frozen=True, slots=True)
class Group:
    """A multiplex group: channels sampled together, `frequency` in Hz; `duration` is that of the whole, in seconds.

    The channels hold at most `MAX_SECONDS` of it.
    """

    label: str
    frequency: float
    duration: float
    channels: tuple[Channel, ...]
    is_ecg: bool


def groups_of(dataset: Dataset) -> Iterator[Group]:
    """Read the multiplex groups of a waveform object.

    Raises
    ------
    NotRenderable
        When a group cannot be read truly.
    """
    order = ">" if dataset.original_encoding[1] is False else "<"
    for item in (dataset.get("WaveformSequence") or ())[:MAX_GROUPS]:
        yield _group(item, order, is_ecg=str(dataset.get("SOPClassUID", "")).startswith(_ECGS))


def _group(item: Dataset, order: str, *, is_ecg: bool) -> Group:
    kind = _SAMPLES.get(str(item.get("WaveformSampleInterpretation")))
    if kind is None:
        raise NotRenderable(Code.UNSUPPORTED_TRANSFER_SYNTAX, "Samples of a kind that is not drawn here.")
    count, frequency = int(item.get("NumberOfWaveformChannels") or 0), number(item.get("SamplingFrequency"), 0.0)
    cells = np.frombuffer(item.get("WaveformData") or b"", f"{order}{kind}", count=-1)
    if count < 1 or frequency <= 0 or len(cells) < count:
        raise NotRenderable(Code.DECODER_FAILED, "The waveform has no samples, or none that lie in time.")
    there = min(int(item.get("NumberOfWaveformSamples") or 0), len(cells) // count)
    kept = min(there, math.ceil(MAX_SECONDS * frequency))
    samples = cells[: kept * count].reshape(kept, count)
    padding = _padding(item, kind, order)
    definitions = list(item.get("ChannelDefinitionSequence") or ())
    definitions += [Dataset()] * (count - len(definitions))
    channels = tuple(
        _channel(definition, samples[:, at], padding, at) for at, definition in enumerate(definitions[:MAX_CHANNELS])
    )
    label = str(item.get("MultiplexGroupLabel") or "")[:_LABEL_LENGTH]
    return Group(label, frequency, there / frequency, channels, is_ecg)


def _padding(item: Dataset, kind: str, order: str) -> int | None:
    raw = item.get("WaveformPaddingValue")
    size = int(kind[1])
    if not isinstance(raw, bytes) or len(raw) < size:
        return None
    return int(np.frombuffer(raw[:size], f"{order}{kind}")[0])


def _channel(definition: Dataset, cells: NDArray[np.generic], padding: int | None, at: int) -> Channel:
    """Give values in their unit: sample times sensitivity and its correction, plus the baseline (C.10.9.1.4.5)."""
    unit = str(_code(definition, "ChannelSensitivityUnitsSequence", "CodeValue"))
    slope = number(definition.get("ChannelSensitivity"), 1.0)
    slope *= number(definition.get("ChannelSensitivityCorrectionFactor"), 1.0)
    values = cells.astype(np.float64) * slope + number(definition.get("ChannelBaseline"), 0.0)
    if padding is not None:
        values[cells == padding] = np.nan
    if unit in _MILLIVOLTS:
        values, unit = values * _MILLIVOLTS[unit], "mV"
    label = definition.get("ChannelLabel") or _code(definition, "ChannelSourceSequence", "CodeMeaning") or at + 1
    return Channel(str(label)[:_LABEL_LENGTH], unit if unit != "1" else "", values)


def _code(item: Dataset, sequence: str, attribute: str) -> str:
    found = next(iter(item.get(sequence) or ()), Dataset())
    return str(found.get(attribute) or "")
