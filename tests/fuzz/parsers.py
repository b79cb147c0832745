"""Properties of all that reads text or bytes of strangers, for hypothesis to break."""

import contextlib
import dataclasses
import io
import json
from collections.abc import Callable, Iterator

from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from app.core.errors import BadRequest, InvalidInput, NotAcceptable
from app.dicom.charset import _CODECS, _G0, _G1, character_sets, decode_text
from app.dicom.describe import Identity, InMemory, describe
from app.dicom.directory import Entry, write_directory
from app.dicom.from_json import BulkPart, file_from_json
from app.dicom.instance import (
    InstanceHeader,
    NeedMoreBytes,
    NotDicom,
    UnreadableInstance,
    parse_dataset_header,
    parse_header,
)
from app.dicom.key_objects import marks_of
from app.dicom.multipart import MultipartError, parse_content_type, split
from app.dicom.query import ATTRIBUTES, MAX_LIMIT, Level, parse_query
from app.dicom.references import UnusableDataSet, parse_availability, parse_commitment_request
from app.services.shapes import PageQuery
from app.web.accept import Offer, choose
from app.web.operations import _parse_query
from tests.hostile.encoding import Place, element, image, native, tagged

_BOUNDARY = "b-1"
_app = Flask(__name__)
_WORDS = (
    "multipart/related",
    "application/dicom",
    "*/*",
    "type",
    "boundary",
    "transfer-syntax",
    "q",
    "0.5",
    "1e9",
    "nan",
)
_HEADER_TEXT = st.lists(
    st.sampled_from((*_WORDS, '"', "\\", ";", ",", "=", " ", "\t", "/", "*")) | st.characters(max_codepoint=255),
    max_size=40,
).map("".join)
_ESCAPES = [b"\x1b" + escape for escape in (*_G0, *_G1)]
_TEXT = st.lists(
    st.sampled_from([*_ESCAPES, b"\\", b"^", b"=", b"\r\n", b"\x1b", b"\0"]) | st.binary(max_size=6), max_size=12
)
_CHARACTER_SETS = st.lists(
    st.sampled_from(["", *_CODECS, *(f"ISO 2022 IR {n}" for n in (6, 13, 58, 87, 149, 159))]), max_size=4
)
_BODY = st.lists(
    st.sampled_from(
        [
            b"\r\n--b-1\r\n",
            b"--b-1",
            b"\r\n",
            b"\r\n--b-1--\r\n",
            b"Content-Type: application/dicom\r\n\r\n",
            b"--",
            b" ",
            b"\r",
            b"-",
        ]
    )
    | st.binary(max_size=20),
    max_size=30,
).map(b"".join)
_ELEMENTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                0x00020010,
                0x00080005,
                0x00081140,
                0x00080018,
                0x00080020,
                0x00081030,
                0x00100010,
                0x00100020,
                0x00200013,
                0x0040A030,
                0x0040A043,
                0x0040A073,
                0x0020000D,
                0xFFFEE000,
                0xFFFEE00D,
                0xFFFEE0DD,
            ]
        ),
        st.sampled_from([b"UI", b"SQ", b"UN", b"OB", b"PN", b"CS", b"??", b"\0\0"]),
        st.binary(max_size=12) | st.sampled_from([b"a\r\nb", b"a\0b", b"a\x1b[1m", "\u202ea".encode()]),
        st.none() | st.sampled_from([0, 1, 8, 0xFFFF]) | st.integers(0, 0xFFFF),
    ).map(lambda parts: element(*parts)),
    max_size=30,
).map(b"".join)


@given(_BODY, st.integers(1, 40))
def splitting_does_not_depend_on_how_the_body_arrives(body: bytes, size: int) -> None:
    assert _split(body, size) == _split(body, 1 << 20)


def _split(body: bytes, size: int) -> list[object]:
    """Give each part, and how the body failed in the end."""
    parts: list[object] = []
    try:
        parts.extend(_parts(body, size))
    except MultipartError as error:
        parts.append(type(error).__name__)
    return parts


def _parts(body: bytes, size: int) -> Iterator[tuple[dict[str, str], bytes]]:
    for part in split(io.BytesIO(body), _BOUNDARY, read_size=size):
        yield dict(part.headers), b"".join(part.chunks())


@given(_HEADER_TEXT)
def a_content_type_is_always_read(header: str) -> None:
    media_type, parameters = parse_content_type(header)
    assert media_type == media_type.strip().lower()
    assert all(name == name.lower() for name in parameters)


