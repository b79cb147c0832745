import uuid
from datetime import UTC, datetime

import pytest
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from app.services.patients import PatientRecord
from app.services.report_writing import ReportRecord
from app.services.service_requests import ServiceRequestRecord
from demo.examinations import demo_examinations, made_up_number, own_examinations
from demo.own_files import OwnFiles, OwnStudy
from demo.phantom import nodule_uid

STARTED = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def tags(**values):
    dataset = Dataset()
    for name, value in ({"PatientID": "P1", "PatientName": "Lin^Mei", "PatientBirthDate": "19580307"} | values).items():
        # As read from a file, whatever it holds.
        dataset[name] = DataElement(tag_for_keyword(name), dictionary_VR(name), value, validation_mode=IGNORE)
    return dataset


def own(*studies):
    return own_examinations(OwnFiles({f"1.2.{n}": OwnStudy(study) for n, study in enumerate(studies)}))


def accepted(examination):
    """Hold the documents to the hospital API's own shapes."""
    PatientRecord.model_validate(examination.patient, strict=False)
    ServiceRequestRecord.model_validate(examination.order)
    return examination


@pytest.mark.parametrize("number", [0, 1])
def test_demo_examinations_are_ones_that_the_hospital_api_takes(number):
    accepted(demo_examinations(uuid.UUID(int=4), STARTED)[number])


def test_report_says_what_the_slice_with_the_nodule_shows():
    chest, samples = demo_examinations(uuid.UUID(int=4), STARTED)
    report = ReportRecord.model_validate(chest.report, strict=False)
    assert report.key_instances == [nodule_uid(uuid.uuid5(uuid.UUID(int=4), "chest"))]
    assert samples.report is None


def test_studies_sent_again_are_the_same_and_others_are_others():
    def uids(seed):
        return [item.study_instance_uid for item in demo_examinations(uuid.UUID(int=seed), STARTED)]

    assert uids(1) == uids(1)
    assert not set(uids(1)) & set(uids(2))


def test_own_study_is_registered_from_its_tags():
    (made,) = own(tags(AccessionNumber="A7", StudyDescription="Knee", IssuerOfPatientID="YZ", PatientSex="F"))
    accepted(made)
    assert made.patient["identifier"] == {"value": "P1", "issuer": "YZ"}
    assert (made.patient["names"], made.patient["sex"]) == ({"alphabetic": "Lin^Mei"}, "F")
    assert (made.order["accession_number"], made.order["procedure_text"]) == ("A7", "Knee")
    assert made.fact == "1958-03-07"


@pytest.mark.parametrize("date", ["", "19581340", "unknown", "99990101", "17000101"])
def test_visit_number_opens_a_study_without_a_usable_birth_date(date):
    (made,) = own(tags(PatientBirthDate=date))
    accepted(made)
    assert made.patient["birth_date"] is None
    assert made.fact == made.order["visit_number"] == made_up_number("1.2.0")


@pytest.mark.parametrize("value", ["", "x" * 65, "a\x07b"])
def test_numbers_that_cannot_be_used_are_made_up(value):
    (made,) = own(tags(PatientID=value, AccessionNumber=value, IssuerOfPatientID=value))
    accepted(made)
    number = made_up_number("1.2.0")
    assert made.patient["identifier"] == {"value": number}
    assert made.order["accession_number"] == number


def test_patient_of_two_studies_is_registered_once_as_the_first_says():
    first, second = own(tags(), tags(PatientBirthDate=""))
    assert first.patient is second.patient
    assert second.fact == "1958-03-07"


@pytest.mark.parametrize(
    ("name", "names", "language"),
    [
        ("Wang^Xiaoming=王^小明", {"alphabetic": "Wang^Xiaoming", "ideographic": "王^小明"}, "zh"),
        ("^^^", {"alphabetic": "Unnamed"}, "en"),
        ("", {"alphabetic": "Unnamed"}, "en"),
    ],
)
def test_names_keep_their_groups_and_one_is_always_there(name, names, language):
    (made,) = own(tags(PatientName=name))
    accepted(made)
    assert (made.patient["names"], made.patient["language"]) == (names, language)


def test_study_without_a_name_at_all_is_registered():
    dataset = tags()
    del dataset.PatientName
    (made,) = own(dataset)
    assert accepted(made).patient["names"] == {"alphabetic": "Unnamed"}
