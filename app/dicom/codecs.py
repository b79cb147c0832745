"""JPEG of 12 bits, which pydicom's decoders refuse: by GDCM, told the precision that the codestream has.

References
----------
ITU-T T.81 B.2.2 (frame header); DICOM PS3.5 8.2.1 and A.4.1.
"""

from collections.abc import Iterator

import gdcm
import numpy as np

from app.dicom.render import Code, NotRenderable, Pixels

# JPEG Extended, and the retired processes 6 and 8, 10 and 12 (progressive) that GDCM reads just as well.
JPEG_SYNTAXES = frozenset({"1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55"})
_FRAME_HEADERS = frozenset({0xC0, 0xC1, 0xC2})


def jpeg_precision(codestream: bytes) -> int:
    """Give the bits a sample of a lossy JPEG, from its frame header; 0 when it has none."""
    return next((codestream[at + 4] for at, marker in _segments(codestream) if marker in _FRAME_HEADERS), 0)


def _segments(codestream: bytes) -> Iterator[tuple[int, int]]:
    at = 2
    while at + 9 < len(codestream) and codestream[at] == 0xFF and codestream[at + 1] != 0xDA:
        yield at, codestream[at + 1]
        at += 2 + int.from_bytes(codestream[at + 2 : at + 4])


def decode_jpeg_12(codestream: bytes, rows: int, columns: int, syntax: str) -> Pixels:
    """Decode a grey JPEG of 12 bits to cells of 16 bits.

    Raises
    ------
    NotRenderable
        When GDCM gives up.
    """
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(codestream)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.MONOCHROME2))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, 12, 11, 0))
    decoded = image.GetBuffer()
    if decoded is None:
        raise NotRenderable(Code.DECODER_FAILED, "The decoder gave up on this JPEG of 12 bits.")
    return np.frombuffer(decoded.encode("utf-8", "surrogateescape"), np.uint16).reshape(rows, columns)
