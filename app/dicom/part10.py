"""What stands before a data set in a file.

References
----------
DICOM PS3.10 7.1 (File Meta Information).
"""

from struct import pack

IMPLEMENTATION_CLASS_UID = "2.25.338957666732125150101218686626919674587"
IMPLEMENTATION_VERSION_NAME = "FILMPASS_1"


def file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Give what must stand before a bare data set to make it a PS3.10 file: preamble, prefix and group 2.

    References
    ----------
    DICOM PS3.10 7.1.
    """
    elements = b"".join(
        (
            pack("<HH2sHI2s", 2, 0x0001, b"OB", 0, 2, b"\0\1"),
            _short_element(0x0002, b"UI", sop_class_uid, b"\0"),
            _short_element(0x0003, b"UI", sop_instance_uid, b"\0"),
            _short_element(0x0010, b"UI", transfer_syntax_uid, b"\0"),
            _short_element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID, b"\0"),
            _short_element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME, b" "),
        )
    )
    return bytes(128) + b"DICM" + pack("<HH2sHI", 2, 0, b"UL", 4, len(elements)) + elements


def _short_element(element: int, vr: bytes, text: str, padding: bytes) -> bytes:
    value = text.encode("ascii")
    value += padding * (len(value) % 2)
    return pack("<HH2sH", 2, element, vr, len(value)) + value
