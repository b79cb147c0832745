"""Searches as the standard and its clients write them, on both databases: what matches, in which order, what is said."""

import itertools
from io import BytesIO

import pytest
from pydicom import Dataset, dcmread

from app.audit.events import Event
from app.dicom.instance import parse_header
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from tests import factories
from tests.dicomweb.conftest import describe

pytestmark = [pytest.mark.flow, pytest.mark.both_databases]
PEOPLE = (
    ("Zhang^San=张^三", "P-1", "20260110", "CT", "ISO_IR 192"),
    ("Zhang^Sanfeng=张^三丰", "P-2", "20260111", "MR", "ISO_IR 192"),
    ("Dupond^Émile", "P-3", "20260212", "CT", "ISO_IR 192"),
    ("DUPONT^MARIE", "p-3", "20260213", "DX", "ISO_IR 192"),
    ("李四", "P_4", "20260314", "CT", "ISO_IR 192"),
)


@pytest.fixture
def pacs(parts, client):
    hospital = factories.make_hospital(parts, "yz1")
    intake = Intake(parts, Sender(hospital, "stow", "tests", factories.ISSUER))
    for number, person in enumerate(PEOPLE, start=1):
        for instance in (1, 2):
            intake.take(iter([file_of(number, instance, *person)]), parse_header)
    intake.close()
    assert not any(outcome.failure for outcome in intake.outcomes)
    describe(parts)
    key = factories.make_api_key(parts, hospital)

    def get(path, accept="application/dicom+json"):
        headers = {"Authorization": f"Bearer {key}", "Accept": accept}
        return client.get(f"/h/yz1/dicom-web{path}", headers=headers)

    return get


def file_of(number, instance, name, patient_id, date, modality, charset):
    dataset = dcmread(BytesIO(factories.slice_file(f"1.2.826.7.{number}", instance, patient_id, f"A-{number}")))
    dataset.SpecificCharacterSet, dataset.PatientName, dataset.StudyDate = charset, name, date
    dataset.Modality, dataset.StudyTime, dataset.StudyID = modality, f"0{number}3000.5", f"S{number}"
    dataset.ReferringPhysicianName, dataset.PatientSex = "Wang^Yi", "O"
    dataset.StudyDescription, dataset.SeriesDescription = "胸部", "Thin [1]"
    dataset.PerformedProcedureStepStartDate = date
    request = Dataset()
    request.ScheduledProcedureStepID, request.RequestedProcedureID = f"STEP{number}", f"RP{number}"
    dataset.RequestAttributesSequence = [request]
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def found(answer) -> set[int]:
    assert answer.status_code == 200, answer.text
    return {int(item["0020000D"]["Value"][0].rpartition(".")[2]) for item in answer.json}


STUDIES = (

        ("", {1, 2, 3, 4, 5}),
        ("PatientID=P-1", {1}),
        ("00100020=P-3", {3}),
        ("PatientID=*-3", {3, 4}),
        ("PatientID=P_4", {5}),
        ("PatientID=P?4", {5}),
        ("PatientID=P%2F", set()),
        ("PatientName=zhang*", {1, 2}),
        ("PatientName=ZHANG%5ESAN", {1}),
        ("PatientName=Zhang%5E*", {1, 2}),
        ("PatientName=*san*", {1, 2}),
        ("PatientName=dupond%5Eemile", {3}),
        ("PatientName=Dupon?%5E*", {3, 4}),
        ("PatientName=%E5%BC%A0*", {1, 2}),
        ("PatientName=%E6%9D%8E%E5%9B%9B", {5}),
        ("PatientName=san+zhang&fuzzymatching=true", {1, 2}),
        ("PatientName=san+zhang&fuzzymatching=false", set()),
        ("PatientName=%E4%B8%89&fuzzymatching=true", {1, 2}),
        ("StudyDate=20260110", {1}),
        ("StudyDate=20260111-20260213", {2, 3, 4}),
        ("StudyDate=-20260111", {1, 2}),
        ("StudyDate=20260301-", {5}),
        ("StudyTime=0130", {1}),
        ("StudyTime=0200-0400", {2, 3}),
        ("AccessionNumber=A-2", {2}),
        ("AccessionNumber=*-2*&PatientID=P-2", {2}),
        ("StudyInstanceUID=1.2.826.7.1,1.2.826.7.3", {1, 3}),
        ("StudyInstanceUID=1.2.826.7.1%5C1.2.826.7.3", {1, 3}),
        ("ModalitiesInStudy=CT", {1, 3, 5}),
        ("ModalitiesInStudy=CT,MR", {1, 2, 3, 5}),
        ("ModalitiesInStudy=C*", {1, 3, 5}),
        ("StudyID=S4", {4}),
        ("ReferringPhysicianName=wang*", {1, 2, 3, 4, 5}),
        ("ReferringPhysicianName=Li*", set()),
        ("PatientName=*&StudyDate=", {1, 2, 3, 4, 5}),
        ("limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060%2C00080090%2C00100030", {1, 2, 3, 4, 5}),
        ("PatientName=*AN*&00100020=*P*&AccessionNumber=*A-*&ModalitiesInStudy=CT&StudyDate=20260101-20261231", {1}),
)  # fmt: skip


def test_studies_are_found(pacs):
    for query, numbers in STUDIES:
        assert found(pacs(f"/studies?{query}")) == numbers, query


