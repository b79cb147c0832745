"""A structured report on the patient's page: as words, behind the report's own door."""

import pytest
from pydicom.dataset import Dataset

from tests import factories as make
from tests import objects

HOSTILE = "<script>alert(1)</script> & nodule"


@pytest.fixture
def case(parts):
    hospital = make.make_hospital(parts)
    patient = make.make_patient(parts, hospital, identifier="P-1")
    order = make.make_order(parts, hospital, patient)
    make.make_report(parts, hospital, order)
    return make.Case(hospital, patient, order, make.make_study_ready(parts, hospital, order, pictures=1))


@pytest.fixture
def with_document(parts, case):
    make.add_document(parts, case, HOSTILE)
    return case


@pytest.fixture
def patient(parts, client, with_document):
    opened = make.open_link(parts, make.make_link(parts, with_document))
    client.set_cookie("__Host-filmpass", opened.secret, secure=True, path="/", domain="localhost")
    return client, f"/v/{opened.public_id}"


def test_the_page_offers_it_and_it_reads_as_words(patient):
    client, path = patient
    study = client.get(path)
    assert study.status_code == 200
    assert f'href="{path}/series/2/text"' in study.text
    page = client.get(f"{path}/series/2/text")
    assert page.status_code == 200
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; nodule" in page.text
    assert "<script>alert" not in page.text
    assert client.get(f"{path}/series/1/text").status_code == 404


def test_behind_a_closed_report_door_it_is_neither_offered_nor_given(parts, patient, with_document):
    client, path = patient
    with make.unit_of_work(parts, with_document.scope) as session:
        hospital = session.get_one(make.hospitals.Hospital, with_document.hospital)
        hospital.policy = hospital.policy | {"release": {"images": "at-once", "report": {"days": 900}, "classes": []}}
    assert f'href="{path}/series/2/text"' not in client.get(path).text
    assert client.get(f"{path}/series/2/text").status_code == 410


def test_an_image_that_a_document_names_is_one_press_away(parts, client, case):
    dataset = objects.object_of("1.2.840.10008.5.1.4.1.1.88.11", "SR")
    with make.reading(parts, case.scope) as session:
        study = session.get_one(make.Study, case.study).study_instance_uid
    dataset.ValueType, dataset.ContentSequence = "CONTAINER", [_image(f"{study}.1.1"), _image("1.2.3.4.5")]
    make.add_series(parts, case, 7, dataset)
    opened = make.open_link(parts, make.make_link(parts, case))
    client.set_cookie("__Host-filmpass", opened.secret, secure=True, path="/", domain="localhost")
    page = client.get(f"/v/{opened.public_id}/series/2/text", headers={"Accept-Language": "en"}).text
    assert page.count(f'href="/v/{opened.public_id}/series/1?i=1">See the image') == 1
    assert page.count("not among the images here") == 1


def _image(uid: str) -> Dataset:
    item, reference = Dataset(), Dataset()
    item.ValueType, item.ReferencedSOPSequence = "IMAGE", [reference]
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
    return item
