"""Directories of media: records that other software reads, whatever the files say."""

from io import BytesIO

import pytest
from pydicom import dcmread

from app.dicom.directory import Entry, write_directory

SR, CT = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.2"
UIDS = {
    "00080018": {"vr": "UI", "Value": ["1.2.3.4"]},
    "0020000D": {"vr": "UI", "Value": ["1.2"]},
    "0020000E": {"vr": "UI", "Value": ["1.2.3"]},
}


def records(elements: dict, sop_class: str = CT):
    entry = Entry(UIDS | elements, sop_class, "1.2.840.10008.1.2.1", ("DICOM", "SE000001", "IM000001"))
    written = dcmread(BytesIO(write_directory([entry], "1.2.9")))
    return {record.DirectoryRecordType: record for record in written.DirectoryRecordSequence}


def observed(*times: str) -> dict:
    return {"0040A073": {"vr": "SQ", "Value": [{"0040A030": {"vr": "DT", "Value": [time]}} for time in times] + [{}]}}


def test_a_document_says_when_it_was_verified_last():
    found = records(observed("20260102", "20260301120000", "20260201"), SR)
    assert found["SR DOCUMENT"].VerificationDateTime == "20260301120000"
    assert "VerificationDateTime" not in records({}, SR)["SR DOCUMENT"]


@pytest.mark.parametrize(
    "strange",
    [
        {"0040A073": {"vr": "LO", "Value": ["text"]}},
        {"0040A073": {"vr": "SQ", "Value": [{"0040A030": {"vr": "US", "Value": [7]}}]}},
        {"0040A073": {"vr": "SQ", "Value": [{"0040A030": {"vr": "DT", "Value": [None]}}]}},
    ],
)
def test_a_document_that_is_verified_in_no_known_way_says_nothing(strange):
    assert "VerificationDateTime" not in records(strange, SR)["SR DOCUMENT"]


@pytest.mark.parametrize(
    "strange",
    [
        {"vr": "UN", "InlineBinary": "AAAA"},
        {"vr": "OB", "BulkDataURI": "http://root"},
        {"vr": "US", "Value": [7]},
        {"vr": "SQ", "Value": [{}]},
        {"vr": "LO", "Value": ["长" * 30_000]},
    ],
)
def test_a_key_in_a_form_of_its_own_is_left_empty_and_harms_no_other(strange):
    found = records({"00081030": strange, "00100020": {"vr": "LO", "Value": ["P-1"]}})
    assert found["PATIENT"].PatientID == "P-1"
    assert not found["STUDY"].StudyDescription
    assert found["IMAGE"].ReferencedFileID == ["DICOM", "SE000001", "IM000001"]
