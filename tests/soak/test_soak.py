"""A handful of kill schedules on each database, and that a seed means one schedule."""

from collections import Counter

import pytest

from tests.soak.batch import run_seed
from tests.soak.installation import workshop
from tests.soak.schedule import draw

pytestmark = pytest.mark.flow


@pytest.mark.parametrize(
    ("postgresql", "nodes", "seeds"),
    [
        (False, 1, (1, 2)),
        pytest.param(True, 1, (3,), marks=pytest.mark.postgres),
        pytest.param(True, 2, (4,), marks=pytest.mark.postgres),
    ],
    ids=["sqlite", "postgresql", "two-nodes"],
)
def test_no_law_breaks_under_kills(postgresql, nodes, seeds):
    with workshop(postgresql=postgresql, nodes=nodes) as shop:
        landed = sum((run_seed(shop, seed) for seed in seeds), start=Counter())
    assert sum(hits for (_, where), hits in landed.items() if where in {"amid", "between"}) >= 2


def test_a_seed_is_one_schedule():
    assert draw(7, database=True) == draw(7, database=True)
    assert draw(7, database=True) != draw(8, database=True)


def test_over_many_seeds_every_process_is_struck_in_its_own_step():
    strikes = [strike for seed in range(200) for act in draw(seed, database=True) for strike in act.strikes]
    struck = {victim for strike in strikes for victim in strike.victims}
    assert struck == {"web", "worker", "relay", "scp", "valkey", "database"}
    assert {strike.holder for strike in strikes} == {
        "web", "worker", "relay", "scp", "web client", "scp client", "carrier",
    }  # fmt: skip
