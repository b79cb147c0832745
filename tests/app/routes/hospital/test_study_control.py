"""Hold, release, undone matches, messages sent again, over the API."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select

from app.access.actions import Action
from app.access.load.links import open_link
from app.access.load.studies import policy_facts
from app.access.policy import decide
from app.core.identifiers import digest_of
from app.models.notifications import Notification
from app.models.patients import ContactPoint
from app.services.unit_of_work import Scope, reading
from tests import factories
from tests.app.routes.hospital.conftest import PATIENT
from tests.app.routes.hospital.story import UID, arrive, link_of, state, tell, why_dead, work, write_message


def may_see(system, opened):
    """Decide about the pictures as each request does."""
    now, digest = system.parts.clock(), digest_of(opened.secret)
    with reading(system.parts, Scope(hospital=system.hospital)) as session:
        link = open_link(session, digest, opened.public_id)
        facts = policy_facts(session, system.hospital, link.study_id, now=now)
    return decide(link.principal, Action.STUDY_RENDERED, facts, now=now).allowed


def test_a_hold_closes_link_session_and_message_and_a_release_opens_them(registered, carrier):
    tell(registered)
    opened = factories.open_link(registered.parts, link_of(carrier.sent[0]))
    assert may_see(registered, opened)
    assert registered.post(f"/studies/{UID}/hold", {"reason": "quality"}).status_code == 200
    got = state(registered)
    assert (got["held"], got["held_reason"]) == (True, "quality")
    assert why_dead(registered, carrier.sent[0]) == "held"
    assert not may_see(registered, opened)
    assert registered.post(f"/studies/{UID}/release").status_code == 200
    assert state(registered)["held"] is False
    assert why_dead(registered, carrier.sent[0]) == ""
    assert may_see(registered, opened)
    assert [event.reason for event in registered.events("study.held")] == ["quality"]
    assert len(registered.events("study.released")) == 1


def test_a_hold_keeps_a_written_message_until_the_release(registered, carrier):
    write_message(registered)
    registered.post(f"/studies/{UID}/hold", {"reason": "under-review"})
    work(registered)
    (message,) = registered.get("/messages", state="held").json["messages"]
    assert (message["study_instance_uid"], message["reason"]) == (UID, "study-held")
    assert carrier.sent == []
    registered.post(f"/studies/{UID}/release")
    work(registered)
    assert len(carrier.sent) == 1
    assert registered.get("/messages", state="held").json["messages"] == []
    assert [item["state"] for item in registered.get("/messages").json["messages"]] == ["accepted"]


def test_a_hold_before_the_images_holds_them(registered, carrier):
    assert registered.post(f"/studies/{UID}/hold", {"reason": "other"}).status_code == 201
    tell(registered)
    assert carrier.sent == []
    assert state(registered)["waits_for"] == {"reason": "held", "opens_at": None}
    registered.post(f"/studies/{UID}/release")
    work(registered)
    assert len(carrier.sent) == 1


def test_a_hold_needs_a_reason_that_names_nobody(registered):
    for body in ({}, {"reason": "Mr Wang's films"}):
        assert registered.post(f"/studies/{UID}/hold", body, valid=False).status_code == 422


def test_after_my_doctor_waits_for_the_release(registered, carrier):
    registered.put("/patients", PATIENT | {"after_my_doctor": True})
    tell(registered)
    assert state(registered)["waits_for"]["reason"] == "after-my-doctor"
    assert carrier.sent == []
    registered.post(f"/studies/{UID}/release")
    work(registered)
    assert len(carrier.sent) == 1


def test_a_wish_that_is_taken_back_lets_the_message_go(registered, carrier):
    write_message(registered)
    registered.put("/patients", PATIENT | {"after_my_doctor": True})
    work(registered)
    assert [message["reason"] for message in registered.get("/messages").json["messages"]] == ["not-released"]
    registered.put("/patients", PATIENT)
    work(registered)
    assert len(carrier.sent) == 1


def test_undoing_a_match_ends_the_first_patients_link_and_session(registered, carrier):
    tell(registered)
    opened = factories.open_link(registered.parts, link_of(carrier.sent[0]))
    answer = registered.post(f"/studies/{UID}/undo-match", {"reason": "wrong-patient"})
    assert answer.status_code == 200
    assert why_dead(registered, carrier.sent[0]) == "revoked"
    assert not may_see(registered, opened)
    work(registered)
    (waiting,) = registered.get("/worklist").json["studies"]
    assert (waiting["study_instance_uid"], waiting["reason"]) == (UID, "match-undone")
    assert [event.reason for event in registered.events("study.unmatched")] == ["wrong-patient"]
    assert registered.post(f"/studies/{UID}/undo-match", {"reason": "other"}).status_code == 409


def test_undoing_a_match_takes_a_waiting_message_away(registered, carrier):
    write_message(registered)
    registered.post(f"/studies/{UID}/undo-match", {"reason": "wrong-patient"})
    work(registered)
    assert carrier.sent == []
    assert [message["reason"] for message in registered.get("/messages").json["messages"]] == ["match-undone"]


def test_a_corrected_number_is_sent_the_link_again(registered, carrier):
    tell(registered)
    registered.put("/patients", PATIENT | {"phone": "13900139000"})
    work(registered)
    assert len(carrier.sent) == 1
    assert registered.post(f"/studies/{UID}/send-again").status_code == 200
    work(registered)
    assert [sent.to for sent in carrier.sent] == ["+8613800138000", "+8613900139000"]
    assert why_dead(registered, carrier.sent[0]) == "replaced"
    assert why_dead(registered, carrier.sent[1]) == ""
    assert [event.actor[:8] for event in registered.events("link.sent-again")] == ["api-key:"]


def test_a_number_corrected_before_the_message_went_out_is_told_by_itself(registered, carrier):
    write_message(registered)
    registered.put("/patients", PATIENT | {"phone": "13900139000"})
    work(registered)
    assert [sent.to for sent in carrier.sent] == ["+8613900139000"]
    got = [(item["state"], item["reason"]) for item in registered.get("/messages").json["messages"]]
    assert got == [("expired", "number-changed"), ("accepted", None)]


def test_a_number_that_came_back_before_the_message_went_out_is_told_once(registered, carrier):
    write_message(registered)
    registered.put("/patients", PATIENT | {"phone": "13900139000"})
    registered.put("/patients", PATIENT)
    work(registered)
    assert [sent.to for sent in carrier.sent] == ["+8613800138000"]


def test_sending_again_needs_something_to_repeat_and_a_number(registered, carrier):
    assert registered.post(f"/studies/{UID}/send-again").status_code == 404
    arrive(registered, 1)
    assert registered.post(f"/studies/{UID}/send-again").status_code == 409
    registered.post(f"/studies/{UID}/complete")
    work(registered)
    registered.put("/patients", {name: value for name, value in PATIENT.items() if name != "phone"})
    answer = registered.post(f"/studies/{UID}/send-again")
    assert (answer.status_code, answer.json["code"]) == (409, "conflict")
    assert why_dead(registered, carrier.sent[0]) == ""


def test_sending_again_has_a_days_limit(registered, carrier):
    tell(registered)
    for _ in range(3):
        assert registered.post(f"/studies/{UID}/send-again").status_code == 200
    answer = registered.post(f"/studies/{UID}/send-again")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) <= timedelta(days=1).total_seconds()
    work(registered)
    assert len(carrier.sent) == 4
    assert why_dead(registered, carrier.sent[-1]) == ""


def test_messages_come_in_pages(registered, carrier):
    tell(registered)
    for _ in range(2):
        registered.post(f"/studies/{UID}/send-again")
    first = registered.get("/messages", limit="2").json
    second = registered.get("/messages", limit="2", cursor=first["next_cursor"]).json
    assert [len(page["messages"]) for page in (first, second)] == [2, 1]
    assert second["next_cursor"] is None
    assert len({UUID(item["id"]) for page in (first, second) for item in page["messages"]}) == 3
    for query in ({"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"cursor": "x"}, {"state": "lost"}):
        (name,) = query
        answer = registered.get("/messages", **query)
        assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, f"/{name}")


def test_contacts_of_a_told_patient_stay_two_rows(registered, carrier):
    tell(registered)
    registered.put("/patients", PATIENT | {"phone": "13900139000"})
    with reading(registered.parts, Scope(hospital=registered.hospital)) as session:
        assert session.scalar(select(func.count()).select_from(ContactPoint)) == 2
        assert session.scalar(select(func.count()).select_from(Notification)) == 1
