"""Pictures under a live link, and that a hold closes it at once while they are being fetched."""

import http.client
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from bench import clients
from bench.clients import Load
from bench.corpus import Study
from bench.figures import Figure, at_least, at_most, ratio_of_at_least
from bench.sides import Side, cpu_of
from bench.stage import Opened, Stage

_SECONDS, _WARM_SECONDS = 4, 1
_PROBES = 4
_UNTIL_HELD, _AFTER_HELD = 1, 2  # seconds


def preview(stage: Stage) -> Iterator[Figure]:
    """A preview, session and release looked up at each request, against `/rendered`."""
    asked = {stage.ours: (stage.opened.previews, stage.opened.headers)}
    if stage.peer:
        study = stage.corpus.study("ct", stage.slices)
        clients.stow(stage.peer, [study], 64)
        asked[stage.peer] = (_rendered(study), {"Accept": "image/jpeg"})
    os.sync()
    for connections, goal in ((8, 12), (1, 7)):
        load = {side: _loaded(side, *asked[side], connections) for side in stage.sides}
        yield from _figures(stage, load, connections, goal)


def _rendered(study: Study) -> list[str]:
    series = [study.instance(number) for number in range(1, len(study.files) + 1)]
    return [f"/dicom-web/studies/{study.uid}/series/{uid}/instances/{sop}/rendered" for uid, sop in series]


def _loaded(side: Side, paths: list[str], headers: dict[str, str], connections: int) -> Load:
    clients.wrk(side, paths, headers, connections=connections, seconds=_WARM_SECONDS)
    return clients.wrk(side, paths, headers, connections=connections, seconds=_SECONDS)


def _figures(stage: Stage, load: dict[Side, Load], connections: int, goal: float) -> Iterator[Figure]:
    ours, peer = load[stage.ours], load.get(stage.peer)
    name = f"preview, {connections} connection{'s' if connections > 1 else ''}"
    yield Figure(name, "/s", ours.per_second, peer and peer.per_second, ratio_of_at_least(goal))
    limit = at_most(15) if connections > 1 else None
    yield Figure(f"{name}, p99", "ms", ours.p99_ms, peer and peer.p99_ms, limit)
    yield Figure(f"{name}, CPU each", "ms", ours.cpu_ms, peer and peer.cpu_ms)


def hold(stage: Stage) -> Iterator[Figure]:
    """Put the study on hold while its pictures are fetched: what is asked for afterwards must be refused."""
    opened, ours = stage.opened, stage.ours
    over = threading.Event()
    load = clients.wrk_running(ours, opened.previews, opened.headers, connections=8, seconds=_UNTIL_HELD + _AFTER_HELD)
    with load, ThreadPoolExecutor(_PROBES) as pool:
        probes = [pool.submit(_probe, ours, opened, over) for _ in range(_PROBES)]
        try:
            time.sleep(_UNTIL_HELD)
            ours.call(opened.study.uid, "hold", {"reason": "under-review"})
            held_at = time.perf_counter()
            before = {pid: cpu_of(pid) for pid in ours.web_workers()}
            time.sleep(_AFTER_HELD)
            busy = sum(cpu_of(pid) > used for pid, used in before.items())
        finally:
            over.set()
        asked = [answer for probe in probes for answer in probe.result()]
    ours.call(opened.study.uid, "release", {})
    if not any(at < held_at and status == 200 for at, status in asked):
        raise RuntimeError("no picture was served before the hold")
    after = [status for at, status in asked if at >= held_at]
    yield Figure("hold under load: pictures served after it", "", after.count(200), goal=at_most(0))
    yield Figure("hold under load: pictures refused after it", "", after.count(404), goal=at_least(1))
    yield Figure("hold under load: workers that answered after it", "", busy, goal=at_least(len(before)))


def _probe(side: Side, opened: Opened, over: threading.Event) -> list[tuple[float, int]]:
    """Ask, each time over a new connection; returns when each request began and its status."""
    asked = []
    while not over.is_set():
        connection = http.client.HTTPConnection(urlsplit(side.base_url).netloc, timeout=10)
        began = time.perf_counter()
        connection.request("GET", opened.previews[len(asked) % len(opened.previews)], headers=opened.headers)
        asked.append((began, connection.getresponse().status))
        connection.close()
    return asked
