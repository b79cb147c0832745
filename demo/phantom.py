"""A chest-like CT study, computed: three series with true geometry, so that everything can be tried without a patient.

Thick slices and the sagittal series are averaged and resampled from one volume, so a point has the same place in all
three. Axes are the patient's (PS3.3 C.7.6.2.1.1): x to the left, y to the back, z to the head.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from demo import chest
from demo.chest import COLUMNS, EDGE, INTERVAL, PIXEL, SLICES
from demo.patients import DemoPatient, make_uid

_AXIAL = (1, 0, 0, 0, 1, 0)
_SAGITTAL = (0, 1, 0, 0, 0, -1)
_INTERCEPT = -1024
_Placed = tuple[tuple[float, float, float], chest.Plane]


@dataclass(frozen=True, slots=True)
class _Series:
    number: int
    description: str
    thickness: float  # millimetres
    interval: float
    window: tuple[int, int]  # centre and width, HU
    kernel: str
    noise: float  # standard deviation, HU: sharp kernels are noisy, thick slices are not
    orientation: tuple[int, ...] = _AXIAL
    image_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY", "AXIAL")


_LUNG = _Series(1, "Lung 1.0", 1, INTERVAL, (-600, 1500), "LUNG", 30)
_SOFT = _Series(2, "Chest 5.0", 5, 5, (40, 400), "STANDARD", 9)
_BONE = _Series(
    3, "Sagittal 5.0", 5, round(5 / PIXEL) * PIXEL, (300, 1500), "BONE", 12, _SAGITTAL, ("DERIVED", "SECONDARY", "MPR")
)


def chest_study(patient: DemoPatient, *, seed: uuid.UUID, taken_at: datetime) -> Iterator[FileDataset]:
    """Compute the study: lung (140 slices of 1 mm every 2 mm), chest (56 of 5 mm), sagittal (40 of 5 mm).

    Parameters
    ----------
    seed : uuid.UUID
        Every UID of the study follows from it; another seed makes another study.
    taken_at : datetime
        The date and time of study, series, acquisition and content.

    Yields
    ------
    FileDataset
        CT Image Storage, Explicit VR Little Endian, 12 of 16 bits, with file meta information; about 119 MB in all.

    References
    ----------
    DICOM PS3.3 A.3 (CT Image IOD), C.7.6.2 (Image Plane), C.8.2.1 (CT Image).
    """
    volume = chest.volume()
    noise = np.random.default_rng(seed.int).standard_normal((COLUMNS, COLUMNS), dtype=np.float32)
    for series, planes in ((_LUNG, _thin(volume)), (_SOFT, _thick(volume)), (_BONE, _sagittal(volume))):
        for number, (position, plane) in enumerate(planes, start=1):
            image = _image(series, seed, number, taken_at)
            patient.label(image)
            image.ImagePositionPatient = [_decimal(value) for value in position]
            image.SliceLocation = _decimal(position[0 if series is _BONE else 2])
            grain = np.roll(noise, (number * 37, number * 101), (0, 1))[: plane.shape[0], : plane.shape[1]]
            _set_pixels(image, plane + series.noise * grain)
            yield image


def nodule_uid(seed: uuid.UUID) -> UID:
    """Return the SOP Instance UID of the thin slice that shows the nodule."""
    return make_uid(seed, _LUNG.number, SLICES // 2 + round(chest.NODULE[2] / INTERVAL) + 1)


def _thin(volume: NDArray[np.int16]) -> Iterator[_Placed]:
    for index in range(SLICES):
        yield (EDGE, EDGE, chest.height(index)), volume[index].astype(np.float32)


def _thick(volume: NDArray[np.int16]) -> Iterator[_Placed]:
    heights = np.array([chest.height(index) for index in range(SLICES)])
    for centre in np.arange(heights[0] + 1.5, heights[-1], _SOFT.thickness):
        first, last = np.searchsorted(heights, (centre - _SOFT.thickness / 2, centre + _SOFT.thickness / 2))
        yield (EDGE, EDGE, float(centre)), volume[first:last].mean(axis=0, dtype=np.float32)


def _sagittal(volume: NDArray[np.int16]) -> Iterator[_Placed]:
    # Square pixels, as a scanner's own reformat has them: rows are interpolated between the slices, head first.
    wanted = np.arange(0, SLICES - 1, PIXEL / INTERVAL, dtype=np.float32)[::-1]
    below = wanted.astype(np.intp)
    part = (wanted - below)[:, np.newaxis]
    top = chest.height(0) + float(wanted[0]) * INTERVAL
    width = round(_BONE.interval / PIXEL)
    for first in range(COLUMNS // 2 - 20 * width, COLUMNS // 2 + 20 * width, width):
        plane = volume[:, :, first : first + width].mean(axis=2, dtype=np.float32)
        centre = EDGE + (first + (width - 1) / 2) * PIXEL
        yield (centre, EDGE, top), plane[below] * (1 - part) + plane[below + 1] * part


def _image(series: _Series, seed: uuid.UUID, number: int, taken_at: datetime) -> FileDataset:
    image = FileDataset("", {}, preamble=b"\0" * 128, file_meta=FileMetaDataset())
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = CTImageStorage
    instance_uid = make_uid(seed, series.number, number)
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = instance_uid
    image.StudyInstanceUID = make_uid(seed)
    image.SeriesInstanceUID = make_uid(seed, series.number)
    image.FrameOfReferenceUID = make_uid(seed, "frame of reference")
    image.PositionReferenceIndicator = image.ReferringPhysicianName = ""
    for moment in ("Study", "Series", "Acquisition", "Content"):
        setattr(image, f"{moment}Date", f"{taken_at:%Y%m%d}")
        setattr(image, f"{moment}Time", f"{taken_at:%H%M%S}")
    image.Modality, image.Manufacturer, image.ManufacturerModelName = "CT", "Filmpass", "Chest phantom"
    image.StudyID, image.AcquisitionNumber = "1", 1
    image.BodyPartExamined, image.PatientPosition = "CHEST", "HFS"
    image.SeriesNumber, image.SeriesDescription, image.InstanceNumber = series.number, series.description, number
    image.ImageType, image.ConvolutionKernel = list(series.image_type), series.kernel
    image.KVP, image.SliceThickness = "120", _decimal(series.thickness)
    image.SpacingBetweenSlices = _decimal(series.interval)
    image.ImageOrientationPatient = list(series.orientation)
    image.PixelSpacing = [_decimal(PIXEL)] * 2
    image.WindowCenter, image.WindowWidth = series.window
    return image


def _set_pixels(image: FileDataset, hu: chest.Plane) -> None:
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = hu.shape
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = str(_INTERCEPT), "1", "HU"
    stored = np.clip(np.rint(hu - _INTERCEPT), 0, 4095).astype("<u2")
    image.PixelData = stored.tobytes()


def _decimal(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