BELOW = (

        ("/series", 5),
        ("/series?Modality=CT", 3),
        ("/series?SeriesInstanceUID=1.2.826.7.2.1", 1),
        ("/series?PatientID=P-1&SeriesNumber=1", 1),
        ("/series?PerformedProcedureStepStartDate=20260110-20260111", 2),
        ("/series?RequestAttributesSequence.ScheduledProcedureStepID=STEP3", 1),
        ("/series?00400275.00401001=RP*", 5),
        ("/studies/1.2.826.7.1/series", 1),
        ("/studies/1.2.826.7.1/series?SeriesNumber=2", 0),
        ("/instances", 10),
        ("/instances?SOPInstanceUID=1.2.826.7.4.1.2", 1),
        ("/instances?SOPClassUID=1.2.840.10008.5.1.4.1.1.2&InstanceNumber=2", 5),
        ("/studies/1.2.826.7.1/instances", 2),
        ("/studies/1.2.826.7.1/series/1.2.826.7.1.1/instances", 2),
        ("/studies/1.2.826.7.1/series/1.2.826.7.2.1/instances", 0),
        ("/studies/1.2.826.9/instances", 0),
)  # fmt: skip


def test_series_and_instances_are_found(pacs):
    for path, count in BELOW:
        answer = pacs(path)
        assert (answer.status_code, len(answer.json)) == (200, count), path


def test_a_study_is_told_with_every_attribute_that_is_required(pacs):
    (study,) = pacs("/studies?PatientID=P-1").json
    values = {tag: item.get("Value") for tag, item in study.items()}
    assert values["00100010"] == [{"Alphabetic": "Zhang^San", "Ideographic": "张^三"}]
    assert values["00080061"] == ["CT"]
    assert (values["00201206"], values["00201208"]) == ([1], [2])
    assert values["00081030"] == ["胸部"]
    assert values["00081190"] == ["https://films.example/h/yz1/dicom-web/studies/1.2.826.7.1"]
    assert set(values) >= {
        "00080005", "00080020", "00080030", "00080050", "00080056", "00080090", "00100020", "00100030", "00100040",
        "0020000D", "00200010",
    }  # fmt: skip
    assert list(study) == sorted(study)


def test_series_and_instances_are_told_with_theirs(pacs):
    (series,) = pacs("/studies/1.2.826.7.1/series").json
    assert series["00400275"]["Value"][0]["00400009"]["Value"] == ["STEP1"]
    assert (series["00400244"]["Value"], series["00201209"]["Value"]) == (["20260110"], [2])
    assert series["0020000D"]["Value"] == ["1.2.826.7.1"]
    first, second = pacs("/studies/1.2.826.7.1/instances").json
    assert (first["00200013"]["Value"], second["00200013"]["Value"]) == ([1], [2])
    assert (first["00280010"]["Value"], first["00280100"]["Value"]) == ([32], [16])
    assert first["00083002"]["Value"] == ["1.2.840.10008.1.2.1"]


def test_further_attributes_come_on_request(pacs):
    plain, asked, everything = (
        pacs(f"/studies/1.2.826.7.1/instances?{query}").json[0]
        for query in ("", "includefield=WindowCenter,00281051", "includefield=all")
    )
    assert "00281050" not in plain
    assert (asked["00281050"]["Value"], asked["00281051"]["Value"]) == ([512], [1024])
    assert everything["00280004"]["Value"] == ["MONOCHROME2"]
    assert pacs("/studies?PatientID=P-1&includefield=Manufacturer").json[0].get("00080070") is None
    assert pacs("/series?PatientID=P-1&includefield=00080060").json[0]["00080060"]["Value"] == ["CT"]


def test_pages_follow_each_other_without_gap_or_double_and_say_what_remains(pacs):
    whole = [item["0020000D"]["Value"][0] for item in pacs("/studies").json]
    pages = [pacs(f"/studies?limit=2&offset={offset}") for offset in (0, 2, 4, 6)]
    assert list(itertools.chain(*([i["0020000D"]["Value"][0] for i in page.json] for page in pages))) == whole
    assert [page.headers.get("Warning") for page in pages] == [
        '299 filmpass "There are 3 additional results that can be requested"',
        '299 filmpass "There are 1 additional results that can be requested"',
        None,
        None,
    ]


def test_what_is_no_attribute_is_ignored_with_a_warning(pacs):
    answer = pacs("/studies?PatientID=P-1&FavouriteColour=red%0d%0aX: y&StudyDescription=*x*")
    assert found(answer) == {1}
    said = answer.headers.getlist("Warning")
    assert [text.split()[4] for text in said] == ["FavouriteColour", "StudyDescription"]


MALFORMED = (
"StudyDate=2026", "StudyDate=20261340", "StudyDate=20260101-20260102-20260103", "StudyTime=99x",
     "StudyInstanceUID=../etc", "limit=-1", "limit=x", "offset=1e3", "fuzzymatching=perhaps", "Modality=CT",
     "SOPInstanceUID=1.2", "PatientName=%00"
)  # fmt: skip


def test_a_malformed_value_is_named(pacs):
    for query in MALFORMED:
        answer = pacs(f"/studies?{query}")
        assert answer.status_code == 400, query
        assert query.partition("=")[0] in answer.json["detail"]


def test_a_number_is_asked_for_as_one(pacs):
    assert pacs("/series?SeriesNumber=one").status_code == 400
    assert pacs("/studies/not-a-uid/series").status_code == 400


def test_each_search_is_on_record_and_nothing_of_what_was_asked(pacs, parts):
    pacs("/studies?PatientName=Zhang*")
    (event,) = factories.events(parts, Event.STUDIES_SEARCHED)
    assert event.resource.startswith("hospital:")
    assert "hang" not in str(vars(event)).lower()
