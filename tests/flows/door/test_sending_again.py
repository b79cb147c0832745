"""A new message to the registered phone, asked for on the page of a dead link."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from app.audit.events import Event
from app.core.identifiers import new_token
from app.models.imaging import Study
from app.models.links import Capability
from app.models.notifications import Notification
from app.models.patients import ContactPoint
from app.services import links
from app.services.unit_of_work import reading, unit_of_work
from tests import factories as make
from tests.flows.door import WRONG, check


class TestSendingAgain:
    @pytest.fixture
    def locked(self, parts, client, case, token):
        make.announce(parts, case)
        for _ in range(5):
            check(client, token, WRONG)
        return token

    def notifications(self, parts, case):
        with reading(parts, case.scope) as session:
            return session.scalars(select(Notification).order_by(Notification.created_at, Notification.id)).all()

    @pytest.mark.both_databases
    def test_a_locked_link_is_replaced_by_a_new_message_to_the_registered_phone(self, parts, client, case, locked):
        assert client.post("/s/resend", data={"token": locked}).status_code == 200
        first, again = self.notifications(parts, case)
        assert (first.kind, again.kind) == ("study", "again")
        assert again.contact_id == first.contact_id
        assert links.look(parts, locked).why == "replaced"
        assert check(client, locked).status_code == 410
        assert check(client, make.make_link(parts, case)).status_code == 303
        assert len(make.events(parts, Event.LINK_SENT_AGAIN)) == 1

    def test_an_expired_link_is_replaced_too(self, parts, client, clock, case, token):
        make.announce(parts, case)
        clock.forward(days=31)
        assert client.post("/s/resend", data={"token": token}).status_code == 200
        assert links.look(parts, token).why == "replaced"

    def test_only_a_locked_or_expired_link_asks_for_another(self, parts, client, clock, case, token):
        make.announce(parts, case)
        client.post("/s/resend", data={"token": token})
        make.change(parts, case, Study, case.study, held_at=clock())
        client.post("/s/resend", data={"token": token})
        client.post("/s/resend", data={"token": new_token()})
        client.post("/s/resend")
        assert [row.kind for row in self.notifications(parts, case)] == ["study"]

    def test_the_fourth_on_one_day_is_not_sent_and_the_page_does_not_say_so(self, parts, client, clock, case, locked):
        token, answers = locked, []
        for _ in range(4):
            answers.append(client.post("/s/resend", data={"token": token}))
            clock.forward(minutes=5)
            token = make.make_link(parts, case)
            with unit_of_work(parts, case.scope) as session:
                session.execute(update(Capability).values(tries_left=0))
        assert [answer.status_code for answer in answers] == [200, 200, 200, 410]
        assert "/s/resend" not in answers[-1].text
        assert [row.kind for row in self.notifications(parts, case)] == ["study", "again", "again", "again"]
        clock.forward(days=1)
        assert client.post("/s/resend", data={"token": token}).status_code == 200
        assert len(self.notifications(parts, case)) == 5

    def test_without_a_number_nothing_is_replaced_or_promised(self, parts, client, case, locked):
        with unit_of_work(parts, case.scope) as session:
            session.execute(update(ContactPoint).values(ended_at=parts.clock()))
        assert client.post("/s/resend", data={"token": locked}).status_code == 410
        assert links.look(parts, locked).why == "locked"
        assert len(self.notifications(parts, case)) == 1

    @pytest.mark.both_databases
    def test_a_button_pressed_twice_at_once_sends_one_message(self, parts, app, case, locked):
        def press(_):
            with app.test_client() as client:
                return client.post("/s/resend", data={"token": locked}).status_code

        with ThreadPoolExecutor(4) as threads:
            statuses = list(threads.map(press, range(4)))
        assert set(statuses) <= {200, 410}
        assert [row.kind for row in self.notifications(parts, case)] == ["study", "again"]
