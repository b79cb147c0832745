"""The nosy neighbour: everything that one patient or hospital holds, tried on every door of another."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.access.actions import Action
from app.audit.events import Event
from app.core.identifiers import digest_of
from app.factory import build_parts
from app.models.imaging import Study
from app.models.links import Capability
from app.models.links import Session as SessionRow
from app.services import links, matching
from app.services.unit_of_work import reading, unit_of_work
from app.web.authentication import Who, declared
from app.web.picture_lane import LANES
from tests import factories as make

COOKIE = "__Host-filmpass"
PDF = b"%PDF-1.7 the report of one patient"
PICTURES = ("p/1/1.jpg", "p/1/2.jpg", "q/1/1.jpg", "t/1.jpg", "key/1/1.jpg")
PAGES = ("", "/series/1", "/series/1/index.json", "/report.pdf")


@pytest.fixture
def clock():
    return make.HandClock()


@pytest.fixture
def parts(settings, clock):
    built = replace(build_parts(settings), clock=clock)
    yield built
    built.decoder.close()
    built.engine.dispose()


@pytest.fixture
def case(parts):
    case = make.make_case(parts, pictures=2)
    make.make_report(parts, case.hospital, case.order, pdf=PDF)
    return case


class Visitor:
    """A browser with one session's cookie."""

    def __init__(self, app, opened=None):
        self.client = app.test_client()
        self.client.environ_base["wsgi.url_scheme"] = "https"
        self.public_id = opened.public_id if opened else ""
        if opened:
            self.client.set_cookie(COOKIE, opened.secret, secure=True)

    def get(self, path, public_id=None):
        return self.client.get(f"/v/{public_id or self.public_id}{path}")

    def everything(self, public_id=None):
        return {path: self.get(path, public_id) for path in (*PAGES, *(f"/{p}" for p in PICTURES))}


@pytest.fixture
def visitor(parts, app, case):
    return Visitor(app, make.open_link(parts, make.make_link(parts, case)))


def without_ids(answer):
    """What a client can tell two refusals apart by; the id of the request is of that request alone."""
    headers = [(name, value) for name, value in answer.headers if name != "X-Request-Id"]
    body = re.sub(rb"urn:uuid:[0-9a-f-]{36}", b"urn:uuid:", answer.data)
    return answer.status_code, headers, body


def secret_of(visitor):
    return visitor.client.get_cookie(COOKIE).value


def nothing_of_the_patient(answer):
    assert answer.status_code in {401, 404, 410}
    assert not answer.data.startswith((b"\xff\xd8", b"%PDF"))
    for text in ("王", "胸部", "两肺", "pictures"):
        assert text not in answer.data.decode(errors="replace")


def test_the_owner_of_a_session_sees_all_of_it(visitor):
    answers = visitor.everything()
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(answers, 200)
    assert all(answers[f"/{path}"].data.startswith(b"\xff\xd8") for path in PICTURES)
    assert answers["/report.pdf"].data == PDF
    assert visitor.client.head(f"/v/{visitor.public_id}/p/1/1.jpg").data == b""


@pytest.mark.both_databases
def test_a_session_opens_nothing_of_another_hospital_or_patient(parts, app, case, visitor):
    neighbour = make.make_case(parts, "yz2", pictures=2)
    theirs = make.open_link(parts, make.make_link(parts, neighbour)).public_id
    sibling = make.make_patient(parts, case.hospital, phone="+8613800138001", name="李^四")
    order = make.make_order(parts, case.hospital, sibling)
    same_roof = make.Case(case.hospital, sibling, order, make.make_study_ready(parts, case.hospital, order))
    also_theirs = make.open_link(parts, make.make_link(parts, same_roof)).public_id
    before = make.events(parts, Event.STUDY_OPENED)
    absent = visitor.everything("AbCdEfGhIjKl")
    for public_id in (theirs, also_theirs):
        for path, answer in visitor.everything(public_id).items():
            nothing_of_the_patient(answer)
            assert without_ids(answer) == without_ids(absent[path]), path
    assert len(make.events(parts, Event.STUDY_OPENED)) == len(before)


