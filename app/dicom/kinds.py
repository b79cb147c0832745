"""What an object is that is no plain image, by its SOP Class.

References
----------
DICOM PS3.4 B.5 (Standard SOP Classes); PS3.3 Annex A.
"""

from enum import StrEnum


class Kind(StrEnum):
    """What is said of an object: the value in a reason, the name as the key of a translation."""

    IMAGE = "image"
    TEXT = "structured report"
    DOSE_REPORT = "dose report"
    DETECTION = "computer-aided detection"
    KEY_OBJECTS = "key object selection"
    PDF = "encapsulated PDF"
    DOCUMENT = "encapsulated document"
    PRESENTATION = "presentation state"
    WAVEFORM = "waveform"
    VIDEO = "video"
    SEGMENTATION = "segmentation"
    DOSE = "radiotherapy dose"
    RADIOTHERAPY = "radiotherapy object"
    REGISTRATION = "registration"
    RAW = "raw or derived data"
    OTHER = "other object"


_STORAGE = "1.2.840.10008.5.1.4.1.1."
ENCAPSULATED_PDF = f"{_STORAGE}104.1"
PDF_VALUE = "00420011"
"""Where the document lies in an Encapsulated PDF."""
VIDEO_SYNTAXES = frozenset(
    f"1.2.840.10008.1.2.4.{number}{suffix}" for number in range(100, 109) for suffix in ("", ".1")
)
"""MPEG-2, MPEG-4 AVC/H.264 and HEVC/H.265, in one fragment or (`.1`) in several (PS3.5 A.4.5 to A.4.7)."""
_KINDS: dict[str, Kind] = {  # the longest start of a SOP Class UID counts; one that ends in a point is of a family
    "88.": Kind.TEXT,
    "88.40": Kind.OTHER,  # a procedure log
    "88.50": Kind.DETECTION,  # computer-aided detection: mammography, chest, colon
    "88.65": Kind.DETECTION,
    "88.69": Kind.DETECTION,
    "88.59": Kind.KEY_OBJECTS,
    "88.67": Kind.DOSE_REPORT,  # of X-rays, radiopharmaceuticals, planned and delivered contrast agent
    "88.68": Kind.DOSE_REPORT,
    "88.73": Kind.DOSE_REPORT,
    "88.76": Kind.DOSE_REPORT,
    "104.": Kind.DOCUMENT,
    "104.1": Kind.PDF,
    "11.": Kind.PRESENTATION,
    "9.": Kind.WAVEFORM,
    "77.1.1.1": Kind.VIDEO,  # endoscopic, microscopic, photographic
    "77.1.2.1": Kind.VIDEO,
    "77.1.4.1": Kind.VIDEO,
    "4.2": Kind.OTHER,  # a spectrum
    "66.": Kind.OTHER,
    "66": Kind.RAW,
    "66.1": Kind.REGISTRATION,
    "66.3": Kind.REGISTRATION,
    "66.4": Kind.SEGMENTATION,
    "66.5": Kind.SEGMENTATION,
    "66.7": Kind.SEGMENTATION,
    "66.8": Kind.SEGMENTATION,
    "67": Kind.OTHER,  # a real world value mapping
    "68.": Kind.OTHER,  # scanned surfaces
    "78.": Kind.OTHER,  # measurements of eyes
    "79.": Kind.OTHER,
    "80.": Kind.OTHER,
    "90.": Kind.OTHER,  # assessments of other objects
    "131": Kind.OTHER,  # a layout of screens
    "200.": Kind.OTHER,  # protocols
    "481.": Kind.RADIOTHERAPY,
    "481.1": Kind.IMAGE,
    "481.2": Kind.DOSE,
}


def kind_of(sop_class_uid: str) -> Kind:
    """Name what an object is."""
    if not sop_class_uid.startswith(_STORAGE):
        return Kind.OTHER
    name = sop_class_uid.removeprefix(_STORAGE)
    family = f"{name.partition('.')[0]}."
    return _KINDS.get(name) or _KINDS.get(family, Kind.IMAGE)
