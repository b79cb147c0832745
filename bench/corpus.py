"""What is sent: a computed chest CT, an MR of 26 kB, and the CT in JPEG 2000; under fresh UIDs each time.

The CT is the phantom's standard series of 5 mm, which in JPEG 2000 takes 200 kB an image and 28 ms to decode; a real
one of this kind took 174 kB and 27 ms. Twenty images are encoded once. Their UIDs, Patient ID, accession and instance
number are marks of fixed length, so that a study is a copy of bytes, and no server meets an instance twice.
"""

import itertools
import secrets
import uuid
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Literal

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import ComputedRadiographyImageStorage, JPEG2000Lossless, MRImageStorage

from demo.chest import SLICES
from demo.patients import XIAOMING
from demo.phantom import chest_study
from tests.factories import ISSUER

Kind = Literal["ct", "mr", "j2k", "cr", "tiny"]
_IMAGES = 20
_MARK, _NUMBER = "8" * 16, "7777"
_HEAD = 4096  # bytes that hold everything but the pixels


@dataclass(frozen=True)
class Study:
    """PS3.10 files of one study. `mark` is its Patient ID and accession number."""

    mark: str
    files: list[bytes]

    @property
    def uid(self) -> str:
        """Its Study Instance UID."""
        return f"2.25.{self.mark}"

    def instance(self, number: int) -> tuple[str, str]:
        """Return the Series and SOP Instance UID of an instance, counted from 1."""
        return f"{self.uid}.1", f"{self.uid}.1.{number:04d}"


class Corpus:
    """The templates. Making them takes some seconds."""

    def __init__(self) -> None:
        patient = replace(XIAOMING, patient_id=_MARK, accession_number=_MARK, issuer=ISSUER)
        seed = uuid.UUID(int=7)
        images = chest_study(patient, seed=seed, taken_at=datetime(2026, 3, 12, 9, 30, tzinfo=UTC))
        first = SLICES + 8  # behind the thin slices
        chosen = list(itertools.islice(images, first, first + 2 * _IMAGES, 2))
        for image in chosen:
            _mark(image)
        self._templates: dict[Kind, list[bytes]] = {
            "ct": [_encoded(image) for image in chosen],
            "mr": [_encoded(_as_mr(image)) for image in chosen],
            "j2k": [_encoded(_as_j2k(image)) for image in chosen],
            "cr": [_encoded(_as_cr(image)) for image in chosen[:4]],
            "tiny": [_encoded(_as_tiny(image)) for image in chosen[:1]],
        }

    def study(self, kind: Kind, count: int) -> Study:
        """Make a study that nobody has seen before."""
        mark = str(secrets.randbelow(9 * 10**15) + 10**15)
        templates = itertools.islice(itertools.cycle(self._templates[kind]), count)
        return Study(mark, [_numbered(file, mark, number) for number, file in enumerate(templates, 1)])


def _mark(image: FileDataset) -> None:
    image.StudyInstanceUID, image.SeriesInstanceUID = f"2.25.{_MARK}", f"2.25.{_MARK}.1"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"2.25.{_MARK}.1.{_NUMBER}"
    image.InstanceNumber = _NUMBER


def _numbered(template: bytes, mark: str, number: int) -> bytes:
    head = template[:_HEAD].replace(_NUMBER.encode(), b"%04d" % number).replace(_MARK.encode(), mark.encode())
    return head + template[_HEAD:]


def _as_mr(image: FileDataset) -> FileDataset:
    """Make an MR of 96 x 128 pixels out of the middle of a CT."""
    made = deepcopy(image)
    pixels = image.pixel_array[160:352:2, 128:384:2]
    made.Modality = "MR"
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = MRImageStorage
    made.Rows, made.Columns = pixels.shape
    made.PixelData = pixels.astype("<u2").tobytes()
    return made


def _as_cr(image: FileDataset) -> FileDataset:
    """Make a radiograph of 1760 x 1760 pixels out of a CT."""
    made = deepcopy(image)
    pixels = np.clip(image.pixel_array.astype(np.int32) + 1024, 0, 4095).astype("<u2").repeat(4, 0).repeat(4, 1)
    made.Modality, made.PixelRepresentation, made.RescaleIntercept = "CR", 0, 0
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    made.WindowCenter, made.WindowWidth = 1064, 1500
    made.Rows, made.Columns = 1760, 1760
    made.PixelData = np.ascontiguousarray(pixels[:1760, :1760]).tobytes()
    return made


def _as_tiny(image: FileDataset) -> FileDataset:
    """Make an image of 8 x 8 pixels, by a patient whose name is a mark too."""
    made = deepcopy(image)
    made.PatientName, made.Rows, made.Columns = _MARK, 8, 8
    made.PixelData = made.PixelData[:128]
    return made


def _as_j2k(image: FileDataset) -> FileDataset:
    made = deepcopy(image)
    made.compress(JPEG2000Lossless, generate_instance_uid=False)
    return made


def _encoded(image: FileDataset) -> bytes:
    buffer = BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
