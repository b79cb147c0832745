"""Counters of requests, and the page that Prometheus reads.

With several worker processes, `PROMETHEUS_MULTIPROC_DIR` names a folder where the library adds their counters up.
"""

import time
from collections.abc import Iterable
from datetime import datetime

from flask import Flask, Response, g, request
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from app.core.logs import get_logger
from app.services.figures import Figures
from app.web.problems import request_id

_REQUESTS = Counter("filmpass_requests_total", "Requests by class of status.", ["status"])
_SECONDS = Histogram("filmpass_request_seconds", "Time to the answer, by route.", ["route"])
_log = get_logger("web")


def register(app: Flask) -> None:
    """Count and time every request, and write its line in the log: route, never path."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.began = time.perf_counter()


def _end(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else "none"
    seconds = time.perf_counter() - g.get("began", time.perf_counter())
    _REQUESTS.labels(f"{response.status_code // 100}xx").inc()
    _SECONDS.labels(route).observe(seconds)
    _log.info(
        "request", request_id=request_id(), method=request.method, route=route, status=response.status_code,
        milliseconds=round(seconds * 1000, 1),
    )  # fmt: skip
    return response


def exposition(figures: Figures, now_seconds: float) -> bytes:
    """Return the text that Prometheus reads: the counters of all processes, and figures read just now."""
    registry = CollectorRegistry()
    if values.ValueClass is not values.MutexValue:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no type here
        counters = generate_latest(registry)
    else:
        counters = generate_latest(REGISTRY)
    gauges = CollectorRegistry()
    gauges.register(_Gauges(figures, now_seconds))
    return counters + generate_latest(gauges)


class _Gauges(Collector):
    def __init__(self, figures: Figures, now_seconds: float) -> None:
        self._figures = figures
        self._now = now_seconds

    @override
    def collect(self) -> Iterable[Metric]:
        """Yield the figures as gauges."""
        figures = self._figures
        values = {
            "filmpass_outbox_open": ("Work owed.", figures.owed.open),
            "filmpass_outbox_due": ("Work owed that is due.", figures.owed.due),
            "filmpass_outbox_oldest_due_seconds": (
                "How long the oldest due work waits.", self._age(figures.owed.oldest_due_at)
            ),
            "filmpass_audit_oldest_unsealed_seconds": (
                "How long the oldest audit event waits for a signed head.", self._age(figures.oldest_unsealed_at)
            ),
            "filmpass_store_free_bytes": ("Free space of the image store.", figures.free_bytes),
        }  # fmt: skip
        for name, (text, value) in values.items():
            yield GaugeMetricFamily(name, text, value=value)
        messages = GaugeMetricFamily("filmpass_messages", "Messages by state.", labels=["state"])
        for state, count in sorted(figures.messages.items()):
            messages.add_metric([state], count)
        yield messages

    def _age(self, moment: datetime | None) -> float:
        return max(0.0, self._now - moment.timestamp()) if moment is not None else 0.0
