"""Windows that a data set names, and presets where it names none.

References
----------
DICOM PS3.3 C.11.2 (VOI LUT).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from app.dicom.render import VoiFunction, Window

_FUNCTIONS = {function.value: function for function in VoiFunction}
_LABEL_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Preset:
    """A window that is offered: `name` stands for it in addresses; `label` is the file's own word for it, or `""`."""

    name: str
    label: str
    window: Window


# In Hounsfield units, as common viewers have them.
SOFT_TISSUE = Preset("soft_tissue", "", Window(40, 400))
_BONE = Preset("bone", "", Window(300, 1500))
_LUNG = Preset("lung", "", Window(-600, 1500))
_BRAIN = Preset("brain", "", Window(40, 80))
_CHEST_WORDS = ("CHEST", "THORAX", "LUNG", "PULMO", "胸", "肺")
_HEAD_WORDS = ("HEAD", "BRAIN", "SKULL", "CRANI", "头", "颅", "脑")


def presets(modality: str, body_part: str, study_description: str = "") -> tuple[Preset, ...]:
    """Give the windows that readers want beside the file's own.

    Parameters
    ----------
    modality : str
        Modality (0008,0060). Only CT has values of a known unit; for others nothing is invented.
    body_part : str
        Body Part Examined (0018,0015); where it is empty, `study_description` is searched for the same words.
    """
    if modality != "CT":
        return ()
    words = (body_part or study_description).upper()
    if any(word in words for word in _CHEST_WORDS):
        return (_LUNG, SOFT_TISSUE, _BONE)
    if any(word in words for word in _HEAD_WORDS):
        return (_BRAIN, _BONE)
    return (SOFT_TISSUE, _BONE)


def file_windows(voi: Dataset) -> Iterator[Preset]:
    """Give the windows that are valid, in the order of the file, named `file-1` and so on.

    Valid is a width of at least 1, or above 0 where the function is another than LINEAR (PS3.3 C.11.2.1.2 and
    C.11.2.1.3).
    """
    function = _FUNCTIONS.get(str(voi.get("VOILUTFunction") or "LINEAR"))
    labels = voi.get("WindowCenterWidthExplanation") or ()
    labels = [labels] if isinstance(labels, str) else list(labels)
    pairs = zip(numbers(voi.get("WindowCenter")), numbers(voi.get("WindowWidth")), strict=False)
    for at, (center, width) in enumerate(pairs):
        if function and (width >= 1 or (width > 0 and function is not VoiFunction.LINEAR)):
            label = str(labels[at])[:_LABEL_LENGTH] if at < len(labels) else ""
            yield Preset(f"file-{at + 1}", label, Window(center, width, function))


def numbers(value: Any) -> list[float]:
    """Give a DS, FD or IS value of any multiplicity as finite numbers, empty when one is none."""
    values = [] if value is None or value == "" else list(value) if isinstance(value, MultiValue | list) else [value]
    try:
        found = [float(item) for item in values]
    except (TypeError, ValueError):
        return []
    return found if all(map(math.isfinite, found)) else []


def number(value: Any, default: float) -> float:
    """Give the first number of a value."""
    found = numbers(value)
    return found[0] if found else default
