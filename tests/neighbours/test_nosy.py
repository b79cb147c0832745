"""Ideas of a nosy neighbour, tried by hand first: each is a way in that was, or might have been, left open."""

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.core.identifiers import new_id, new_token
from app.factory import create_app
from app.models.links import Session as SessionRow
from app.services.unit_of_work import reading
from app.web import assets
from tests import factories as make
from tests.neighbours.doors import METHODS, names_of_the_victim
from tests.neighbours.visitors import COOKIE, Visitor, cookie, key, statements, told_apart
from tests.neighbours.world import NAME

pytestmark = pytest.mark.flow
RIGHT = {"kind": "birth_date", "act": "check", "y": "1958", "m": "3", "d": "7"}
EVIL = "evil.example"
STATIC_NAMES = {path.name for path in assets._STATIC.iterdir()}


@pytest.fixture
def stranger(world):
    return Visitor(world, {})


@pytest.fixture
def owner(world):
    return Visitor(world, cookie(make.open_link(world.parts, world.token).secret))


@pytest.fixture
def page(world):
    return f"/v/{world.opened.public_id}"


@pytest.fixture
def system(world):
    return Visitor(world, key(world.key))


class TestSessions:
    def test_a_session_that_was_planted_before_is_not_the_one_that_opens(self, world, stranger):
        planted = new_token()
        answer = stranger.ask("POST", "/s", data={"token": world.token, **RIGHT}, headers=cookie(planted))
        assert answer.status_code == 303
        assert planted not in answer.headers["Set-Cookie"]
        assert Visitor(world, cookie(planted)).ask("GET", answer.location).status_code == 401

    def test_of_two_cookies_of_one_name_pages_and_pictures_believe_the_same(self, world, page):
        good, bad = make.open_link(world.parts, world.token).secret, new_token()
        for pair in ((good, bad), (bad, good)):
            both = Visitor(world, {"Cookie": "; ".join(f"{COOKIE}={secret}" for secret in pair)})
            opened = {both.ask("GET", page + end).status_code == 200 for end in ("", "/p/1/1.jpg", "/report.pdf")}
            assert len(opened) == 1

    @pytest.mark.parametrize("name", ["filmpass", "__host-filmpass", "__Host-Filmpass", "__Secure-filmpass"])
    def test_a_cookie_of_another_name_is_no_session(self, world, page, name):
        """Without the prefix, another site under our domain could set it."""
        secret = make.open_link(world.parts, world.token).secret
        visitor = Visitor(world, {"Cookie": f"{name}={secret}"})
        assert visitor.ask("GET", page).status_code == 401
        assert visitor.ask("GET", f"{page}/p/1/1.jpg").status_code == 404

    def test_a_session_in_the_address_or_a_header_is_none(self, world, stranger, page):
        secret = make.open_link(world.parts, world.token).secret
        assert stranger.ask("GET", page, query_string={COOKIE: secret, "session": secret}).status_code == 401
        assert stranger.ask("GET", page, headers=key(secret)).status_code == 401

    @pytest.mark.parametrize("end", ["", "/p/1/1.jpg", "/q/1/1.jpg", "/t/1.jpg", "/report.pdf"])
    def test_a_session_opens_its_own_link_and_not_even_its_own_study_by_another(self, world, owner, page, end):
        other = world.link_to(world.case)[1].public_id
        assert owner.ask("GET", page + end).status_code == 200
        assert owner.ask("GET", f"/v/{other}{end}").status_code == (404 if end.endswith(".jpg") else 401)

    def test_leaving_somebody_elses_page_ends_no_session(self, world, owner, page):
        theirs = world.link_to(world.neighbour)[1]
        assert owner.ask("POST", f"/v/{theirs.public_id}/leave").status_code == 200
        assert owner.ask("GET", page).status_code == 200


