"""Who stands before the doors, what they carry, and what their answers give away."""

import itertools
import re
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import event

from app.access.load.prepared import Prepared
from app.core.identifiers import new_token
from tests import factories as make
from tests.neighbours.world import World, end_key

COOKIE = "__Host-filmpass"
_numbers = itertools.count(1)
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def key(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


def cookie(secret: str) -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={secret}"}


def _sibling(world: World) -> str:
    patient = make.make_patient(world.parts, world.case.hospital, phone="+8613800138001", name="李^四")
    order = make.make_order(world.parts, world.case.hospital, patient)
    study = make.make_study_ready(world.parts, world.case.hospital, order)
    return world.link_to(make.Case(world.case.hospital, patient, order, study))[1].secret


def _new_hospital(world: World) -> dict[str, str]:
    """Return the key of a hospital that has nothing yet, so that whatever it finds is another's."""
    code = f"n{next(_numbers):02}"
    hospital = make.make_hospital(world.parts, code, name="邻城医院", message_name="邻城", telephone="1")
    return key(make.make_api_key(world.parts, hospital)) | {"From": code}


STRANGERS = {
    "nobody": lambda world: {},
    "a made-up key": lambda world: key("fpk_" + "A" * 43),
    "another hospital's key": _new_hospital,
    "an ended key of the same hospital": lambda world: key(end_key(world)),
    "a made-up session": lambda world: cookie(new_token()),
    "the token of the link as a session": lambda world: cookie(world.token),
    "a session of another hospital's link": lambda world: cookie(world.link_to(world.neighbour)[1].secret),
    "a session of another patient's link": lambda world: cookie(_sibling(world)),
    "another hospital's key and session": lambda world: (
        _new_hospital(world) | cookie(world.link_to(world.neighbour)[1].secret)
    ),
}


class Visitor:
    """Sends requests with what it carries, as a TLS proxy hands them on."""

    def __init__(self, world: World, carried: dict[str, str]) -> None:
        self._client = world.app.test_client(use_cookies=False)
        self._client.environ_base["wsgi.url_scheme"] = "https"
        self._carried = carried
        self.hospital = carried.get("From", "zz8")
        """The code of the hospital that it comes from, if it does from one."""

    def ask(self, method: str, address: str, *, headers: dict[str, str] | None = None, **content: Any) -> Any:
        return self._client.open(address, method=method, headers=self._carried | (headers or {}), **content)


def told_apart(answer: Any, own_words: tuple[str, ...]) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return all that a client can tell two answers apart by; the words that it sent itself count as the same."""
    headers = [(name, _without(value.encode(), own_words)) for name, value in answer.headers if name != "X-Request-Id"]
    return answer.status_code, headers, _without(answer.data, own_words)


def _without(data: bytes, words: tuple[str, ...]) -> bytes:
    for word in sorted(words, key=len, reverse=True):
        data = data.replace(word.encode(), b"?")
    return _UUID.sub(b"-", data)


def given_away(answer: Any, secrets: set[str]) -> list[str]:
    """Return the secrets that stand in an answer, headers included."""
    text = answer.data.decode(errors="replace") + "\n".join(f"{name}: {value}" for name, value in answer.headers)
    found = [secret for secret in secrets if secret in text]
    return found + [kind for kind in ("\ufffd\ufffd\ufffd", "%PDF") if text.startswith(kind)]  # a JPEG's first bytes


@contextmanager
def statements(engine):
    """Collect the texts of all statements, also of those that go round SQLAlchemy; values are not among them."""
    texts = []
    first = Prepared.first

    def note(_connection, _cursor, statement, *_rest):
        texts.append(statement)

    def noted(prepared, connection, **parameters):
        texts.append(prepared._sql)
        return first(prepared, connection, **parameters)

    event.listen(engine, "before_cursor_execute", note)
    try:
        with patch.object(Prepared, "first", noted):
            yield texts
    finally:
        event.remove(engine, "before_cursor_execute", note)