@given(_HEADER_TEXT)
def an_accept_header_chooses_a_form_or_is_refused(header: str) -> None:
    environ = {"HTTP_ACCEPT": header.replace("\n", " ").replace("\r", " ")}
    offers = [Offer("application/dicom", multipart=True, transfer_syntaxes=("1.2",)), Offer("application/dicom")]
    with _app.test_request_context(environ_base=environ), contextlib.suppress(NotAcceptable):
        offer, syntax = choose(offers)
        assert offer in offers
        assert syntax in {None, "*", "1.2"} or offer.transfer_syntaxes is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["cursor", "limit", "x"]) | st.text(max_size=5), st.text(max_size=40)), max_size=4
    )
)
def a_query_is_read_or_refused_by_field(pairs: list[tuple[str, str]]) -> None:
    with _app.test_request_context(query_string=dict(pairs)), contextlib.suppress(InvalidInput):
        assert 1 <= _parse_query(PageQuery).limit <= 200


@given(
    st.lists(
        st.tuples(
            st.sampled_from([a.name for a in ATTRIBUTES] + ["limit", "offset", "includefield", "fuzzymatching"])
            | st.text(max_size=8),
            st.sampled_from(["*", "a*b?", "20260101-", "0800-0900", "1.2,1.3", "all", "true", "7"])
            | st.text(max_size=40),
        ),
        max_size=5,
    ),
    st.sampled_from(Level),
)
def a_search_is_read_or_refused(pairs: list[tuple[str, str]], level: Level) -> None:
    with contextlib.suppress(BadRequest):
        query = parse_query(pairs, level)
        assert 0 <= query.limit <= MAX_LIMIT
        assert all(match.attribute.level <= level for match in query.matches)
        assert all(text.isascii() and text.isprintable() for text in query.warnings)


@given(st.lists(_TEXT.map(b"".join) | st.binary(max_size=60), max_size=4).map(b"".join), st.booleans(), st.booleans())
def any_data_set_is_described_as_json(data: bytes, explicit: bool, little: bool) -> None:
    identity = Identity("1.2", "1.3", "1.4", "1.5")
    found = describe(InMemory(data), 0, identity, explicit=explicit, little=little, direct=True)
    read = json.loads(found.text.replace(b"\x01", b"http://root"))
    assert read["00080018"]["Value"] == ["1.4"]
    assert all(at + length <= len(data) for at, length in found.bulk.values())
    marks_of(found.elements)


_CODE_VALUES = st.sampled_from(
    ["1.2", "20260102", "DCM", "113001", "", "长" * 40_000, None, 7, 0.5, {}, {"Alphabetic": "A"}]
)
_TAGS = st.sampled_from([
    "00080018", "0020000D", "0020000E", "00100010", "00100020", "00081030", "00200013", "0040A030", "0040A043", "0040A073",
    "0040A375", "00081115", "00081199", "00081155", "00080100", "00080016", "00280010", "7FE00010", "00020010", "00080005",
])  # fmt: skip
_VRS = st.sampled_from(["UI", "LO", "PN", "DA", "DT", "IS", "SQ", "UN", "OB", "US", "FD", "AT", "UT", "CS"])
_MODEL = st.recursive(
    _CODE_VALUES,
    lambda inner: st.dictionaries(
        _TAGS,
        st.fixed_dictionaries({"vr": _VRS}, optional={"Value": st.lists(inner, max_size=3)})
        | st.fixed_dictionaries({"vr": _VRS, "BulkDataURI": st.sampled_from(["a", "b", "http://elsewhere/"])})
        | st.fixed_dictionaries({"vr": _VRS, "InlineBinary": st.sampled_from(["AAA=", "====", "x"])}),
        max_size=8,
    ),
    max_leaves=20,
)


