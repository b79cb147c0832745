"""Links under attack, on real worker processes over both databases."""

import tempfile
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from app.audit.events import Event
from app.models.links import Capability
from app.services.unit_of_work import reading
from tests import factories as make
from tests.neighbours import attack
from tests.stand import Stand, standing

pytestmark = [pytest.mark.flow, pytest.mark.both_databases]
WRONG = [{"y": str(1900 + number), "m": "12", "d": "3"} for number in range(40)]


@pytest.fixture
def stand(database):
    """Two web processes and Valkey behind a proxy that says where requests come from."""
    with (
        tempfile.TemporaryDirectory(prefix="filmpass-") as folder,
        standing(Path(folder), database, trusted_proxies=1) as made,
    ):
        yield made


@pytest.fixture
def case(stand: Stand) -> make.Case:
    case = make.make_case(stand.parts)
    stand.start("valkey", "web")
    return case


def test_a_siege_of_links_keeps_nobody_out_and_nothing_is_compared_too_often(stand, case):
    token, *others = attack.many_links(stand.parts, case, 41)
    _fetching_changes_nothing(stand, token)
    _forty_guesses_at_once_compare_five_times(stand, case, token)
    _a_guesser_locks_nobody_out(stand, others)


def _fetching_changes_nothing(stand, token):
    before = make.everything(stand.database)
    with attack.phones(stand, 4) as crowd:
        fetches = [phone.fetch(f"/s/{token}", method) for phone in crowd for method in ("GET", "HEAD") * 125]
    assert {answer.status_code for answer in fetches} == {200}
    assert len(fetches) == 1000
    assert make.everything(stand.database) == before


def _forty_guesses_at_once_compare_five_times(stand, case, token):
    with attack.phones(stand, 40) as crowd:
        guesses = zip(crowd, WRONG, strict=True)
        answers = attack.at_once([partial(phone.type_fact, token, fact) for phone, fact in guesses])
    assert {answer.status_code for answer in answers} <= {410, 422, 429}
    assert len(make.events(stand.parts, Event.LINK_REFUSED)) == 5
    with reading(stand.parts, case.scope) as session:
        assert sorted(session.scalars(select(Capability.tries_left)))[:2] == [0, 5]


def _a_guesser_locks_nobody_out(stand, tokens):
    with attack.phones(stand, 1) as (guesser,):
        assert attack.spend_the_guesses(stand, guesser) == 429
    assert attack.open_all(stand, tokens) == [303] * len(tokens)
