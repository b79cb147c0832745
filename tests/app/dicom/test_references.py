"""Data sets that name instances, as peers encode them and as they should not."""

import time
from io import BytesIO
from struct import pack

import pytest
from pydicom import Dataset
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset
from pydicom.uid import CTImageStorage

from app.dicom.references import (
    MOST_REFERENCES,
    InvalidAttribute,
    MissingAttribute,
    Reference,
    TooManyReferences,
    UnusableDataSet,
    parse_availability,
    parse_commitment_request,
)

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"


def encoded(dataset: Dataset, syntax: str, *, undefined: bool = False) -> bytes:
    for element in dataset.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = undefined
            for item in element.value:
                item.is_undefined_length_sequence_item = undefined
    file = DicomFileLike(BytesIO())
    file.is_little_endian, file.is_implicit_VR = True, syntax == IMPLICIT
    write_dataset(file, dataset)
    return file.parent.getvalue()


def item(uid: str) -> Dataset:
    named = Dataset()
    named.ReferencedSOPClassUID, named.ReferencedSOPInstanceUID = CTImageStorage, uid
    return named


def request(*uids: str) -> Dataset:
    asked = Dataset()
    asked.TransactionUID, asked.ReferencedSOPSequence = "1.2.77", [item(uid) for uid in uids]
    return asked


def quick(count: int) -> bytes:
    """A request with very many items, in Implicit VR."""
    uid, kind = b"1.2.%017d\0", CTImageStorage.encode() + b"\0"
    class_ = pack("<HHI", 0x0008, 0x1150, len(kind)) + kind
    items = []
    for number in range(count):
        value = uid % number
        body = class_ + pack("<HHI", 0x0008, 0x1155, len(value)) + value
        items.append(pack("<HHI", 0xFFFE, 0xE000, len(body)) + body)
    whole = b"".join(items)
    transaction = pack("<HHI", 0x0008, 0x1195, 6) + b"1.2.77"
    return transaction + pack("<HHI", 0x0008, 0x1199, len(whole)) + whole


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@pytest.mark.parametrize("undefined", [False, True])
def test_references_are_read_in_every_encoding(syntax, undefined):
    found = parse_commitment_request(encoded(request("1.2.3", "1.2.4"), syntax, undefined=undefined), syntax)
    assert found.transaction_uid == "1.2.77"
    assert found.references == (Reference(CTImageStorage, "1.2.3"), Reference(CTImageStorage, "1.2.4"))


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@pytest.mark.parametrize("undefined", [False, True])
def test_what_else_the_data_set_holds_is_passed_over(syntax, undefined):
    asked = request("1.2.3")
    asked.add_new(0x00081199 + 0x00010000, "OB", bytes(300))
    asked.PatientName = "A^B"
    asked.ReferencedSOPSequence[0].PurposeOfReferenceCodeSequence = [request("1.2.9")]
    asked.ReferencedPerformedProcedureStepSequence = [item("1.2.8")]
    found = parse_commitment_request(encoded(asked, syntax, undefined=undefined), syntax)
    assert [named.sop_instance_uid for named in found.references] == ["1.2.3"]


def test_an_instance_that_is_named_twice_counts_once():
    assert len(parse_commitment_request(encoded(request("1.2.3", "1.2.3"), IMPLICIT), IMPLICIT).references) == 1


def test_a_sequence_of_unknown_vr_is_in_implicit_vr():
    inner = encoded(request("1.2.3"), IMPLICIT)
    at = inner.index(pack("<HH", 0x0008, 0x1199))
    length = inner[at + 4 : at + 8]
    transaction = pack("<HH2sH", 0x0008, 0x1195, b"UI", 6) + b"1.2.77"
    data = transaction + pack("<HH2sH", 0x0008, 0x1199, b"UN", 0) + length + inner[at + 8 :]
    assert parse_commitment_request(data, EXPLICIT).references == (Reference(CTImageStorage, "1.2.3"),)


def test_series_of_a_study_are_read_as_one_set():
    told = Dataset()
    told.StudyInstanceUID, told.ReferencedSeriesSequence = "1.2.5", [Dataset(), Dataset()]
    for series, uid, availability in zip(
        told.ReferencedSeriesSequence, ("1.2.6", "1.2.7"), ("ONLINE", "UNAVAILABLE"), strict=True
    ):
        series.ReferencedSOPSequence = [item(uid)]
        series.ReferencedSOPSequence[0].InstanceAvailability = availability
    found = parse_availability(encoded(told, EXPLICIT), EXPLICIT)
    assert (found.study_instance_uid, found.sop_instance_uids) == ("1.2.5", ("1.2.6",))


@pytest.mark.parametrize("lacking", ["TransactionUID", "ReferencedSOPSequence"])
def test_a_request_that_lacks_something_is_refused_by_its_name(lacking):
    asked = request("1.2.3")
    delattr(asked, lacking)
    with pytest.raises(MissingAttribute, match="is missing"):
        parse_commitment_request(encoded(asked, EXPLICIT), EXPLICIT)


def test_a_hundred_thousand_references_are_refused_before_they_cost_much():
    data, before = quick(100_000), time.process_time()
    with pytest.raises(TooManyReferences):
        parse_commitment_request(data, IMPLICIT)
    assert time.process_time() - before < 2
    assert len(parse_commitment_request(quick(MOST_REFERENCES), IMPLICIT).references) == MOST_REFERENCES
    with pytest.raises(TooManyReferences):
        parse_commitment_request(quick(MOST_REFERENCES + 1), IMPLICIT)


def test_a_data_set_that_is_cut_off_anywhere_is_refused():
    data = encoded(request("1.2.3"), EXPLICIT, undefined=True)
    for end in range(len(data)):
        with pytest.raises(UnusableDataSet):
            parse_commitment_request(data[:end], EXPLICIT)


def test_items_nested_without_end_are_refused():
    nested = pack("<HHI", 0x0008, 0x1199, 0xFFFFFFFF) + pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    with pytest.raises(InvalidAttribute, match="nested"):
        parse_commitment_request(nested * 10_000, IMPLICIT)
