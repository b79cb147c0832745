"""Instances that come as metadata in the JSON Model, with their bulk data beside, made into files.

References
----------
DICOM PS3.18 10.5.1.2 and 8.7.2 (metadata and bulk data in a Store request), Annex F; PS3.10 7.1.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian

from app.core.identifiers import InvalidUid, parse_uid
from app.dicom.instance import NotDicom

_PIXEL_DATA = 0x7FE00010


@dataclass(frozen=True, slots=True)
class BulkPart:
    """A part of bulk data: its bytes and the transfer syntax that its Content-Type names, `""` for none."""

    data: bytes
    transfer_syntax_uid: str


def file_from_json(item: Any, bulk: Mapping[str, BulkPart]) -> bytes:
    """Make a PS3.10 file of one object of the JSON Model.

    Parameters
    ----------
    item : dict
        One element of the array, as JSON was read.
    bulk : mapping
        Parts by Content-Location, which a BulkDataURI names.

    Raises
    ------
    NotDicom
        When it is no data set, or names bulk data that did not come.
    """
    used: list[BulkPart] = []

    def given(uri: str) -> bytes:
        part = bulk.get(uri)
        if part is None:
            raise NotDicom("The metadata names bulk data that is not in the body.")
        used.append(part)
        return part.data

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # values that break a rule are kept as in any file
            dataset = Dataset.from_json(item, bulk_data_uri_handler=given)
            return _written(dataset, _syntax_of(used))
    except NotDicom:
        raise
    except Exception:  # noqa: BLE001  the library raises whatever a stranger's text makes it meet, and quotes it
        raise NotDicom("The metadata is no data set in the DICOM JSON Model.") from None


def _syntax_of(parts: list[BulkPart]) -> UID:
    named = {part.transfer_syntax_uid for part in parts if part.transfer_syntax_uid} or {ExplicitVRLittleEndian}
    if len(named) != 1:
        raise NotDicom("The bulk data of one instance is in several transfer syntaxes.")
    try:
        return UID(parse_uid(named.pop()))
    except InvalidUid:
        raise NotDicom("The transfer syntax of the bulk data is no UID.") from None


def _written(dataset: Dataset, syntax: UID) -> bytes:
    for tag in [tag for tag in dataset.keys() if tag.group == 2]:  # noqa: SIM118  iterating gives elements
        del dataset[tag]
    dataset.SpecificCharacterSet = "ISO_IR 192"  # of the JSON
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    if syntax.is_compressed and _PIXEL_DATA in dataset:
        element = dataset[_PIXEL_DATA]
        element.value, element.VR, element.is_undefined_length = encapsulate([element.value]), "OB", True
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
