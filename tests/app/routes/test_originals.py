"""Documents, curves and clips on the patient's page: each as what it is, each behind its own door."""

import numpy as np
import pytest

from tests import factories as make
from tests import objects

CLIP = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(range(256)) * 40
CLOSED_REPORT = {"images": "at-once", "report": {"days": 900}, "classes": []}


@pytest.fixture
def case(parts):
    hospital = make.make_hospital(parts)
    patient = make.make_patient(parts, hospital, identifier="P-1")
    order = make.make_order(parts, hospital, patient)
    make.make_report(parts, hospital, order)
    return make.Case(hospital, patient, order, make.make_study_ready(parts, hospital, order, pictures=1))


@pytest.fixture
def visit(parts, client, case):
    """Return a way to open the patient's link once more has arrived."""

    def opened() -> str:
        opened = make.open_link(parts, make.make_link(parts, case))
        client.set_cookie("__Host-filmpass", opened.secret, secure=True, path="/", domain="localhost")
        return f"/v/{opened.public_id}"

    return opened


def close_report(parts, case):
    with make.unit_of_work(parts, case.scope) as session:
        hospital = session.get_one(make.hospitals.Hospital, case.hospital)
        hospital.policy = hospital.policy | {"release": CLOSED_REPORT}


def test_a_document_is_pages_and_the_pdf_that_was_sent(parts, client, case, visit):
    document, short = objects.pdf("first page", "second page", *["more"] * 20), objects.pdf("third page")
    make.add_series(parts, case, 5, objects.encapsulated(document), objects.encapsulated(short))
    path = visit()
    assert f'href="{path}/series/2"' in client.get(path).text
    viewer = client.get(f"{path}/series/2")
    assert f'href="{path}/series/2/1.pdf"' in viewer.text
    assert client.get(f"{path}/series/2/index.json").json["count"] == 23
    assert client.get(f"{path}/p/2/2.jpg").data.startswith(b"\xff\xd8\xff")
    given = client.get(f"{path}/series/2/1.pdf")
    assert (given.content_type, given.headers["X-Content-Type-Options"]) == ("application/pdf", "nosniff")
    assert given.headers["Cache-Control"] == "private, no-store"
    assert given.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert given.data.rstrip(b"\0") == document
    assert client.get(f"{path}/series/1/1.pdf").status_code == 404
    assert client.get(f"{path}/series/2/23.pdf").data.rstrip(b"\0") == short
    assert client.get(f"{path}/series/2/24.pdf").status_code == 404
    assert client.get(f"{path}/series/2/0.pdf").status_code == 404


def test_a_document_is_behind_the_door_of_reports(parts, client, case, visit):
    make.add_series(parts, case, 5, objects.encapsulated(objects.pdf("a finding")))
    close_report(parts, case)
    path = visit()
    page = client.get(path)
    assert page.status_code == 200
    assert f'href="{path}/series/1"' in page.text
    assert f"{path}/series/2" not in page.text
    assert f"{path}/t/2.jpg" not in page.text
    for closed in (
        "series/2/1.pdf",
        "series/2",
        "series/2/index.json",
        "p/2/1.jpg",
        "q/2/1.jpg",
        "key/2/1.jpg",
        "t/2.jpg",
    ):
        assert client.get(f"{path}/{closed}").status_code in {404, 410}, closed
    assert client.get(f"{path}/p/1/1.jpg").status_code == 200


def test_an_ecg_is_a_sheet_for_each_ten_seconds(parts, client, case, visit):
    make.add_series(parts, case, 5, objects.waveform(np.zeros((6000, 3), np.int16)))
    path = visit()
    assert client.get(f"{path}/series/2/index.json").json["count"] == 2
    assert client.get(f"{path}/p/2/1.jpg").status_code == 200


def test_a_clip_that_browsers_play_is_given_in_ranges_and_another_is_named(parts, client, case, visit):
    make.add_series(parts, case, 5, objects.video(CLIP), objects.video(b"\0\0\x01\xb3" + bytes(100)))
    path = visit()
    assert f'href="{path}/series/2/clips"' in client.get(path).text
    page = client.get(f"{path}/series/2/clips")
    assert f'src="{path}/series/2/1.mp4"' in page.text
    assert f"{path}/series/2/2.mp4" not in page.text
    assert "media-src 'self'" in page.headers["Content-Security-Policy"]
    whole = client.get(f"{path}/series/2/1.mp4")
    assert (whole.status_code, whole.content_type, whole.data) == (200, "video/mp4", CLIP)
    part = client.get(f"{path}/series/2/1.mp4", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.data, part.headers["Content-Range"]) == (206, b"ftyp", f"bytes 4-7/{len(CLIP)}")
    for nothing in ("series/2/2.mp4", "series/2/3.mp4", "series/2/0.mp4", "series/1/clips", "series/9/clips"):
        assert client.get(f"{path}/{nothing}").status_code == 404, nothing


def test_what_is_made_for_software_is_listed_by_its_name(parts, client, case, visit):
    make.add_series(parts, case, 5, objects.object_of("1.2.840.10008.5.1.4.1.1.88.67", "SR"))
    make.add_series(parts, case, 6, objects.object_of("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT"))
    path = visit()
    page = client.get(path, headers={"Accept-Language": "en"}).text
    assert "Radiation dose record" in page
    assert "Radiotherapy data" in page
    assert f"{path}/series/2" not in page
    assert f"{path}/series/3" not in page


def test_a_segmentation_is_never_drawn(parts, client, case, visit):
    segmentation = objects.object_of("1.2.840.10008.5.1.4.1.1.66.4", "SEG")
    segmentation.set_pixel_data(np.ones((8, 8), np.uint8), "MONOCHROME2", 8, generate_instance_uid=False)
    make.add_series(parts, case, 5, segmentation)
    path = visit()
    assert "Segmentation" in client.get(path, headers={"Accept-Language": "en"}).text
    assert client.get(f"{path}/p/2/1.jpg").status_code == 404


def test_without_a_session_there_is_nothing(parts, client, case, visit):
    make.add_series(parts, case, 5, objects.video(CLIP))
    path = visit()
    client.delete_cookie("__Host-filmpass", path="/", domain="localhost")
    assert client.get(f"{path}/series/2/clips").status_code == 401
    assert client.get(f"{path}/series/2/1.mp4").status_code == 404
