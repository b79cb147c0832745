"""Look-up tables of a data set: modality, VOI and presentation LUTs, palettes.

References
----------
DICOM PS3.3 C.11.1.1.1 (LUT Descriptor), C.7.6.3.1.5 and C.7.9 (palettes, whole and in segments).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from app.dicom.render import Code, Lut, NotRenderable, stored_values


def read_lut(items: Any, byte_order: str, *, signed: bool) -> Lut | None:
    """Read a LUT: number of entries (0 for 65,536), first input, bits an entry (PS3.3 C.11.1.1.1)."""
    if not items:
        return None
    count, first, bits = (int(value) for value in items[0].LUTDescriptor)
    count = count or 1 << 16
    raw = items[0].get("LUTData") or b""
    entries = _entries(raw, count, byte_order) if isinstance(raw, bytes) else np.array(raw, np.int64) & 0xFFFF
    if not entries.size or not 1 <= bits <= 16:
        raise NotRenderable(Code.DECODER_FAILED, "A look-up table is empty or its descriptor is wrong.")
    first -= 1 << 16 if signed and first >= 1 << 15 else 0
    return Lut(first, tuple(entries[:count].tolist()), bits)


def _entries(raw: bytes, count: int, byte_order: str) -> NDArray[Any]:
    """Read the entries of a table, of 8 or 16 bits as its length says."""
    wide = len(raw) >= 2 * count
    return np.frombuffer(raw[: 2 * count if wide else count], byte_order + "u2" if wide else "u1")


def read_palette(dataset: Dataset, byte_order: str, bits_stored: int, high_bit: int) -> bytes:
    """Give the colour of every bit pattern of a cell, 8 bits each (PS3.3 C.7.6.3.1.5 and C.7.9)."""
    if int(dataset.BitsAllocated) not in {8, 16}:
        raise NotRenderable(Code.DECODER_FAILED, "A palette goes with 8 or 16 bits allocated.")
    signed = bool(dataset.get("PixelRepresentation", 0))
    count, first, bits = (int(value) for value in dataset.RedPaletteColorLookupTableDescriptor)
    count = count or 1 << 16
    first -= 1 << 16 if signed and first >= 1 << 15 else 0
    if "SegmentedRedPaletteColorLookupTableData" in dataset:
        entries = _expanded(dataset, np.arange(first, first + count), bits)
    else:
        raw = (dataset[f"{colour}PaletteColorLookupTableData"].value for colour in ("Red", "Green", "Blue"))
        entries = np.stack([_entries(channel, count, byte_order) for channel in raw], axis=-1)
    if entries.max() > 255:  # else they are of 8 bits, whatever the descriptor says
        entries = entries >> 8
    values = stored_values(np.arange(1 << int(dataset.BitsAllocated)), bits_stored, high_bit, signed=signed)
    colours: NDArray[Any] = entries[np.clip(values - first, 0, len(entries) - 1)]
    return colours.astype(np.uint8).tobytes()


def _expanded(dataset: Dataset, inputs: NDArray[Any], bits: int) -> NDArray[Any]:
    if bits == 8 and len(inputs) > 256:
        raise NotRenderable(Code.DECODER_FAILED, "A segmented palette of 8 bits has at most 256 entries here.")
    return apply_color_lut(inputs, dataset)[..., :3]
