"""The release before, migrated in place: what people hold still opens, what was owed is done once, the audit stands."""

import hashlib
import re
from datetime import datetime
from uuid import UUID

import pytest
import requests
from sqlalchemy import select

from app.audit.sealing import verify_all
from app.dicom.instance import parse_header
from app.jobs import relay
from app.jobs.drain import drain_all
from app.models.imaging import Study
from app.services import study_state
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import factories as make
from tests.flows.line import running_line
from tests.upgrade import keep_release as release
from tests.upgrade.expanding import head
from tests.upgrade.kept import flask_db

pytestmark = pytest.mark.flow

REVISION = "0002"
"""Where the release's migrations ended."""


@pytest.fixture
def line(kept, tmp_path):
    """The migrated installation, a minute after it was stopped."""
    assert REVISION in flask_db(kept.settings, kept.database.owner_url, "current")
    kept.migrate()
    assert head() in flask_db(kept.settings, kept.database.owner_url, "current")
    with running_line(kept.settings, tmp_path) as line:
        line.case = make.Case(UUID(kept.state["hospital"]), None, None, None)
        line.clock.moment = datetime.fromisoformat(kept.state["now"])
        line.clock.forward(minutes=1)
        yield line


def test_what_was_kept_goes_on_where_it_stopped(kept, line):
    check_the_session_and_its_pictures(kept, line)
    check_the_link_opens_with_its_fact(kept, line)
    check_the_unsent_message_goes_out_once(line)
    check_the_half_received_study_finishes(kept, line)
    check_the_audit_over_the_old_heads(kept, line)


def check_the_session_and_its_pictures(kept, line):
    with requests.Session() as browser:
        browser.cookies["filmpass"] = kept.state["cookie"]
        check_the_pages(browser, line, kept.state["page"])


def check_the_pages(browser, line, page):
    site = line.parts.settings.public_url
    study = browser.get(site + page, timeout=20)
    assert study.status_code == 200
    assert "两肺未见明显异常" in study.text
    pictures = set(re.findall(rf'(?:src|href)="({re.escape(page)}/[^"]+\.jpg[^"]*)"', study.text))
    assert pictures
    for address in pictures:
        picture = browser.get(site + address, timeout=20)
        assert picture.content.startswith(b"\xff\xd8"), picture.status_code
    assert browser.get(f"{site}{page}/report.pdf", timeout=20).content.startswith(b"%PDF")


def check_the_link_opens_with_its_fact(kept, line):
    site, link = line.parts.settings.public_url, kept.state["link"]
    born = {"y": str(make.BORN.year), "m": str(make.BORN.month), "d": str(make.BORN.day)}
    with requests.Session() as browser:
        assert browser.get(site + link, timeout=20).status_code == 200
        assert browser.post(site + link, timeout=20).status_code == 200
        form = {"token": link.rpartition("/")[2], "kind": "birth_date", "act": "check", **born}
        assert browser.post(f"{site}/s", data=form, timeout=20).url == site + kept.state["page"]
        check_the_pages(browser, line, kept.state["page"])


def check_the_unsent_message_goes_out_once(line):
    line.send()
    line.send(hours=1)
    assert [message.to for message in line.carrier.messages] == [release.UNSENT_PHONE]


def check_the_half_received_study_finishes(kept, line):
    scope, key = Scope(hospital=line.case.hospital), make.make_api_key(line.parts, line.case.hospital)
    intake = Intake(line.parts, Sender(line.case.hospital, "stow-rs", "tests", make.ISSUER))
    for number in (*release.HALF, 3, 4):
        intake.take(iter([release.half(number)]), parse_header)
    intake.close()
    with unit_of_work(line.parts, scope) as session:
        study = session.scalars(select(Study).where(Study.study_instance_uid == release.HALF_STUDY)).one()
        study_state.call_complete(session, study, expected=4, manifest=(), now=line.clock())
    drain_all(line.parts)
    line.carrier.wait_for(lambda messages: [m.to for m in messages] == [release.UNSENT_PHONE, release.HALF_PHONE])
    for number, digest in kept.state["instances"].items():
        assert hashlib.sha256(retrieved(line, key, int(number))).hexdigest() == digest


def retrieved(line, key, number):
    study = release.HALF_STUDY
    path = f"/h/yz1/dicom-web/studies/{study}/series/{study}.1/instances/{study}.1.{number}"
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/dicom"}
    return requests.get(line.parts.settings.public_url + path, headers=headers, timeout=20).content


def check_the_audit_over_the_old_heads(kept, line):
    old = (kept.folder / "heads.jsonl").read_text().splitlines()
    line.carrier.close()  # its last callbacks are recorded
    relay.seal(line.parts)
    heads = (kept.folder / "heads.jsonl").read_text().splitlines()
    assert heads[: len(old)] == old
    assert len(heads) > len(old)
    with reading(line.parts, Scope(worker=True)) as session:
        verdict = verify_all(session, line.parts.keys, heads=heads)
    assert verdict.problem is None