@pytest.mark.both_databases
def test_a_nul_in_an_address_is_nothing_too(parts, app, case, visitor):
    key = {"Authorization": f"Bearer {make.make_api_key(parts, case.hospital)}"}
    for end in ("", "/series/1", "/report.pdf"):
        assert visitor.get(end, "%00").status_code == 401
    assert visitor.client.post("/v/%00/leave").status_code == 200
    assert app.test_client().get("/h/%00/dicom-web/studies/1/series/1/instances/1", headers=key).status_code == 404


def test_without_a_session_there_is_nothing_and_nothing_to_tell_apart(app, visitor):
    stranger = Visitor(app)
    known, unknown = stranger.everything(visitor.public_id), stranger.everything("AbCdEfGhIjKl")
    for path, answer in known.items():
        nothing_of_the_patient(answer)
        assert without_ids(answer) == without_ids(unknown[path]), path


@pytest.mark.parametrize("cookie", ["", "x", "A" * 22, "A" * 23, "../../etc/passwd", '"', "A" * 3000])
def test_a_made_up_cookie_is_no_session(app, visitor, cookie):
    stranger = Visitor(app)
    stranger.client.set_cookie(COOKIE, cookie, secure=True)
    for answer in stranger.everything(visitor.public_id).values():
        nothing_of_the_patient(answer)


def test_the_token_of_the_link_is_no_session(parts, app, case, visitor):
    stranger = Visitor(app, links.Opened(make.make_link(parts, case), visitor.public_id))
    for answer in stranger.everything().values():
        nothing_of_the_patient(answer)


def test_a_hospitals_key_opens_no_page_of_a_patient(parts, app, case, visitor):
    stranger = Visitor(app)
    stranger.client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {make.make_api_key(parts, case.hospital)}"
    for answer in stranger.everything(visitor.public_id).values():
        nothing_of_the_patient(answer)


def test_other_cookies_of_the_browser_do_not_hide_the_session(app, visitor):
    browser = app.test_client(use_cookies=False)
    cookies = f'prefs={{"a":1}}; odd="b; {COOKIE}={secret_of(visitor)}; c=d'
    path = f"/v/{visitor.public_id}"
    for end in ("", "/p/1/1.jpg"):
        assert browser.get(path + end, headers={"Cookie": cookies}).status_code == 200


class TestEnds:
    """Each takes effect at the next request, on every path, and the audit says why."""

    def end_session(self, parts, clock, case, secret):
        links.end_session(parts, case.hospital, digest_of(secret))

    def let_the_session_run_out(self, parts, clock, case, secret):
        clock.forward(hours=12)

    def revoke(self, parts, clock, case, secret):
        with unit_of_work(parts, case.scope) as session:
            session.execute(update(Capability).values(revoked_at=clock(), revoked_reason="revoked"))

    def expire(self, parts, clock, case, secret):
        with unit_of_work(parts, case.scope) as session:
            session.execute(update(Capability).values(expires_at=clock()))
            session.execute(update(SessionRow).values(expires_at=clock() + timedelta(hours=1)))

    def hold(self, parts, clock, case, secret):
        make.change(parts, case, Study, case.study, held_at=clock())

    def undo(self, parts, clock, case, secret):
        with unit_of_work(parts, case.scope) as session:
            study = session.scalars(select(Study)).one()
            matching.undo(session, parts, study, by="tests", reason="wrong-person", now=clock())

    def give_to_another(self, parts, clock, case, secret):
        other = make.make_patient(parts, case.hospital, phone="+8613800138001", name="李^四")
        order = make.make_order(parts, case.hospital, other)
        make.change(parts, case, Study, case.study, patient_id=other, service_request_id=order)

    @pytest.mark.parametrize(
        ("end", "reason", "page_status"),
        [
            (end_session, "session-ended", 401),
            (let_the_session_run_out, "session-ended", 401),
            (revoke, "revoked", 410),
            (expire, "expired", 410),
            (hold, "held", 410),
            (undo, "revoked", 410),
            (give_to_another, "match-undone", 410),
        ],
    )
    def test_an_end_closes_every_path_at_the_next_request(self, parts, clock, case, visitor, end, reason, page_status):
        assert visitor.get("/p/1/1.jpg").status_code == 200
        end(self, parts, clock, case, secret_of(visitor))
        for path, answer in visitor.everything().items():
            nothing_of_the_patient(answer)
            is_page = path in PAGES and not path.endswith(".json")
            assert answer.status_code == (page_status if is_page else 404), path
        denials = make.events(parts, Event.ACCESS_DENIED)
        assert len(denials) == len(PAGES) + len(PICTURES)
        assert {row.reason.split()[1] for row in denials} == {reason}
        assert {row.resource for row in denials} == {f"study:{case.study}"}

    @pytest.mark.both_databases
    def test_a_hold_closes_and_its_release_opens_again_at_once(self, parts, clock, case, visitor):
        assert visitor.get("/p/1/1.jpg").status_code == 200
        self.hold(parts, clock, case, "")
        assert visitor.get("").status_code == 410
        assert visitor.get("/p/1/1.jpg").status_code == 404
        make.change(parts, case, Study, case.study, held_at=None)
        assert visitor.get("").status_code == 200
        assert visitor.get("/p/1/1.jpg").status_code == 200

    def test_a_report_that_is_closed_keeps_its_text_and_pdf(self, parts, case, app):
        hospital = make.make_hospital(parts, "yz3", release={"images": "at-once", "report": {"days": 3}})
        patient = make.make_patient(parts, hospital)
        order = make.make_order(parts, hospital, patient)
        make.make_report(parts, hospital, order, pdf=PDF)
        closed = make.Case(hospital, patient, order, make.make_study_ready(parts, hospital, order, pictures=1))
        visitor = Visitor(app, make.open_link(parts, make.make_link(parts, closed)))
        assert "两肺" not in visitor.get("").text
        assert visitor.get("/report.pdf").status_code == 410
        assert visitor.get("/p/1/1.jpg").status_code == 200


