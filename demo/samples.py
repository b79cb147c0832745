"""pydicom's own sample files, relabelled into one study: the kinds of image and transfer syntax a hospital has."""

import uuid
from collections.abc import Iterator

from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import FileDataset

from demo.patients import DemoPatient, make_uid

# All lie inside the wheel: nothing is fetched.
FILES = (
    "CT_small.dcm",  # Explicit VR Little Endian, signed
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_RLE.dcm",
    "examples_overlay.dcm",
    "693_J2KI.dcm",  # lossy JPEG 2000, 512 x 512
    "examples_jpeg2k.dcm",  # colour ultrasound, lossless JPEG 2000
    "examples_palette.dcm",
    "examples_rgb_color.dcm",
    "examples_ybr_color.dcm",  # ultrasound clip of 30 frames, JPEG Baseline
    "SC_rgb_rle_16bit_2frame.dcm",
    "SC_rgb_jpeg_gdcm.dcm",  # JPEG Lossless
    "reportsi.dcm",  # structured report
    "waveform_ecg.dcm",
)


def sample_study(patient: DemoPatient, *, seed: uuid.UUID) -> Iterator[FileDataset]:
    """Copy each sample into one study of `patient`, with new UIDs; transfer syntax and pixel data stay as they are.

    Parameters
    ----------
    seed : uuid.UUID
        Every UID of the study follows from it; another seed makes another study.

    Yields
    ------
    FileDataset
        One instance, in a series of its own, as the sample's modality demands.
    """
    for number, name in enumerate(FILES, start=1):
        instance = dcmread(str(get_testdata_file(name, download=False)))
        instance.decode()  # text is read as the file declares it, before the label declares another character set
        patient.label(instance)
        instance.StudyInstanceUID = make_uid(seed)
        instance.SeriesInstanceUID = make_uid(seed, number)
        instance.SOPInstanceUID = make_uid(seed, number, "instance")
        instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
        instance.SeriesNumber = number
        yield instance
