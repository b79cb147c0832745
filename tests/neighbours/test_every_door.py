"""Every route and every lane, as everyone but the owner, about what is the owner's."""

import pytest

from app.web.authentication import Who
from app.web.picture_lane import LANES
from tests import factories as make
from tests.neighbours.doors import (
    LANE_ADDRESSES,
    MALFORMED,
    METHODS,
    SAFE,
    doors,
    names_of_nothing,
    names_of_the_victim,
)
from tests.neighbours.visitors import STRANGERS, Visitor, cookie, given_away, key, told_apart
from tests.neighbours.world import Ends

pytestmark = pytest.mark.flow
ENDS = [name for name in vars(Ends) if not name.startswith("_")]
KNOWN_TO_A_HOLDER = {"云泽", "0000-66001234"}
"""Which hospital it was and whom to call: what a link that ended still says to who once opened it."""


def test_every_lane_has_addresses_here():
    assert set(LANE_ADDRESSES) == set(LANES)


def test_the_owner_gets_in_by_every_door_that_others_are_kept_from(world):
    names = names_of_the_victim(world)
    visitor = Visitor(world, cookie(make.open_link(world.parts, world.token).secret) | key(world.key))
    for door in doors(world.app):
        if "GET" in door.methods and door.who in {Who.LINK_SESSION, Who.HOSPITAL_CLIENT}:
            answer = visitor.ask("GET", door.address(names.parameters), **door.content("GET", names))
            assert answer.status_code == 200, door.rule


@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_learns_nothing_and_changes_nothing(world, name):
    visitor = Visitor(world, STRANGERS[name](world))
    theirs, nothing = names_of_the_victim(world), names_of_nothing(world)
    secrets, before = world.secrets(), world.rows()
    for methods in (SAFE, METHODS[len(SAFE) :]):
        for door in doors(world.app):
            for method in methods:
                _compare(visitor, door, method, theirs, nothing, secrets)
        secrets -= {*theirs.words}  # from here on it may have sent them itself
    assert world.rows() == before


def _compare(visitor, door, method, theirs, nothing, secrets):
    if method not in door.methods:
        answer = visitor.ask(method, door.address(theirs.parameters))
        assert answer.status_code < 500, f"{method} {door.rule}"
        assert not given_away(answer, secrets), f"{method} {door.rule}"
        return
    for known, unknown in _swapped(visitor, door, theirs, nothing):
        about_theirs, about_nothing = (
            visitor.ask(method, door.address(values), **door.content(method, names))
            for values, names in ((known, theirs), (unknown, nothing))
        )
        what = f"{method} {door.address(known)}"
        assert about_theirs.status_code < 500, what
        assert not given_away(about_theirs, secrets), what
        if door.parameters or door.content(method, theirs):  # else the two requests are the same one
            assert told_apart(about_theirs, theirs.words) == told_apart(about_nothing, nothing.words), what


def _swapped(visitor, door, theirs, nothing):
    return zip(door.swaps(theirs, visitor.hospital), door.swaps(nothing, visitor.hospital), strict=True)


@pytest.mark.parametrize("end", ENDS)
def test_who_once_opened_the_link_gets_nothing_after_its_end(world, end):
    names, opened = names_of_the_victim(world), world.link_to(world.case)[1]
    visitor = Visitor(world, cookie(opened.secret))
    undo = getattr(Ends(world), end)(opened)
    secrets = world.secrets() - KNOWN_TO_A_HOLDER - {opened.public_id}
    before = world.rows()
    for door in doors(world.app):
        for method in METHODS:
            address = door.address(names.parameters | {"public_id": opened.public_id})
            answer = visitor.ask(method, address, **door.content(method, names))
            assert answer.status_code < 500, f"{method} {door.rule}"
            assert not given_away(answer, secrets), f"{method} {door.rule}"
            if door.who is Who.LINK_SESSION and method in {"GET", "HEAD"}:
                assert answer.status_code in {401, 404, 405, 410}, f"{method} {door.rule}"
    after = world.rows()
    for table in ("audit_event", "session"):  # refusals are on record, and to leave is the session's own right
        before.pop(table), after.pop(table)
    assert after == before
    undo()


def test_a_search_for_anything_finds_only_what_is_ones_own(world):
    carried = STRANGERS["another hospital's key"](world)
    visitor, secrets = Visitor(world, carried), world.secrets()
    for level in ("studies", "series", "instances"):
        for query in (
            {},
            {"includefield": "all"},
            {"PatientID": "*"},
            {"PatientName": "*"},
            {"StudyDate": "19000101-"},
        ):
            answer = visitor.ask("GET", f"/h/{visitor.hospital}/dicom-web/{level}", query_string=query)
            assert answer.status_code in {200, 204}
            assert not given_away(answer, secrets), f"{level} {query}"


CURIOUS = ("nobody", "another hospital's key", "a session of another hospital's link")


@pytest.mark.parametrize("name", CURIOUS)
def test_malformed_names_are_answered_and_reflect_nothing(world, name):
    visitor = Visitor(world, STRANGERS[name](world))
    names, secrets, before = names_of_the_victim(world), world.secrets(), world.rows()
    for door in (door for door in doors(world.app) if door.parameters):
        for text in MALFORMED:
            for parameter in door.parameters:
                method = next(method for method in ("GET", "POST", "PUT", "OPTIONS") if method in door.methods)
                address = door.address(names.parameters | {parameter: text})
                answer = visitor.ask(method, address, **door.content(method, names))
                what = f"{method} {address[:200]}"
                assert answer.status_code < 500, what
                assert not given_away(answer, secrets - {*names.words}), what
                assert b"<script>alert" not in answer.data, what
                assert "a=b" not in answer.headers.get("Set-Cookie", ""), what
    assert world.rows() == before


def test_a_studys_uid_at_two_hospitals_is_two_studies(world):
    """What a neighbour stores under the victim's UIDs is the neighbour's, and the victim's still reads as it was."""
    names = names_of_the_victim(world)
    carried = key(make.make_api_key(world.parts, make.make_hospital(world.parts, "own")))
    own_names = names.parameters | {"hospital": "own"}
    stow = next(door for door in doors(world.app) if door.rule == "/h/<hospital>/dicom-web/studies/<study>")
    wado = next(door for door in doors(world.app) if door.rule.endswith("<instance>"))
    owner, before = Visitor(world, key(world.key)), world.rows()
    whole = {"headers": {"Accept": "application/dicom"}}
    original = owner.ask("GET", wado.address(names.parameters), **whole)
    sent = Visitor(world, carried).ask("POST", stow.address(own_names), **stow.content("POST", names))
    own = Visitor(world, carried).ask("GET", wado.address(own_names), **whole)
    assert [original.status_code, sent.status_code, own.status_code] == [200, 200, 200]
    assert owner.ask("GET", wado.address(names.parameters), **whole).data == original.data
    after = world.rows()
    before.pop("audit_event"), after.pop("audit_event")  # that the owner read is on record
    assert after == before
