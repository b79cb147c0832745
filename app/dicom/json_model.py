"""Values of elements in the DICOM JSON Model.

References
----------
DICOM PS3.18 F.2 (JSON Model), PS3.5 6.2 (value representations).
"""

import base64
import math
from struct import Struct, unpack
from typing import Any, Literal

from app.dicom.charset import decode_text

Order = Literal["little", "big"]
BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
NUMBERS = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_SINGLE = frozenset({"LT", "ST", "UR", "UT"})
_PN_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def json_value(vr: str, raw: bytes, charset: tuple[str, ...], order: Order) -> dict[str, Any]:
    """Give an element as the model has it.

    Parameters
    ----------
    vr : str
        Value representation.
    raw : bytes
        The whole value, with its padding.
    charset : tuple of str
        As `character_sets` gives it.
    order : "little" or "big"
        Of the bytes of a number.
    """
    if not raw:
        return {"vr": vr}
    if vr in BINARY:
        return {"vr": vr, "InlineBinary": base64.b64encode(_little(vr, raw, order)).decode("ascii")}
    if vr in NUMBERS:
        return _with_values(vr, [_finite(number) for number in _numbers(vr, raw, order)])
    if vr == "AT":
        words = [f"{int.from_bytes(raw[at : at + 2], order):04X}" for at in range(0, len(raw) // 4 * 4, 2)]
        return _with_values(vr, [group + element for group, element in zip(words[::2], words[1::2], strict=True)])
    text = decode_text(raw, charset, vr)
    if vr in _SINGLE:
        return _with_values(vr, [text] if text else [])
    values = [value.strip(" \0") for value in text.split("\\")]
    return _with_values(vr, [_text_value(vr, value) for value in values] if any(values) else [])


def _with_values(vr: str, values: list[Any]) -> dict[str, Any]:
    return {"vr": vr, "Value": values} if values else {"vr": vr}


def _text_value(vr: str, text: str) -> Any:
    if not text:
        return None
    if vr == "PN":
        return {name: group for name, group in zip(_PN_GROUPS, text.split("="), strict=False) if group}
    if vr in {"IS", "DS"}:
        return _number(text)
    return text


def _number(text: str) -> int | float | str:
    """Give a number of text; as text where it is none, which the JSON Model allows."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _finite(number: float) -> float | str:
    return number if math.isfinite(number) else {math.inf: "inf", -math.inf: "-inf"}.get(number, "NaN")


def _numbers(vr: str, raw: bytes, order: Order) -> tuple[Any, ...]:
    kind = Struct("<" + NUMBERS[vr])
    count = len(raw) // kind.size
    return unpack(f"{'<' if order == 'little' else '>'}{count}{NUMBERS[vr]}", raw[: count * kind.size])


_WORD = {"OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2}


def _little(vr: str, raw: bytes, order: Order) -> bytes:
    """Give a binary value in little endian, as all that is served."""
    size = _WORD.get(vr, 1)
    if order == "little" or size == 1:
        return raw
    return b"".join(raw[at : at + size][::-1] for at in range(0, len(raw), size))