class TestHeaders:
    @pytest.mark.parametrize("override", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
    def test_no_header_or_field_changes_the_method(self, world, owner, page, override):
        for address, more in ((f"{page}/leave", {}), (page, {"query_string": {"_method": "POST"}})):
            owner.ask("GET", address, headers={override: "POST"}, **more)
        assert owner.ask("GET", page).status_code == 200

    def test_no_name_of_a_host_comes_back(self, world, owner, system, page):
        """A cache or a mail would carry the visitor to wherever the first request said that we are."""
        names = names_of_the_victim(world)
        told = {"Host": EVIL, "X-Forwarded-Host": EVIL, "X-Forwarded-Prefix": f"//{EVIL}", "Forwarded": f"host={EVIL}",
                "X-Original-URL": f"//{EVIL}/", "X-Rewrite-URL": f"//{EVIL}/"}  # fmt: skip
        parameters = names.parameters
        study = f"/h/{parameters['hospital']}/dicom-web/studies/{parameters['study']}"
        asked = [
            owner.ask("GET", page, headers=told),
            owner.ask("POST", "/s", headers=told, data={"token": world.token, **RIGHT}),
            owner.ask("POST", f"/s//{world.token}", headers=told),
            owner.ask("GET", f"//{EVIL}/..{page}", headers=told),
            owner.ask("GET", f"{page}//series//1", headers=told),
            owner.ask("GET", f"{page}/", headers=told),
            system.ask("GET", "/api/v1/openapi.json", headers=told),
            system.ask(
                "GET", f"{study}/series/{parameters['series']}/instances/{parameters['instance']}", headers=told
            ),
        ]
        assert [answer.status_code for answer in asked] == [200, 303, 404, 404, 404, 404, 200, 200]
        for answer in asked:
            assert EVIL not in str(answer.headers)
            assert EVIL.encode() not in answer.data

    def test_without_a_trusted_proxy_nobody_chooses_the_own_address(self, world, monkeypatch):
        counted = []
        monkeypatch.setattr(world.parts.limiter, "check", lambda name, _limit: counted.append(name))
        headers = {"X-Forwarded-For": "192.0.2.9", "X-Real-IP": "192.0.2.9", "Forwarded": "for=192.0.2.9"}
        Visitor(world, {}).ask("POST", f"/s/{new_token()}", headers=headers)
        assert counted == ["address:127.0.0.1"]

    @pytest.mark.parametrize(
        ("address", "counted"),
        [
            ("192.0.2.9", "192.0.2.9"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
            ("::ffff:192.0.2.9", "192.0.2.9"),
            ("no:address", "no:address"),
        ],
    )
    def test_all_addresses_of_one_subscriber_count_together(self, world, monkeypatch, address, counted):
        names = []
        monkeypatch.setattr(world.parts.limiter, "check", lambda name, _limit: names.append(name))
        Visitor(world, {}).ask("POST", f"/s/{new_token()}", environ_overrides={"REMOTE_ADDR": address})
        assert names == [f"address:{counted}"]

    @pytest.mark.parametrize("name", ["../" * 9 + "etc/hostname", "../" * 9 + "nothing", "../web/pages.py", "gone.css"])
    def test_no_method_on_a_static_name_reads_what_it_names(self, world, stranger, monkeypatch, name):
        """The first of these was once hashed to see whether it may be cached; a device would have had no end."""
        reads, read = [], Path.read_bytes
        monkeypatch.setattr(Path, "read_bytes", lambda path: reads.append(path) or read(path))
        found = {stranger.ask(method, f"/static/{name}").status_code for method in METHODS}
        assert found == {200, 404, 405}  # what there is to do, which is the same for every name
        assert not [path for path in reads if path.name not in STATIC_NAMES]

    def test_pages_and_originals_are_given_whole_and_anew_each_time(self, world, owner, system, page):
        conditional = {"If-None-Match": "*", "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT", "Range": "bytes=0-9"}
        parameters = names_of_the_victim(world).parameters
        original = "/h/{hospital}/dicom-web/studies/{study}/series/{series}/instances/{instance}".format(**parameters)
        for visitor, address in ((owner, page), (owner, f"{page}/p/1/1.jpg"), (owner, f"{page}/report.pdf"),
                                 (system, original)):  # fmt: skip
            answer = visitor.ask("GET", address, headers=conditional)
            assert answer.status_code == 200
            assert "no-store" in answer.headers["Cache-Control"]
            assert "ETag" not in answer.headers

    @pytest.mark.parametrize("header", ["Cookie", "Authorization", "Accept", "Accept-Language", "Idempotency-Key"])
    @pytest.mark.parametrize("value", ["\xff\xfe" * 50, "A" * 60_000, ";,=\"'" * 2000, "q=" * 9000])
    def test_no_header_however_long_or_odd_is_a_failure_of_ours(self, world, system, owner, page, header, value):
        assert owner.ask("GET", page, headers={header: value}).status_code in {200, 401}
        assert system.ask("GET", "/api/v1/worklist", headers={header: value}).status_code in {200, 400, 401, 406}

    def test_nothing_that_answers_a_person_may_be_kept_or_told_to_the_next_site(self, world, owner, page):
        for address in (
            page,
            f"{page}/p/1/1.jpg",
            f"{page}/report.pdf",
            f"/s/{world.token}",
            "/api/v1/worklist",
            "/no",
        ):
            headers = owner.ask("GET", address).headers
            assert "no-store" in headers["Cache-Control"]
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["X-Content-Type-Options"] == "nosniff"


class TestCallbacks:
    def test_a_query_in_any_bytes_is_a_forged_callback_and_no_failure_of_ours(self, world, stranger):
        address = f"/webhooks/twilio/{world.attempt}"
        answer = stranger.ask(
            "POST", address, data={"MessageStatus": "failed"}, environ_overrides={"QUERY_STRING": "\xff"}
        )
        assert answer.status_code == 403


class TestDocuments:
    def body(self, text):
        return {"data": text, "headers": {"Content-Type": "application/json"}}

    @pytest.mark.parametrize(
        ("text", "status"),
        [
            ('{"instances": 1, "instances": 2, "instances": "x"}', 422),
            ("[" * 100_000, 400),
            ('{"manifest": ' + "[" * 5000 + "]" * 5000 + "}", 400),
            ('{"instances": ' + "9" * 5000 + "}", 400),
            ('{"instances": 1e400}', 422),
            ('{"instances": NaN}', 422),
            ('{"instances": -0}', 422),
            ('{"instances": true}', 422),
            ('{"instances": "\uff11"}', 422),
            ('{"manifest": ["1.2\\u0000"]}', 200),
            ('{"manifest": ["\\ud800"]}', 400),
            ('{"__proto__": {}, "constructor": 1}', 422),
            ("null", 422),
            ('\ufeff{"instances": 1}', 400),
            ('{"instances": 1}\0', 400),
        ],
    )
    def test_odd_json_is_named_for_what_it_is(self, world, system, text, status):
        address = f"/api/v1/studies/{names_of_the_victim(world).study}/complete"
        answer = system.ask("POST", address, **self.body(text.encode()))
        assert answer.status_code == status, answer.text

    def test_the_first_of_a_repeated_parameter_counts_everywhere(self, world, system):
        first, second = "limit=1&limit=200", f"cursor={new_id()}&cursor='"
        for query in (first, second):
            assert system.ask("GET", f"/api/v1/messages?{query}").status_code == 200

    def test_an_idempotency_key_of_another_hospital_or_key_answers_nothing_of_it(self, world, system):
        study = names_of_the_victim(world).study
        address, headers = f"/api/v1/studies/{study}/complete", {"Idempotency-Key": "the-same"}
        first = system.ask("POST", address, json={}, headers=headers)
        for hospital in (world.neighbour.hospital, world.case.hospital):
            other = Visitor(world, key(make.make_api_key(world.parts, hospital)))
            answer = other.ask("POST", address, json={}, headers=headers)
            assert answer.status_code in {200, 201}
            assert "Idempotent-Replayed" not in answer.headers
            assert (answer.json["id"] == first.json["id"]) == (hospital == world.case.hospital)

    def test_the_document_of_the_api_is_built_once_whoever_asks_for_it(self, world, monkeypatch):
        built = []
        monkeypatch.setattr("app.web.openapi._schemas", lambda _operations: built.append(1) or {})
        visitor = Visitor(world, {})
        monkeypatch.setattr(visitor, "_client", create_app(world.parts).test_client())
        answers = {json.dumps(visitor.ask("GET", "/api/v1/openapi.json").json) for _ in range(3)}
        assert (len(answers), built) == (1, [1])


class TestLinks:
    @pytest.mark.parametrize("known", [False, True])
    def test_a_guess_that_can_open_nothing_takes_no_lock_and_writes_nothing(self, world, stranger, known):
        """Whatever the rate, readers then wait for no guesser: an unknown token, and a link without tries."""
        token, _ = world.link_to(world.case)
        for _ in range(5):
            stranger.ask("POST", "/s", data={"token": token, **RIGHT, "y": "1957"})
        with statements(world.parts.engine) as texts:
            answer = stranger.ask("POST", "/s", data={"token": token if known else new_token(), **RIGHT})
        assert answer.status_code == (410 if known else 404)
        assert texts
        assert not [text for text in texts if re.search(r"IMMEDIATE|INSERT|UPDATE|DELETE", text)]

    def test_right_facts_again_and_again_leave_no_endless_row_of_sessions(self, world, stranger):
        token, _ = world.link_to(world.case)
        statuses = [stranger.ask("POST", "/s", data={"token": token, **RIGHT}).status_code for _ in range(70)]
        assert statuses.count(303) <= 2 * 60  # the minute may turn once
        with reading(world.parts, world.scope) as session:
            assert session.scalar(select(func.count()).select_from(SessionRow)) < 200

    def test_the_fact_is_asked_for_before_anything_but_the_first_character_of_a_name_is_told(self, world, stranger):
        page = stranger.ask("POST", f"/s/{world.token}")
        assert page.status_code == 200
        assert f"{NAME[0]}**" in page.text
        assert NAME not in page.text
        assert not re.search(r"1958|SECRET|胸部|13900139001", page.text)

    @pytest.mark.parametrize("other", ["lower", "padded", "spaced", "twice"])
    def test_a_token_has_one_spelling(self, world, stranger, other):
        token = world.token
        spelt = {"lower": token.swapcase(), "padded": token + "==", "spaced": f" {token}", "twice": token + token}[
            other
        ]
        unknown = stranger.ask("POST", "/s", data={"token": new_token()})
        assert told_apart(stranger.ask("POST", "/s", data={"token": spelt}), ()) == told_apart(unknown, ())
