"""The header scan against pydicom on every file at hand, and against bytes of every kind."""

import re
import struct
import warnings
import zlib
from io import BytesIO

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from app.dicom.instance import (
    INFLATE_LIMIT,
    BadTransferSyntax,
    DoesNotMatch,
    NeedMoreBytes,
    NotDicom,
    UnreadableInstance,
    parse_dataset_header,
    parse_header,
)
from app.dicom.part10 import file_meta
from tests.app.dicom.samples import file_of, pydicom_file, real_files

SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
TEXT = {
    "patient_id": "PatientID",
    "issuer_of_patient_id": "IssuerOfPatientID",
    "patient_name": "PatientName",
    "patient_birth_date": "PatientBirthDate",
    "patient_sex": "PatientSex",
    "accession_number": "AccessionNumber",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "study_description": "StudyDescription",
    "study_id": "StudyID",
    "modality": "Modality",
    "series_description": "SeriesDescription",
    "body_part_examined": "BodyPartExamined",
    "protocol_name": "ProtocolName",
}
UIDS = {
    "sop_class_uid": "SOPClassUID",
    "sop_instance_uid": "SOPInstanceUID",
    "study_instance_uid": "StudyInstanceUID",
    "series_instance_uid": "SeriesInstanceUID",
}


def minimal(syntax=ExplicitVRLittleEndian, **attributes):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, "1.2.3.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def read_by_pydicom(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        dataset.decode()
        return dataset


def is_acceptable(dataset):
    values = [str(dataset.get(keyword) or "") for keyword in UIDS.values()]
    return all(re.fullmatch(r"[0-9]+(\.[0-9]+)*", value) and len(value) <= 64 for value in values)


def number_by_pydicom(dataset, keyword):
    try:
        return int(str(dataset.get(keyword)))
    except ValueError:  # absent, or no integer, as in published files
        return None


def text_by_pydicom(dataset, keyword):
    value = dataset.get(keyword)
    if value is None:
        return ""
    values = value if isinstance(value, pydicom.multival.MultiValue) else [value]
    return "\\".join(str(item) for item in values).strip()


@pytest.mark.filterwarnings("ignore")
def test_every_real_file_reads_as_pydicom_reads_it():
    read = 0
    for path in real_files():
        dataset = read_by_pydicom(path)
        try:
            header = parse_header(path.read_bytes(), complete=True)
        except UnreadableInstance:
            assert not is_acceptable(dataset), path
            continue
        assert is_acceptable(dataset), path
        assert {name: getattr(header, name) for name in UIDS} == {n: dataset[k].value for n, k in UIDS.items()}, path
        assert {n: getattr(header, n) for n in TEXT} == {n: text_by_pydicom(dataset, k) for n, k in TEXT.items()}, path
        assert (header.series_number, header.instance_number) == (
            number_by_pydicom(dataset, "SeriesNumber"),
            number_by_pydicom(dataset, "InstanceNumber"),
        ), path
        assert header.number_of_frames == (number_by_pydicom(dataset, "NumberOfFrames") or 1), path
        stated = dataset.file_meta.get("TransferSyntaxUID")
        assert stated is None or header.transfer_syntax_uid == stated, path
        read += 1
    assert read >= 140


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined_length", [False, True])
def test_nested_sequences_are_stepped_over_in_every_encoding(syntax, undefined_length):
    inner = Dataset()
    inner.PatientID = "inner, not the patient's"
    outer = Dataset()
    outer.ReferencedSOPSequence = [inner, Dataset()]
    outer["ReferencedSOPSequence"].is_undefined_length = undefined_length
    dataset = minimal(syntax, PatientID="P1", NumberOfFrames=3, InstanceNumber=-7)
    dataset.ReferencedStudySequence = [outer, outer]
    dataset["ReferencedStudySequence"].is_undefined_length = undefined_length
    for item in (inner, outer):
        item.is_undefined_length_sequence_item = undefined_length
    header = parse_header(file_of(dataset), complete=True)
    assert (header.patient_id, header.number_of_frames, header.instance_number) == ("P1", 3, -7)
    assert header.transfer_syntax_uid == syntax


def test_a_sequence_of_unknown_vr_holds_implicit_vr():
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + struct.pack("<HHI", 0x10, 0x20, 6) + b"inside"
    item += b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    unknown = struct.pack("<HH2sHI", 0x09, 0x1001, b"UN", 0, 0xFFFFFFFF) + item
    plain = file_of(minimal(PatientID="P1"))
    at = plain.index(struct.pack("<HH2s", 0x10, 0x20, b"LO"))
    assert parse_header(plain[:at] + unknown + plain[at:], complete=True).patient_id == "P1"


def test_chinese_text_is_decoded_and_a_backslash_within_a_character_parts_nothing():
    dataset = minimal()
    dataset.add_new(0x00080005, "CS", "GB18030")
    raw = file_of(dataset)
    at = raw.index(struct.pack("<HH", 0x20, 0x0D))
    name = b"\xd5\xc5\x8c\x5c^\xc8\xfd"  # the second character ends in 0x5C
    element = struct.pack("<HH2sH", 0x10, 0x10, b"PN", len(name)) + name
    assert (
        parse_header(raw[:at] + element + raw[at:], complete=True).patient_name
        == "张" + b"\x8c\x5c".decode("gbk") + "^三"
    )