class TestDisclosures:
    def test_each_is_recorded_once_before_its_first_byte(self, parts, visitor):
        for _ in range(2):
            visitor.everything()
        opened = [row.reason for row in make.events(parts, Event.STUDY_OPENED)]
        assert sorted(opened) == sorted([Action.STUDY_METADATA, Action.STUDY_RENDERED, Action.REPORT_READ])

    def test_no_picture_leaves_when_the_record_cannot_be_written(self, parts, visitor, monkeypatch):
        def fail(*_args, **_kwargs):
            raise OSError("the database is gone")

        monkeypatch.setattr("app.services.openings.record", fail)
        for path in ("/p/1/1.jpg", "", "/series/1", "/report.pdf"):
            answer = visitor.get(path)
            assert answer.status_code in {500, 503}
            assert not answer.data.startswith((b"\xff\xd8", b"%PDF"))
        assert make.events(parts, Event.STUDY_OPENED) == []


def right(token):
    return {"token": token, "kind": "birth_date", "act": "check", "y": "1958", "m": "3", "d": "7"}


class TestOtherSites:
    @pytest.fixture
    def token(self, parts):
        return make.make_link(parts, make.make_case(parts))

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_a_form_posted_by_another_site_is_refused(self, parts, client, token, site):
        headers = {"Sec-Fetch-Site": site, "Origin": "https://elsewhere.example"}
        answer = client.post("/s", data=right(token), headers=headers)
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers
        assert client.post(f"/s/{token}", data={"act": "not_mine"}, headers=headers).status_code == 403
        assert links.look(parts, token).why == ""

    def test_our_own_forms_pass_though_their_origin_is_null(self, client, token):
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
        assert client.post("/s", data=right(token), headers=headers).status_code == 303

    def test_another_site_cannot_end_a_session_even_through_an_old_browser(self, client, app, token):
        page = client.post("/s", data=right(token)).location
        without_cookie = app.test_client()  # SameSite=Lax keeps the cookie off a post from another site
        answer = without_cookie.post(f"{page}/leave")
        assert "Set-Cookie" not in answer.headers
        assert client.get(page).status_code == 200
        assert client.post(f"{page}/leave").status_code == 200
        assert client.get(page).status_code == 401


