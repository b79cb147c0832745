"""Structured reports as lines: published ones are read in full, hostile ones within bounds."""

import pydicom
from pydicom.data import get_testdata_file

from app.dicom.structured_report import MOST_LINES, Line, lines_of


def text(value: str, name: str = "Finding") -> dict:
    return {
        "0040A040": {"vr": "CS", "Value": ["TEXT"]},
        "0040A043": {"vr": "SQ", "Value": [{"00080104": {"vr": "LO", "Value": [name]}}]},
        "0040A160": {"vr": "UT", "Value": [value]},
    }


def container(*children: dict, name: str = "Report") -> dict:
    return {
        "0040A040": {"vr": "CS", "Value": ["CONTAINER"]},
        "0040A043": {"vr": "SQ", "Value": [{"00080104": {"vr": "LO", "Value": [name]}}]},
        "0040A730": {"vr": "SQ", "Value": list(children)},
    }


def test_a_published_report_is_read_in_its_order():
    for name in ("reportsi.dcm", "test-SR.dcm"):
        dataset = pydicom.dcmread(get_testdata_file(name, download=False))
        lines = lines_of(dataset.to_json_dict())
        assert lines
        said = [line.value for line in lines]
        for item in dataset.ContentSequence:
            if item.ValueType == "TEXT":
                assert item.TextValue.strip() in said, name


def test_headings_numbers_codes_and_names_are_worded():
    number = {
        "0040A040": {"vr": "CS", "Value": ["NUM"]},
        "0040A043": {"vr": "SQ", "Value": [{"00080104": {"vr": "LO", "Value": ["Diameter"]}}]},
        "0040A300": {
            "vr": "SQ",
            "Value": [
                {
                    "0040A30A": {"vr": "DS", "Value": [4.5]},
                    "004008EA": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["mm"]}}]},
                }
            ],
        },
    }
    person = {
        "0040A040": {"vr": "CS", "Value": ["PNAME"]},
        "0040A123": {"vr": "PN", "Value": [{"Alphabetic": "Li^Si"}]},
    }
    lines = lines_of(container(text("两肺清晰"), container(number, name="Measurements"), person))
    assert lines == [
        Line(0, "Report", ""), Line(1, "Finding", "两肺清晰"), Line(1, "Measurements", ""),
        Line(2, "Diameter", "4.5 mm"), Line(1, "", "Li Si"),
    ]  # fmt: skip


def test_depth_and_length_are_bounded():
    deep = text("bottom")
    for _ in range(200):
        deep = container(deep)
    assert len(lines_of(deep)) == 13
    assert len(lines_of(container(*[text("x" * 10_000)] * 5000))) == MOST_LINES
    assert len(lines_of(text("x" * 10_000))[0].value) == 4000


def test_what_is_no_report_gives_nothing():
    for odd in ({}, {"0040A730": {"vr": "SQ", "Value": ["x", None, 3]}}, {"0040A040": {"vr": "CS", "Value": ["NUM"]}}):
        assert lines_of(odd) == []


def test_references_and_numbers_without_a_unit_are_lines_too():
    image = {
        "0040A040": {"vr": "CS", "Value": ["IMAGE"]},
        "00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2.3"]}}]},
    }
    nothing = {"0040A040": {"vr": "CS", "Value": ["IMAGE"]}}
    measured = {
        "0040A30A": {"vr": "DS", "Value": [3]},
        "004008EA": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["1"]}}]},
    }
    count = {"0040A040": {"vr": "CS", "Value": ["NUM"]}, "0040A300": {"vr": "SQ", "Value": [measured]}}
    uid = {"0040A040": {"vr": "CS", "Value": ["UIDREF"]}, "0040A124": {"vr": "UI", "Value": ["2.25.9"]}}
    lines = lines_of(container(image, nothing, count, uid))
    assert lines == [Line(0, "Report", ""), Line(1, "", "", "1.2.3"), Line(1, "", "3"), Line(1, "", "2.25.9")]
    assert [line.is_heading for line in lines] == [True, False, False, False]
