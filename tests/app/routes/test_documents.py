"""A structured report on the patient's page: as words, behind the report's own door."""

import pytest

from tests import factories as make

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
