"""Pairs of requests that nobody may tell apart, by their answers or by their times."""

from typing import Any

from app.core.identifiers import new_token
from tests.neighbours.doors import names_of_nothing, names_of_the_victim
from tests.neighbours.visitors import STRANGERS, cookie, key
from tests.neighbours.world import World, end_key

Request = tuple[dict[str, str], dict[str, Any]]
"""What the visitor carries, and what it asks."""


def _key_ended_or_unknown(world: World) -> list[Request]:
    ask = {"method": "GET", "address": "/api/v1/worklist"}
    return [(key(end_key(world)), ask), (key("fpk_" + "A" * 43), ask)]


def _about(stranger: str, method: str, template: str, **more: Any) -> Any:
    """Ask about the victim's things and about things that nobody has, by one way and as one stranger."""

    def pair(world: World) -> list[Request]:
        carried = STRANGERS[stranger](world)
        names = [names_of_the_victim(world), names_of_nothing(world)]
        own = {"own": carried.get("From", "")}
        return [
            (carried, {"method": method, "address": template.format(**n.parameters, pid=n.identifier, **own), **more})
            for n in names
        ]

    return pair


def _fact(typed: dict[str, str], token: str) -> dict[str, Any]:
    form = {"token": token, "kind": "birth_date", "act": "check", **typed}
    return {"method": "POST", "address": "/s", "data": form}


def _facts_nearly_right_or_not_at_all(world: World) -> list[Request]:
    nearly, far = {"y": "1958", "m": "3", "d": "8"}, {"y": "2019", "m": "12", "d": "31"}
    return [({}, _fact(typed, world.token)) for typed in (nearly, far)]


def _tokens_nearly_right_or_not_at_all(world: World) -> list[Request]:
    nearly = names_of_the_victim(world).token
    return [({}, _fact({"y": "1958", "m": "3", "d": "7"}, token)) for token in (nearly, new_token())]


def _sessions(template: str) -> Any:
    """Ask with the session of another's link for the victim's page, and for one that is not there."""

    def pair(world: World) -> list[Request]:
        carried = cookie(world.link_to(world.neighbour)[1].secret)
        names = [names_of_the_victim(world), names_of_nothing(world)]
        return [(carried, {"method": "GET", "address": template.format(**n.parameters)}) for n in names]

    return pair


_KEY = "another hospital's key"
_INSTANCE = "/dicom-web/studies/{study}/series/{series}/instances/{instance}"
PAIRS = {
    "API key: ended, unknown": _key_ended_or_unknown,
    "hospital in the address: another's, absent": _about(_KEY, "GET", "/h/{hospital}" + _INSTANCE),
    "study: another hospital's, absent": _about(_KEY, "GET", "/api/v1/studies/{uid}"),
    "instance: another hospital's, absent": _about(_KEY, "GET", "/h/{own}" + _INSTANCE),
    "metadata: another hospital's, absent": _about(_KEY, "GET", "/h/{own}" + _INSTANCE + "/metadata"),
    "frames: another hospital's, absent": _about(_KEY, "GET", "/h/{own}" + _INSTANCE + "/frames/1"),
    "bulk data: another hospital's, absent": _about(_KEY, "GET", "/h/{own}" + _INSTANCE + "/bulkdata/7FE00010"),
    "rendered: another hospital's, absent": _about(_KEY, "GET", "/h/{own}" + _INSTANCE + "/rendered"),
    "archive: another hospital's, absent": _about(_KEY, "GET", "/h/{own}/dicom-web/studies/{study}/archive"),
    "patient: another hospital's, absent": _about(_KEY, "GET", "/api/v1/patients?identifier={pid}"),
    "match undone: another hospital's, absent": _about(
        _KEY, "POST", "/api/v1/studies/{uid}/undo-match", json={"reason": "other"}
    ),
    "quarantine: another hospital's, absent": _about(
        _KEY, "POST", "/api/v1/quarantine/{quarantine_id}/resolve", json={"outcome": "not-needed"}
    ),
    "token of a link: nearly right, unknown": _tokens_nearly_right_or_not_at_all,
    "fact of a link: nearly right, far off": _facts_nearly_right_or_not_at_all,
    "page, by another link's session: there, absent": _sessions("/v/{public_id}"),
    "picture, by another link's session: there, absent": _sessions("/v/{public_id}/p/1/1.jpg"),
}