def test_a_bare_data_set_reads_as_the_file_does_and_becomes_one_again():
    file = pydicom_file("CT_small.dcm").read_bytes()
    whole = parse_header(file, complete=True)
    bare = file[whole.dataset_offset :]
    header = parse_dataset_header(bare, whole.transfer_syntax_uid, complete=True)
    assert (header.dataset_offset, header.patient_name) == (0, whole.patient_name)
    head = file_meta(header.sop_class_uid, header.sop_instance_uid, header.transfer_syntax_uid)
    again = parse_header(head + bare, complete=True)
    assert again.dataset_offset == len(head)
    read = pydicom.dcmread(BytesIO(head + bare))
    assert read.file_meta.ImplementationVersionName == "FILMPASS_1"
    assert read.file_meta.MediaStorageSOPInstanceUID == read.SOPInstanceUID
    assert read.file_meta.FileMetaInformationGroupLength == len(head) - 144
    assert read.PixelData == pydicom.dcmread(BytesIO(file)).PixelData


def test_file_meta_pads_odd_values_to_even_length():
    read = pydicom.dcmread(BytesIO(file_meta("1.2", "1.2.3", "1.2.840.10008.1.2.1")), force=True)
    assert read.file_meta.MediaStorageSOPClassUID == "1.2"
    assert read.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


def test_a_file_without_preamble_or_meta_is_taken_when_it_can_be_read():
    bare = file_of(minimal(PatientID="P1"))
    offset = parse_header(bare, complete=True).dataset_offset
    for file, syntax in ((bare[132:], ExplicitVRLittleEndian), (bare[offset:], ExplicitVRLittleEndian)):
        header = parse_header(file, complete=True)
        assert (header.patient_id, header.transfer_syntax_uid) == ("P1", syntax)
    big = file_of(minimal(ExplicitVRBigEndian, PatientID="P1"))
    header = parse_header(big[parse_header(big, complete=True).dataset_offset :], complete=True)
    assert (header.patient_id, header.transfer_syntax_uid) == ("P1", ExplicitVRBigEndian)


def test_implicit_data_under_an_explicit_declaration_is_read():
    implicit = file_of(minimal(ImplicitVRLittleEndian, PatientID="P1"))
    offset = parse_header(implicit, complete=True).dataset_offset
    header = parse_dataset_header(implicit[offset:], ExplicitVRLittleEndian, complete=True)
    assert (header.patient_id, header.transfer_syntax_uid) == ("P1", ExplicitVRLittleEndian)


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_a_missing_uid_is_refused_by_name(keyword):
    dataset = minimal()
    raw = file_of(dataset)
    offset = parse_header(raw, complete=True).dataset_offset
    del dataset[keyword]
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, implicit_vr=False, little_endian=True, enforce_file_format=False)
    with pytest.raises(DoesNotMatch, match="missing") as refusal:
        parse_header(raw[:offset] + buffer.getvalue()[-len(raw) :].split(b"DICM")[-1], complete=True)
    assert refusal.value.reason_code == 0xA900


@pytest.mark.parametrize("value", [b"../../etc/passwd", b"1.2.3/4 ", b"1" * 66, b"1..2", b"1.2.a ", b"1\\2 "])
def test_a_malformed_uid_is_refused_and_not_repeated(value):
    raw = file_of(minimal())
    wanted = struct.pack("<HH2sH", 0x20, 0x0D, b"UI", 6) + b"1.2.3\0"
    assert wanted in raw
    broken = raw.replace(wanted, struct.pack("<HH2sH", 0x20, 0x0D, b"UI", len(value)) + value)
    with pytest.raises(DoesNotMatch, match="malformed") as refusal:
        parse_header(broken, complete=True)
    assert value.decode().strip() not in refusal.value.reason


def test_the_data_set_counts_where_file_meta_contradicts_it_as_in_published_files():
    raw = file_of(minimal())
    header = parse_header(raw, complete=True)
    other = file_meta("1.2", "9.9.9", ExplicitVRLittleEndian) + raw[header.dataset_offset :]
    assert parse_header(other, complete=True).sop_instance_uid == header.sop_instance_uid


def test_a_transfer_syntax_that_is_no_uid_is_refused():
    for syntax in ("not/a/uid", ""):
        with pytest.raises(BadTransferSyntax) as refusal:
            parse_dataset_header(b"", syntax, complete=True)
        assert refusal.value.reason_code == 0xC122