@given(_MODEL, st.sampled_from(["", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.1", "1.2.3", "/"]))
def metadata_with_bulk_data_becomes_a_file_or_is_refused(item: object, syntax: str) -> None:
    with contextlib.suppress(NotDicom):
        file = file_from_json(item, {"a": BulkPart(b"\0" * 8, syntax), "b": BulkPart(b"", "")})
        with contextlib.suppress(UnreadableInstance):
            parse_header(file, complete=True)


@given(
    _ELEMENTS,
    st.sampled_from(["1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.88.59"]),
)
def a_directory_of_any_data_set_is_read(data: bytes, sop_class: str) -> None:
    found = describe(
        InMemory(data), 0, Identity("1.2", "1.3", "1.4", sop_class), explicit=True, little=True, direct=True
    )
    entry = Entry(found.elements, sop_class, "1.2.840.10008.1.2.1", ("DICOM", "SE000001", "IM000001"))
    records = dcmread(io.BytesIO(write_directory([entry], "1.2.9"))).DirectoryRecordSequence
    assert len(records) == 4
    assert records[-1].ReferencedFileID == ["DICOM", "SE000001", "IM000001"]


@given(st.text(max_size=60))
def a_query_of_any_bytes_is_read_or_refused_by_field(query: str) -> None:
    environ = {"QUERY_STRING": query.encode().decode("latin-1")}
    with _app.test_request_context(environ_overrides=environ), contextlib.suppress(InvalidInput):
        _parse_query(PageQuery)


@given(
    st.lists(_TEXT.map(b"".join) | st.binary(max_size=30), max_size=2).map(b"".join),
    _CHARACTER_SETS,
    st.sampled_from(["PN", "LO", "UT", "CS"]),
)
def text_is_always_decoded(raw: bytes, declared: list[str], vr: str) -> None:
    text = decode_text(raw, character_sets("\\".join(declared).encode()), vr)
    text.encode()  # a lone surrogate would fail in every database and answer
    assert "\x1b" not in text or b"\x1b" in raw


@given(
    _ELEMENTS | st.binary(max_size=200),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"]),
)
def a_tag_scan_ends_in_a_header_or_a_refusal(noise: bytes, before: bool, complete: bool, syntax: str) -> None:
    whole = image(Place("1.2.3", 1), native(b"\0" * 8))
    at = 0 if before else whole.index(tagged(0x00280002))  # the last place where what is wanted is looked for
    data = whole[:at] + noise + whole[at:]
    _scan(lambda: parse_header(bytes(128) + b"DICM" + data, complete=complete))
    _scan(lambda: parse_dataset_header(data, syntax, complete=complete))


def _scan(parse: Callable[[], InstanceHeader]) -> None:
    try:
        text = "".join(map(str, dataclasses.astuple(parse())))
    except (UnreadableInstance, NeedMoreBytes):
        return
    text.encode()
    assert not any(character in text for character in "\0\r\n\x1b\u202e")


_LENGTHS = st.sampled_from([0, 8, 0xFFFF, 0xFFFFFFFF]) | st.integers(0, 100)
_REFERENCES = st.lists(
    st.tuples(st.sampled_from([0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD]), _LENGTHS).map(
        lambda parts: tagged(parts[0]) + parts[1].to_bytes(4, "little")
    )
    | st.tuples(st.sampled_from([0x00081115, 0x00081199]), st.sampled_from([b"SQ", b"UN"]), st.just(b""), _LENGTHS).map(
        lambda parts: element(*parts)
    )
    | st.tuples(
        st.sampled_from([0x00080056, 0x00081150, 0x00081155, 0x00081195, 0x0020000D]),
        st.sampled_from([b"UI", b"CS"]),
        st.sampled_from([b"1.2.3", b"1.2.3\0", b"UNAVAILABLE", b"1..2", b"/../", b""]),
    ).map(lambda parts: element(*parts)),
    max_size=30,
).map(b"".join)


@given(_REFERENCES | st.binary(max_size=200), st.sampled_from(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]))
def references_are_read_or_refused(data: bytes, syntax: str) -> None:
    for parse in (parse_commitment_request, parse_availability):
        with contextlib.suppress(UnusableDataSet):
            assert set(str(parse(data, syntax))).isdisjoint("/\\\0")


PROPERTIES: tuple[Callable[[], None], ...] = (
    splitting_does_not_depend_on_how_the_body_arrives,
    a_content_type_is_always_read,
    an_accept_header_chooses_a_form_or_is_refused,
    a_search_is_read_or_refused,
    any_data_set_is_described_as_json,
    metadata_with_bulk_data_becomes_a_file_or_is_refused,
    a_directory_of_any_data_set_is_read,
    a_query_is_read_or_refused_by_field,
    a_query_of_any_bytes_is_read_or_refused_by_field,
    text_is_always_decoded,
    a_tag_scan_ends_in_a_header_or_a_refusal,
    references_are_read_or_refused,
)
