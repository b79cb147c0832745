"""Data sets built in code, and the real files that are at hand: pydicom's own, and a shared folder when it is there."""

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEG2000Lossless

from app.dicom.instance import parse_header
from app.dicom.part10 import file_meta

PYDICOM_FILES = Path(pydicom.__file__).parent / "data"
SHARED = Path(os.environ.get("FILMPASS_SHARED", Path(__file__).resolve().parents[4] / "shared")) / "cases" / "visible"


def real_files():
    """Give the real DICOM files at hand."""
    folders = [PYDICOM_FILES, *(SHARED / name for name in ("charset", "images", "objects"))]
    paths = [path for folder in folders if folder.is_dir() for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in paths if path.suffix == ".dcm" or path.parent.name[:2] in {"CR", "CT", "MR", "SE"})


def pydicom_file(name):
    return PYDICOM_FILES / "test_files" / name


def image(pixels, photometric="MONOCHROME2", bits_stored=None, syntax=ExplicitVRLittleEndian, **attributes):
    """Make a data set around pixels of shape (rows, columns[, 3])."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, "1.2.3.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    dataset.set_pixel_data(np.ascontiguousarray(pixels), photometric, bits_stored or pixels.dtype.itemsize * 8)
    dataset.file_meta.TransferSyntaxUID = syntax
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def file_of(dataset):
    """Encode a data set as a PS3.10 file."""
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def encapsulated_file(dataset, syntax):
    """Encode a data set of encapsulated pixel data as a PS3.10 file of any transfer syntax, known to pydicom or not."""
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset["PixelData"].is_undefined_length = True
    file = file_of(dataset)
    start = parse_header(file, complete=True).dataset_offset
    return file_meta(dataset.SOPClassUID, dataset.SOPInstanceUID, syntax) + file[start:]
