"""Refused and absent take the same way: the same statements in the same order, so that time tells nothing either.

The times themselves are measured by `make siege`; a test that decided by them would be right only on a quiet machine.
"""

import pytest
from sqlalchemy import update

from app.models.links import Capability
from app.services.unit_of_work import unit_of_work
from tests.neighbours.pairs import PAIRS
from tests.neighbours.visitors import Visitor, statements

pytestmark = pytest.mark.flow


@pytest.mark.parametrize("name", PAIRS)
def test_refused_and_absent_ask_the_database_the_same(world, name):
    pair = PAIRS[name](world)
    _ask(world, *pair[0])  # whose session it is, a process remembers
    (refused, known), (absent, unknown) = (_ask(world, *request) for request in pair)
    assert known == unknown
    assert known
    assert refused == absent
    assert refused in {401, 404, 422}


def _ask(world, carried, request):
    with unit_of_work(world.parts, world.scope) as session:
        session.execute(update(Capability).values(tries_left=5))
    with statements(world.parts.engine) as texts:
        status = Visitor(world, carried).ask(**request).status_code
    return status, texts
