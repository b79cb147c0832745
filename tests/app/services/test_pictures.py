"""The hot path of pictures: judged anew each time, however warm its caches are."""

from uuid import UUID

import pytest
from sqlalchemy import select

from app.access.load import pictures
from app.core.errors import NotFound, StoreUnavailable
from app.core.identifiers import digest_of
from app.models.imaging import Study
from app.models.links import Capability, Opening, Session
from app.services import pictures as desks
from app.services.pictures import Asked, PictureDesk
from app.services.unit_of_work import Scope, looking, reading
from app.web.picture_lane import PictureLane
from app.web.sessions import cookie_name
from tests import factories as make

pytestmark = pytest.mark.both_databases

FIRST = Asked("preview", 1, 1)


class Looker:
    """A patient with a warm desk."""

    def __init__(self, parts) -> None:
        self.parts, self.case = parts, make.make_case(parts, pictures=2)
        self.opened = make.open_link(parts, make.make_link(parts, self.case))
        self.digest, self.desk = digest_of(self.opened.secret), PictureDesk(parts)

    def look(self, asked: Asked = FIRST) -> bytes:
        return self.desk.picture(self.digest, self.opened.public_id, asked)

    def change(self, row: type, key: object, **columns) -> None:
        make.change(self.parts, self.case, row, key, **columns)


@pytest.fixture
def looker(parts):
    return Looker(parts)


@pytest.fixture
def clocked(parts):
    return make.with_clock(parts, parts.clock())


def test_the_disclosure_is_on_record_before_the_first_picture_and_once(looker):
    for number in (1, 2, 1):
        assert looker.look(Asked("preview", 1, number)).startswith(b"\xff\xd8\xff")
    with reading(looker.parts, looker.case.scope) as session:
        assert len(session.scalars(select(Opening)).all()) == 1


def test_a_picture_is_found_also_when_another_thread_empties_the_cache_of_sessions_meanwhile(looker, monkeypatch):
    class Emptied(dict):
        def __setitem__(self, key, value):
            """Lose it at once."""

    monkeypatch.setattr(looker.desk, "_hospitals", Emptied())
    assert looker.look().startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize("closed", ["held", "match undone", "link revoked", "session ended"])
def test_a_warm_cache_serves_nothing_that_was_closed(looker, closed):
    looker.look()
    now = looker.parts.clock()
    with reading(looker.parts, looker.case.scope) as session:
        link: UUID = session.scalars(select(Capability.id)).one()
    if closed == "held":
        looker.change(Study, looker.case.study, held_at=now)
    elif closed == "match undone":
        looker.change(Study, looker.case.study, patient_id=None)
    elif closed == "link revoked":
        looker.change(Capability, link, revoked_at=now)
    else:
        looker.change(Session, looker.digest, revoked_at=now)
    with pytest.raises(NotFound):
        looker.look()


def test_a_session_ends_by_itself(clocked):
    parts, clock = clocked
    looker = Looker(parts)
    looker.look()
    clock.forward(days=400)
    with pytest.raises(NotFound):
        looker.look()


def test_another_link_and_another_picture_are_absent(looker):
    looker.look()
    for public_id, asked in ((looker.opened.public_id, Asked("preview", 2)), ("A" * 12, FIRST)):
        with pytest.raises(NotFound):
            looker.desk.picture(looker.digest, public_id, asked)
    with pytest.raises(NotFound):
        looker.look(Asked("preview", 1, 3))
    with pytest.raises(NotFound):
        looker.desk.picture(digest_of("B" * 22), looker.opened.public_id, FIRST)


@pytest.mark.parametrize(("named", "statement"), [({}, pictures._IN_OWN_LOOK), ({"look": "lung"}, pictures._IN_A_LOOK)])
def test_the_statement_gives_the_same_by_the_driver_as_by_sqlalchemy(looker, named, statement):
    given = {"digest": looker.digest, "public_id": looker.opened.public_id, "offset": 0} | named
    with looking(looker.parts, Scope(hospital=looker.case.hospital)) as connection:
        prepared = pictures._prepared(connection.dialect, in_a_look=bool(named))
        row = prepared.first(connection, **given)
        assert prepared.first(connection, **given | {"public_id": "A" * 12}) is None
    with looking(looker.parts, Scope(hospital=looker.case.hospital)) as connection:
        expected = connection.execute(statement, given).one()
    assert row._asdict() == dict(expected._mapping)
    assert [type(value) for value in row] == [type(value) for value in expected]


def test_of_many_packs_the_oldest_is_forgotten(looker, monkeypatch):
    monkeypatch.setattr(desks, "_PACKS", 0)
    assert looker.look() == looker.look()
    assert not looker.desk._packs


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("{name}={secret}", 200),
        ("a=b; {name}={secret}; c=d", 200),
        ("lang=zh;{name}={secret}", 200),
        ("", 404),
        ("{name}", 404),
        ("{name}=", 404),
        ("x{name}={secret}", 404),
        ("{name}={secret}x", 404),
        ('{name}="{secret}"', 404),
    ],
)
def test_the_lane_takes_the_session_from_its_own_cookie_alone(looker, header, status):
    assert answer(looker, header)[0] == status


@pytest.mark.parametrize("error", [StoreUnavailable, OSError, EOFError, RuntimeError])
def test_a_store_that_fails_is_no_answer_about_the_picture_and_may_come_back(looker, monkeypatch, error):
    def failing(*_):
        raise error("The store fails.")

    with monkeypatch.context() as patched:
        patched.setattr(looker.parts.store, "read", failing)
        assert answer(looker) == (503, "5")
    assert answer(looker) == (200, None)


def answer(looker, cookie="{name}={secret}"):
    """The status that a new lane answers a preview with, and after how many seconds to come back."""
    lane = PictureLane(lambda _environ, _start: [b"not for the lane"], looker.parts)
    cookie = cookie.format(name=cookie_name(looker.parts), secret=looker.opened.secret)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/v/{looker.opened.public_id}/p/1/1.jpg", "HTTP_COOKIE": cookie}
    answered = []
    lane(environ, lambda line, headers: answered.append((int(line[:3]), dict(headers).get("Retry-After"))))
    return answered[0]