@pytest.mark.parametrize("garbage", [b"", b"GIF89a" + bytes(200), b"<html>" * 50, bytes(128) + b"DICM", bytes(400)])
def test_garbage_is_refused(garbage):
    with pytest.raises(UnreadableInstance) as refusal:
        parse_header(garbage, complete=True)
    assert refusal.value.reason_code in {0xC000, 0xA900}
    assert refusal.value.reason


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm"])
def test_a_head_gives_the_whole_header_or_asks_for_more(name):
    file = pydicom_file(name).read_bytes()
    whole = parse_header(file, complete=True)
    answers = []
    for size in [*range(0, 3000, 7), len(file) - 1]:
        try:
            assert parse_header(file[:size], complete=False) == whole
            answers.append(True)
        except NeedMoreBytes:
            answers.append(False)
    assert answers == sorted(answers)
    assert answers[-1]


def test_a_cut_complete_file_is_refused():
    file = pydicom_file("CT_small.dcm").read_bytes()
    reasons = set()
    for size in range(200, 700):
        with pytest.raises(UnreadableInstance) as refusal:
            parse_header(file[:size], complete=True)
        reasons.add(refusal.value.reason)
    assert "The data set ends within an element." in reasons


def test_a_value_longer_than_its_vr_allows_is_no_value():
    assert parse_header(
        file_of(minimal(StudyDescription="x" * 60, PatientComments="y")), complete=True
    ).study_description
    raw = file_of(minimal(ImplicitVRLittleEndian))
    at = raw.index(struct.pack("<HHI", 0x20, 0x0D, 6))
    long = struct.pack("<HHI", 0x10, 0x20, 5000) + b"9" * 5000
    assert parse_header(raw[:at] + long + raw[at:], complete=True).patient_id == ""


@pytest.mark.parametrize(
    ("raw", "number"),
    [(b"12", 12), (b" +7 ", 7), (b"99999999999", None), (b"1.5 ", None), (b"", None), (b"1\\2 ", None)],
)
def test_integer_strings(raw, number):
    file = file_of(minimal())
    raw += b" " * (len(raw) % 2)
    file += struct.pack("<HH2sH", 0x20, 0x13, b"IS", len(raw)) + raw
    assert parse_header(file, complete=True).instance_number == number


def test_a_deflated_bomb_is_harmless():
    deflated = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = file_of(minimal())[-200:]  # some bytes that are no data set
    blocks = [deflated.compress(start + bytes(1 << 20)) for _ in range(200)]
    bomb = file_meta("1.2", "1.2.3", DeflatedExplicitVRLittleEndian) + b"".join(blocks) + deflated.flush()
    with pytest.raises(UnreadableInstance):
        parse_header(bomb, complete=True)


def test_a_deflated_header_beyond_the_limit_is_refused_not_asked_for():
    private = struct.pack("<HH2sHI", 9, 0x1001, b"OB", 0, INFLATE_LIMIT) + bytes(INFLATE_LIMIT)
    deflated = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = deflated.compress(private + bytes(1 << 20)) + deflated.flush()
    with pytest.raises(UnreadableInstance):
        parse_dataset_header(body, DeflatedExplicitVRLittleEndian, complete=False)


def test_sequences_nested_beyond_reason_are_refused():
    head = struct.pack("<HH2sHI", 8, 0x1110, b"SQ", 0, 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    with pytest.raises(NotDicom, match="nested"):
        parse_dataset_header(head * 5000, ExplicitVRLittleEndian, complete=True)


def test_a_sequence_that_holds_no_items_is_refused():
    head = struct.pack("<HH2sHI", 8, 0x1110, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HH2sH", 8, 0x1150, b"UI", 0)
    with pytest.raises(NotDicom, match="no item"):
        parse_dataset_header(head, ExplicitVRLittleEndian, complete=True)


def test_a_data_set_cut_within_the_head_of_an_element_is_refused_or_asks_for_more():
    head = struct.pack("<HH2sH", 9, 0x1001, b"OB", 0) + b"\0\0"
    with pytest.raises(NotDicom, match="ends within"):
        parse_dataset_header(head, ExplicitVRLittleEndian, complete=True)
    with pytest.raises(NeedMoreBytes):
        parse_dataset_header(head, ExplicitVRLittleEndian, complete=False)


seeds = [pydicom_file(name).read_bytes()[:4000] for name in ("CT_small.dcm", "MR_small_implicit.dcm", "image_dfl.dcm")]
edits = st.lists(st.tuples(st.integers(0, 2500), st.binary(min_size=1, max_size=6)), max_size=6)


@settings(max_examples=300)
@given(st.sampled_from(seeds), edits, st.integers(0, 4000), st.booleans())
def test_no_mutation_raises_anything_but_the_named_errors(seed, edits, cut, complete):
    data = bytearray(seed)
    for at, new in edits:
        data[at : at + len(new)] = new
    try:
        header = parse_header(bytes(data[:cut]), complete=complete)
    except (UnreadableInstance, NeedMoreBytes):
        return
    assert all(set(getattr(header, name)) <= set("0123456789.") for name in UIDS)


@given(st.binary(max_size=400), st.sampled_from(SYNTAXES), st.booleans())
def test_no_bytes_raise_anything_but_the_named_errors(noise, syntax, complete):
    for data in (noise, b"\x08\0\x16\0" + noise):
        try:
            parse_dataset_header(data, syntax, complete=complete)
        except (UnreadableInstance, NeedMoreBytes):
            continue
