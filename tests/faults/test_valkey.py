"""Valkey lost, emptied, hanging and back: only delay, and the web keeps answering."""

import os
import signal
import time

import pytest
import redis
import requests

from tests.faults.arrivals import arrivals_at

pytestmark = pytest.mark.flow


def answers_quickly(stand, key):
    """Ask what counts volumes in Valkey: each door that limits, ten times; returns the slowest answer."""
    slowest = 0.0
    for _ in range(10):
        for path, headers in (("/api/v1/worklist", {"Authorization": f"Bearer {key}"}), ("/s/x" + "A" * 21, {})):
            began = time.monotonic()
            assert requests.get(stand.base_url + path, headers=headers, timeout=10).status_code in {200, 404}
            slowest = max(slowest, time.monotonic() - began)
    return slowest


def test_its_loss_delays_and_neither_loses_nor_doubles(stand):
    arriving = arrivals_at(stand)
    stand.start("valkey", "web", "worker", "relay")
    arriving.send()
    answers_quickly(stand, arriving.key)

    os.kill(stand.pid("valkey"), signal.SIGSTOP)  # takes connections, answers nothing
    arriving.send()
    began = time.monotonic()
    for _ in range(3):
        assert answers_quickly(stand, arriving.key) < 3
    assert time.monotonic() - began < 20, "it costs one wait, not one in each of sixty requests"
    arriving.wait_until_told()
    os.kill(stand.pid("valkey"), signal.SIGCONT)

    with redis.Redis.from_url(stand.settings.redis_url) as client:
        client.flushall()
    arriving.send()
    arriving.wait_until_told()

    stand.kill("valkey")
    arriving.send()
    assert answers_quickly(stand, arriving.key) < 3
    arriving.wait_until_told()
    stand.start("valkey")
    arriving.send()
    arriving.wait_until_told()
    arriving.check_told_once()
