"""Alive, ready, measured."""

from datetime import datetime

from flask import Blueprint, Response, json
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import DBAPIError

from app.core.errors import OutOfResources
from app.outbox import Depth, depth
from app.services import figures
from app.services.parts import Parts
from app.services.unit_of_work import Scope, reading
from app.web.authentication import Who, parts, requires
from app.web.metrics import exposition

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@requires(Who.ANYONE)
def healthz() -> Response:
    """Say that this process answers."""
    return Response("alive\n", content_type="text/plain")


@blueprint.get("/readyz")
@requires(Who.ANYONE)
def readyz() -> Response:
    """Say whether database and store work, and how much is owed."""
    body: dict[str, object] = {"database": False, "store": _store_ready(parts())}
    try:
        owed = _depth(parts())
        age = _age(owed.oldest_due_at, parts().clock())
        body |= {"database": True, "owed": owed.open, "due": owed.due, "oldest_due_seconds": age}
    except DBAPIError:
        pass
    ready = bool(body["database"] and body["store"])
    return Response(json.dumps(body), status=200 if ready else 503, content_type="application/json")


@blueprint.get("/metrics")
@requires(Who.ANYONE)
def metrics() -> Response:
    """Give Prometheus its figures; the proxy keeps this page inside the hospital."""
    now = parts().clock().timestamp()
    return Response(exposition(figures.gather(parts()), now), content_type=CONTENT_TYPE_LATEST)


def _depth(handed: Parts) -> Depth:
    with reading(handed, Scope(worker=True)) as session:
        return depth(session, now=handed.clock())


def _age(moment: datetime | None, now: datetime) -> float:
    return (now - moment).total_seconds() if moment else 0.0


def _store_ready(handed: Parts) -> bool:
    try:
        handed.store.check()
    except (OutOfResources, OSError):
        return False
    return True
