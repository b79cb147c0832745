"""The spine in one walk: a study comes by STOW-RS, settles, is announced, and is looked at in a real browser."""

import dataclasses
import io
import shutil
import threading
import uuid
from datetime import UTC, datetime
from itertools import islice

import pytest
import requests
from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from app.audit.sealing import verify_all
from app.core.identifiers import new_id
from app.factory import build_parts, create_app
from app.jobs import relay
from app.jobs.drain import drain_all
from app.models.patients import ContactPoint, Patient, PatientIdentifier, ServiceRequest
from app.services import hospitals, keys
from app.services.hospitals import NewHospital
from app.services.unit_of_work import Scope, reading, unit_of_work
from demo.carrier import running_carrier
from demo.patients import XIAOMING
from demo.phantom import chest_study

pytestmark = [pytest.mark.flow, pytest.mark.browser]

ACCOUNT = "AC" + "0" * 32
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@pytest.fixture
def carrier():
    with running_carrier(account_sid=ACCOUNT, auth_token="only-for-tests") as running:
        yield running


@pytest.fixture
def site(settings, carrier, tmp_path):
    """The application behind a real port, with the carrier as its Twilio."""
    token_file = tmp_path / "carrier-token"
    token_file.write_text("only-for-tests")
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    configured = dataclasses.replace(
        settings,
        public_url=f"http://127.0.0.1:{server.port}",
        settle_seconds=0,
        twilio_account_sid=ACCOUNT,
        twilio_auth_token_file=token_file,
        twilio_messaging_service_sid="MG" + "0" * 32,
        twilio_base_url=carrier.base_url,
    )
    parts = build_parts(configured)
    server.app = create_app(parts)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield parts
    server.shutdown()
    thread.join()
    server.server_close()
    parts.decoder.close()
    parts.engine.dispose()


def enrol(parts) -> tuple[uuid.UUID, str]:
    hospital = NewHospital(
        code="yz1", name="云泽市第一人民医院", message_name="云泽一院", time_zone="Asia/Shanghai",
        telephone="0000-6600 1234", default_issuer=XIAOMING.issuer, quiet_hours="none",
    )  # fmt: skip
    hospital_id = new_id()
    with unit_of_work(parts, Scope(hospital=hospital_id)) as session:
        hospitals.enrol(session, parts, hospital, hospital_id)
        hospitals.add_trial_number(session, parts, hospital_id, XIAOMING.phone)
        return hospital_id, hospitals.mint_api_key(session, parts, hospital_id, "pacs")


def register(parts, hospital_id) -> None:
    now = parts.clock()
    with unit_of_work(parts, Scope(hospital=hospital_id)) as session:
        patient = Patient(
            id=new_id(), hospital_id=hospital_id, name="王小明", birth_date=XIAOMING.birth_date, created_at=now,
            updated_at=now,
        )  # fmt: skip
        session.add(patient)
        session.flush()
        key_id, index = keys.index_of(parts.keys, "phone", XIAOMING.phone)
        session.add_all(
            [
                PatientIdentifier(
                    hospital_id=hospital_id, patient_id=patient.id, issuer=XIAOMING.issuer, value=XIAOMING.patient_id,
                    created_at=now,
                ),
                ContactPoint(
                    hospital_id=hospital_id, patient_id=patient.id, kind="phone", value_index=index,
                    value_sealed=keys.seal_field(session, parts, hospital_id, "contact", XIAOMING.phone),
                    index_key_id=key_id, created_at=now,
                ),
                ServiceRequest(
                    hospital_id=hospital_id, patient_id=patient.id, issuer=XIAOMING.issuer,
                    accession_number=XIAOMING.accession_number, procedure_sealed=keys.seal_field(session, parts, hospital_id, keys.FREE_TEXT, "胸部 CT"), created_at=now,
                    updated_at=now,
                ),
            ]
        )  # fmt: skip


def stow_body(instances: int) -> bytes:
    body = io.BytesIO()
    study = chest_study(XIAOMING, seed=uuid.uuid4(), taken_at=datetime(2026, 3, 12, 9, 30, tzinfo=UTC))
    for dataset in islice(study, instances):
        part = io.BytesIO()
        dataset.save_as(part, enforce_file_format=True)
        body.write(b"--part\r\nContent-Type: application/dicom\r\n\r\n" + part.getvalue() + b"\r\n")
    body.write(b"--part--\r\n")
    return body.getvalue()


def test_a_study_goes_from_stow_to_the_patients_phone(site, carrier):
    hospital_id, api_key = enrol(site)
    register(site, hospital_id)
    base = site.settings.public_url

    stored = requests.post(
        f"{base}/h/yz1/dicom-web/studies",
        data=stow_body(12),
        headers={
            "Authorization": f"Bearer {api_key}",
            "Content-Type": 'multipart/related; type="application/dicom"; boundary=part',
        },
        timeout=60,
    )
    assert (stored.status_code, stored.headers["Content-Type"]) == (200, "application/dicom+json")
    assert len(stored.json()["00081199"]["Value"]) == 12
    assert "00081198" not in stored.json()

    drain_all(site)
    (message,) = carrier.messages
    assert message.to == XIAOMING.phone
    link = message.body.rpartition("：")[2]
    assert link.startswith(f"{base}/s/")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        page = browser.new_page(viewport={"width": 390, "height": 844}, locale="zh-CN")
        refused = []
        page.on("request", lambda request: request.url.startswith(base) or refused.append(request.url))
        page.goto(link)
        assert page.title() == "随身影像"
        page.get_by_role("button", name="打开查看").click()
        for name, value in zip("ymd", XIAOMING.birth_date.timetuple()[:3], strict=True):
            page.fill(f"input.in[name={name}]", str(value))
        page.get_by_role("button", name="确认").click()
        page.wait_for_url(f"{base}/v/*")
        page.wait_for_function(
            "document.querySelector('#key').complete && document.querySelector('#key').naturalWidth > 0"
        )
        assert page.locator("h1").inner_text() == "胸部 CT"
        assert not refused
        browser.close()

    relay.tick(site)
    with reading(site, Scope(hospital=hospital_id, worker=True)) as session:
        verdict = verify_all(session, site.keys, heads=site.settings.heads_file.read_text().splitlines())
    assert verdict.problem is None
    assert verdict.events > 6
