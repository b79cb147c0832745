"""The door of a link: what it gives away, what it spends, what it remembers, and how it ends."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from app.audit.events import Event
from app.core.identifiers import digest_of, new_token
from app.models.hospitals import Hospital
from app.models.imaging import Study
from app.models.links import Capability
from app.models.links import Session as SessionRow
from app.models.patients import Patient
from app.services import links, matching, throttle
from app.services.unit_of_work import reading, unit_of_work
from tests import factories as make
from tests.flows.door import WRONG, check, tries_left, words


class TestLooking:
    @pytest.mark.both_databases
    def test_the_landing_page_is_the_same_bytes_for_any_token_and_changes_nothing(self, parts, client, token, database):
        before = make.everything(database)
        for lang in ("zh-CN", "en-GB", "fr-FR"):
            pages = set()
            for text in (token, new_token(), "x", "a.b", "A" * 500, token + "A", "%00%0a", token.swapcase()):
                answer = client.get(f"/s/{text}", headers={"Accept-Language": lang})
                assert answer.status_code == 200
                assert "Set-Cookie" not in answer.headers
                assert answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                pages.add(answer.data)
            assert len(pages) == 1
        assert make.everything(database) == before

    def test_the_landing_page_names_neither_hospital_nor_patient_nor_token(self, client, token):
        page = client.get(f"/s/{token}").text
        assert token not in page
        assert "云泽" not in page
        assert "王" not in page

    def test_a_scanner_that_fetches_and_posts_spends_nothing(self, parts, client, case, token, database):
        before = make.everything(database)
        agent = {"User-Agent": "WhatsApp/2.23.20.0 A"}
        assert client.head(f"/s/{token}", headers=agent).data == b""
        assert client.get(f"/s/{token}", headers=agent | {"Purpose": "prefetch"}).status_code == 200
        assert client.options(f"/s/{token}").status_code == 200
        assert client.post(f"/s/{token}", headers=agent).status_code == 200
        assert client.post(f"/s/{token}", data={"act": "open"}).status_code == 200
        assert client.post("/s", data={"token": token}).status_code == 200
        assert client.post("/s", data={}).status_code == 404
        assert make.everything(database) == before

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"y": "", "m": "", "d": ""},
            {"y": "1958", "m": "3", "d": ""},
            {"y": "58", "m": "3", "d": "7"},
            {"y": "1958", "m": "13", "d": "7"},
            {"y": "1958", "m": "2", "d": "30"},
            {"y": "2958", "m": "3", "d": "7"},
            {"y": "abcd", "m": "e", "d": "f"},
            {"y": "1958", "m": "3", "d": "7", "kind": "shoe_size"},
            {"y": "1958", "m": "3", "d": "7", "kind": "id_last4"},  # a fact that this patient has not
            {"y": "1958", "m": "3", "d": "7", "act": "list"},
        ],
    )
    def test_what_cannot_be_the_fact_spends_no_try(self, parts, client, case, token, fields):
        answer = check(client, token, {}, **fields)
        assert answer.status_code in {200, 422}
        assert "Set-Cookie" not in answer.headers
        assert tries_left(parts, case) == 5
        assert make.events(parts, Event.LINK_REFUSED) == []


class TestOpening:
    @pytest.mark.both_databases
    def test_the_right_fact_opens_and_gives_the_try_back(self, parts, client, case, token):
        assert check(client, token, WRONG).status_code == 422
        assert tries_left(parts, case) == 4
        answer = check(client, token)
        assert answer.status_code == 303
        assert tries_left(parts, case) == 4
        assert [row.reason for row in make.events(parts, Event.LINK_OPENED)] == ["birth_date"]
        refused = make.events(parts, Event.LINK_REFUSED)
        assert [(row.outcome, row.reason, row.patient_id) for row in refused] == [
            ("denied", "birth_date", case.patient)
        ]

    def test_the_cookie_is_bound_to_host_and_script_free_and_ends_with_the_browser(self, client, token):
        answer = check(client, token)
        name, _, rest = answer.headers["Set-Cookie"].partition("=")
        value, *attributes = rest.split("; ")
        assert name == "__Host-filmpass"
        assert set(attributes) == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}
        assert token not in value

    def test_token_and_fact_are_in_no_address_after_the_first_hop(self, client, token):
        answer = check(client, token)
        assert re.fullmatch(r"/v/[A-Za-z0-9_-]{12}", answer.location)
        page = client.get(answer.location)
        assert token not in page.text
        assert token not in str(page.headers)

    def test_the_cookies_secret_is_stored_as_a_digest_only(self, parts, client, token, database):
        secret = check(client, token).headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
        rows = make.everything(database)
        assert repr(digest_of(secret)) in rows["session"][0]
        assert secret not in str(rows)
        assert token not in str(rows)

    def test_a_second_visit_opens_a_session_of_its_own(self, parts, client, app, token):
        other = app.test_client()
        other.environ_base["wsgi.url_scheme"] = "https"
        first, second = check(client, token), check(other, token)
        assert first.headers["Set-Cookie"] != second.headers["Set-Cookie"]
        assert first.location == second.location

    @pytest.mark.parametrize(
        ("id_number", "visit_number"), [("11010519491231123X", "V-77"), ("11010519491231 12 3ｘ", "Ｖ - 77")]
    )
    @pytest.mark.parametrize(("kind", "text"), [("id_last4", "123x"), ("visit_number", "v-77")])
    def test_other_facts_open_too_whatever_their_case_width_and_blanks(
        self, parts, client, id_number, visit_number, kind, text
    ):
        hospital = make.make_hospital(parts)
        patient = make.make_patient(parts, hospital, id_number=id_number)
        order = make.make_order(parts, hospital, patient, visit_number=visit_number)
        case = make.Case(hospital, patient, order, make.make_study_ready(parts, hospital, order))
        token = make.make_link(parts, case)
        answer = client.post("/s", data={"token": token, "kind": kind, "act": "check", "fact": text})
        assert answer.status_code == 303

    def test_a_session_ends_after_twelve_hours_and_never_outlives_its_link(self, parts, client, clock, case, token):
        page = check(client, token).location
        clock.forward(hours=12)
        assert client.get(page).status_code == 401
        with unit_of_work(parts, case.scope) as session:
            session.execute(update(Capability).values(expires_at=clock() + timedelta(hours=1)))
        check(client, token)
        with reading(parts, case.scope) as session:
            newest = session.scalar(select(SessionRow.expires_at).order_by(SessionRow.created_at.desc()))
        assert newest == clock() + timedelta(hours=1)


class TestTries:
    @pytest.mark.both_databases
    def test_forty_wrong_guesses_at_once_compare_five_times(self, parts, app, case, token):
        def guess(number):
            with app.test_client() as client:
                return check(client, token, {"y": "1960", "m": "1", "d": str(number % 28 + 1)}).status_code

        with ThreadPoolExecutor(40) as threads:
            statuses = list(threads.map(guess, range(40)))
        assert len(make.events(parts, Event.LINK_REFUSED)) == 5
        assert tries_left(parts, case) == 0
        assert set(statuses) <= {410, 422, 429}

    @pytest.mark.both_databases
    def test_right_and_wrong_at_once_never_leave_more_tries_than_before(self, parts, case, token):
        state = links.look(parts, token)
        typed = [make.BORN.isoformat(), "1960-01-01"] * 4

        def guess(text):
            return links.open_with_fact(parts, state, "birth_date", text)

        with ThreadPoolExecutor(8) as threads:
            opened = [guessed for guessed in threads.map(guess, typed) if guessed]
        assert tries_left(parts, case) == 5 - len(make.events(parts, Event.LINK_REFUSED))
        assert len(opened) == len(make.events(parts, Event.LINK_OPENED))

    def test_a_locked_link_stays_locked_for_life(self, parts, client, clock, case, token):
        for _ in range(5):
            answer = check(client, token, WRONG)
        assert answer.status_code == 410
        clock.forward(days=29)
        assert check(client, token).status_code == 410
        assert tries_left(parts, case) == 0
        assert make.events(parts, Event.LINK_OPENED) == []

    def test_another_copy_of_the_link_has_the_same_tries(self, parts, client, case, token):
        copy = make.make_link(parts, case)
        for text in (token, copy, token, copy, token):
            check(client, text, WRONG)
        assert client.post(f"/s/{copy}").status_code == 410
        assert links.look(parts, copy).why == "locked"

    def test_too_many_requests_for_one_link_are_slowed_down(self, client, token):
        for _ in range(60):
            assert client.post(f"/s/{token}").status_code == 200
        answer = client.post(f"/s/{token}")
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0

    def test_guesses_from_an_address_are_slowed_down_and_its_patients_are_not(self, parts, client, token, monkeypatch):
        monkeypatch.setattr(throttle, "time", SimpleNamespace(time=lambda: 0.0))  # the minute does not turn
        for _ in range(600):
            parts.limiter.check("address:127.0.0.1", 600)
        assert client.post(f"/s/{new_token()}").status_code == 429
        assert client.post(f"/s/{token}").status_code == 200
        assert check(client, token).status_code == 303


class TestDeadLinks:
    def test_an_unknown_and_a_malformed_token_look_alike(self, client):
        pages = {client.post(f"/s/{text}").data for text in (new_token(), "short", "A" * 22)}
        assert len(pages) == 1
        answer = client.post(f"/s/{new_token()}")
        assert answer.status_code == 404
        assert "云泽" not in answer.text

    def expire(self, parts, clock, case, token):
        clock.forward(days=31)

    def replace(self, parts, clock, case, token):
        with unit_of_work(parts, case.scope) as session:
            study = session.scalars(select(Study)).one()
            links.replace(session, study, case.patient, links.profile(session, case.hospital), now=clock())

    def switch_off(self, parts, clock, case, token):
        links.switch_off(parts, links.look(parts, token), token)

    def hold(self, parts, clock, case, token):
        make.change(parts, case, Study, case.study, held_at=clock())

    def undo(self, parts, clock, case, token):
        with unit_of_work(parts, case.scope) as session:
            matching.undo(
                session, parts, session.scalars(select(Study)).one(), by="tests", reason="wrong-person", now=clock()
            )

    def close_both_doors(self, parts, clock, case, token):
        make.change(parts, case, Patient, case.patient, after_my_doctor=True)

    def take_the_facts_back(self, parts, clock, case, token):
        make.change(parts, case, Hospital, case.hospital, policy=_policy(parts, case) | {"facts": ["id_last4"]})

    @pytest.mark.both_databases
    @pytest.mark.parametrize(
        ("end", "why"),
        [
            (expire, "expired"),
            (replace, "replaced"),
            (switch_off, "switched_off"),
            (hold, "held"),
            (undo, "revoked"),
            (close_both_doors, "not_ready"),
            (take_the_facts_back, "not_ready"),
        ],
    )
    def test_a_dead_link_says_why_and_opens_nothing(self, parts, client, clock, case, token, end, why):
        end(self, parts, clock, case, token)
        assert links.look(parts, token).why == why
        for answer in (client.post(f"/s/{token}"), check(client, token)):
            assert answer.status_code == 410
            assert "Set-Cookie" not in answer.headers
            assert "0000-66001234" in words(answer)  # the next step is a person
            assert "王" not in answer.text
        assert tries_left(parts, case) == 5

    def test_the_pages_of_dead_links_differ_in_what_they_say(self, parts, client, clock, case):
        seen = set()
        for end in (self.switch_off, self.hold):
            token = make.make_link(parts, case)
            end(parts, clock, case, token)
            seen.add(words(client.post(f"/s/{token}")))
        assert len(seen) == 2

    def test_this_is_not_me_ends_link_and_sessions_at_once(self, parts, client, app, case, token):
        page = check(client, token).location
        stranger = app.test_client()
        assert stranger.post(f"/s/{token}", data={"act": "not_mine"}).status_code == 410
        assert client.get(page).status_code == 410
        assert [row.resource for row in make.events(parts, Event.LINK_SWITCHED_OFF)] == [f"study:{case.study}"]

    def test_a_fact_typed_while_the_link_dies_opens_nothing(self, parts, clock, case, token):
        state = links.look(parts, token)
        links.switch_off(parts, state, token)
        assert links.open_with_fact(parts, state, "birth_date", make.BORN.isoformat()) is None


def _policy(parts, case):
    with reading(parts, case.scope) as session:
        return dict(links.profile(session, case.hospital).policy)
