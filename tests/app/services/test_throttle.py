"""Volume limits: counted where they are shared, kept small where they are not."""

from types import SimpleNamespace

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from app.core.errors import TooOften
from app.services import throttle
from app.services.throttle import KEPT_HERE, Limiter


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=600.0)
    monkeypatch.setattr(throttle, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


@pytest.fixture
def limiter():
    return Limiter(None)


def use(limiter, key, times, limit):
    """Use a key; returns how often it was allowed."""
    allowed = 0
    for _ in range(times):
        try:
            limiter.check(key, limit)
        except TooOften:
            continue
        allowed += 1
    return allowed


def test_a_key_is_allowed_up_to_its_limit_in_each_minute_and_told_when_to_come_back(clock, limiter):
    assert use(limiter, "a", 5, 3) == 3
    assert use(limiter, "b", 1, 3) == 1
    clock.now = 615.0
    with pytest.raises(TooOften) as refused:
        limiter.check("a", 3)
    assert refused.value.retry_after == 45
    clock.now = 660.0
    assert use(limiter, "a", 5, 3) == 3


def test_a_flood_of_other_keys_neither_frees_a_busy_one_nor_fills_the_memory(clock, limiter):
    assert use(limiter, "busy", 10, 5) == 5
    for number in range(3 * KEPT_HERE):
        limiter.check(f"other-{number}", 5)
    assert use(limiter, "busy", 1, 5) == 0
    assert len(limiter._here) <= KEPT_HERE


def test_yesterdays_counts_are_not_kept_and_a_clock_set_back_locks_nobody_out(clock, limiter):
    use(limiter, "old", 5, 3)
    clock.now = 86_400.0
    assert use(limiter, "a", 5, 3) == 3
    assert set(limiter._here) == {"a"}
    clock.now = 600.0
    assert use(limiter, "a", 5, 3) == 3


def test_two_processes_share_their_counts_and_each_counts_alone_while_redis_is_away(clock, redis_url, monkeypatch):
    with Redis.from_url(redis_url) as one, Redis.from_url(redis_url) as two:
        limiters = Limiter(one), Limiter(two)
        assert [use(limiter, "shared", 3, 4) for limiter in limiters] == [3, 1]
        assert 0 < one.ttl("filmpass:limit:shared:10") <= 120

        def refuse(*_arguments, **_options):
            raise RedisConnectionError

        for client in (one, two):
            monkeypatch.setattr(client, "pipeline", refuse)
        assert [use(limiter, "shared", 6, 4) for limiter in limiters] == [4, 4]