@pytest.mark.both_databases
def test_a_hospitals_key_stores_nothing_at_another_hospital(parts, client, case, database):
    key = make.make_api_key(parts, case.hospital)
    make.make_hospital(parts, "yz2")
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": 'multipart/related; type="application/dicom"; boundary=x',
    }
    before = make.everything(database)
    answers = [
        client.post(f"/h/{code}/dicom-web/studies", data=b"--x--", headers=headers) for code in ("yz2", "nowhere")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert without_ids(answers[0])[2] == without_ids(answers[1])[2]
    assert make.everything(database) == before
    for wrong in ("", "Bearer ", "Bearer fpk_x", f"Basic {key}", f"Bearer {key}x"):
        refused = client.post("/h/yz1/dicom-web/studies", data=b"--x--", headers=headers | {"Authorization": wrong})
        assert refused.status_code == 401


def test_every_rule_declares_who_may_enter_and_so_does_every_lane(app):
    for rule in app.url_map.iter_rules():
        assert declared(app, rule.endpoint) is not None, rule.rule
    assert set(LANES.values()) == {(Who.LINK_SESSION, Action.STUDY_RENDERED)}


def test_nothing_below_a_study_is_open_to_anyone(app):
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/v/")]
    assert rules
    assert {declared(app, rule.endpoint)[0] for rule in rules} == {Who.LINK_SESSION}


ACTS = {
    "/complete": {"instances": 5},
    "/hold": {"reason": "quality"},
    "/release": {},
    "/undo-match": {"reason": "wrong-patient"},
    "/send-again": {},
}


@pytest.mark.both_databases
class TestOtherHospital:
    """Hospital B, with a key of its own, asks and acts about what is at hospital A."""

    @pytest.fixture
    def uid(self, parts, case):
        with reading(parts, case.scope) as session:
            return session.scalar(select(Study.study_instance_uid))

    @pytest.fixture
    def other(self, parts, client, case):
        key = make.make_api_key(parts, make.make_hospital(parts, "yz2"))
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        return client

    def rows_of(self, database, case):
        """Every row that names hospital A."""
        everything = make.everything(database)
        return {table: [row for row in rows if repr(case.hospital) in row] for table, rows in everything.items()}

    @pytest.mark.parametrize("act", ACTS)
    def test_acts_on_a_study_change_nothing_there_and_teach_nothing(self, other, case, uid, database, act):
        before = self.rows_of(database, case)
        known, unknown = (other.post(f"/api/v1/studies/{name}{act}", json=ACTS[act]) for name in (uid, "1.2.999"))
        assert known.status_code == unknown.status_code
        assert known.json.keys() == unknown.json.keys()
        assert known.json.get("outcome") == unknown.json.get("outcome")
        assert self.rows_of(database, case) == before

    def test_reads_show_nothing_of_it(self, other, case, uid):
        known, unknown = (other.get(f"/api/v1/studies/{name}") for name in (uid, "1.2.999"))
        assert known.status_code == unknown.status_code == 404
        assert without_ids(known)[2] == without_ids(unknown)[2]
        for path in ("worklist", "quarantine", "messages"):
            answer = other.get(f"/api/v1/{path}")
            assert answer.status_code == 200
            assert uid not in answer.text
            assert str(case.study) not in answer.text
        assert other.get(f"/h/yz2/dicom-web/studies/{uid}/series/{uid}.1/instances/{uid}.1.1").status_code == 404
        assert other.get(f"/h/yz1/dicom-web/studies/{uid}/series/{uid}.1/instances/{uid}.1.1").status_code == 404

    def test_instances_sent_under_its_uid_make_a_study_of_their_own(self, other, case, uid, database):
        before = self.rows_of(database, case)
        file = make.slice_file(uid, 7, "P-9", "A-9")
        body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n--x--\r\n"
        kind = 'multipart/related; type="application/dicom"; boundary=x'
        answer = other.post(f"/h/yz2/dicom-web/studies/{uid}", data=body, headers={"Content-Type": kind})
        assert answer.status_code == 200
        assert self.rows_of(database, case) == before

    def test_the_owner_does_read_and_act(self, parts, client, case, uid):
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {make.make_api_key(parts, case.hospital)}"
        assert client.get(f"/api/v1/studies/{uid}").status_code == 200
        assert client.post(f"/api/v1/studies/{uid}/hold", json=ACTS["/hold"]).status_code == 200
        path = f"/h/yz1/dicom-web/studies/{uid}/series/{uid}.1/instances/{uid}.1.1"
        assert client.get(path, headers={"Accept": "application/dicom"}).status_code == 200
