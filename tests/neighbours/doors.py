"""Every way in, read from the application itself, and what each takes: addresses, queries, bodies.

A route with a parameter, a body or a form that has no entry here fails the tests until it says what it means.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

from app.core.identifiers import new_token
from app.services.messages import MessagesQuery
from app.services.patients import PatientQuery, PatientRecord
from app.services.quarantine import Settlement
from app.services.report_writing import ReportRecord
from app.services.service_requests import ServiceRequestRecord
from app.services.shapes import OrderReference, PageQuery
from app.services.study_control import Completeness, Hold, Nothing, UndoMatch
from app.web.authentication import Who, declared
from app.web.picture_lane import LANES
from tests import factories as make
from tests.neighbours.world import ACCESSION, IDENTIFIER, VICTIM, World

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW")
SAFE = ("GET", "HEAD", "OPTIONS")
STOW_TYPE = 'multipart/related; type="application/dicom"; boundary=x'

LANE_ADDRESSES = {
    r"/v/([A-Za-z0-9_-]{12})/(p|q|key)/(\d{1,4})/(\d{1,6})\.jpg": (
        "/v/<public_id>/p/1/1.jpg", "/v/<public_id>/p/1/2.jpg", "/v/<public_id>/q/1/1.jpg",
        "/v/<public_id>/key/1/1.jpg",
    ),
    r"/v/([A-Za-z0-9_-]{12})/(t)/(\d{1,4})\.jpg": ("/v/<public_id>/t/1.jpg",),
    r"/v/([A-Za-z0-9_-]{12})/(p|q)/(\d{1,4})/(\d{1,6})/([a-z0-9_.-]{1,80})\.jpg": ("/v/<public_id>/p/1/1/bone.jpg",),
}  # fmt: skip

MALFORMED = (
    "%00", "..%2f..%2fetc%2fpasswd", "..", "1.2.3%0d%0aSet-Cookie:%20a=b", "%ff%fe", "9" * 4000, "-1", "0x1",
    "%EF%BC%91", "'%20OR%20'1'='1", "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "{{7*7}}", "%25%73", "*", "%20",
)  # fmt: skip


SERIES_OF = {"text": "2", "pdf": "3", "clips": "4", "mp4": "4"}
"""Which series of the victim has what these doors give; the first is of pictures."""
_OF_ALL = {"numbers", "path", "place", "position"}
"""Parameters whose values name nothing of anybody."""


@dataclass(frozen=True)
class Names:
    """What a request is about: the same kinds of names, of the victim's things or of things that nobody has."""

    hospital: str
    study: str
    public_id: str
    token: str
    attempt: UUID
    quarantine: UUID
    row: UUID
    identifier: str
    accession: str

    @property
    def parameters(self) -> dict[str, str]:
        """Return the value of each parameter of an address, by its name."""
        return {
            "hospital": self.hospital,
            "study": self.study,
            "uid": self.study,
            "series": f"{self.study}.1",
            "instance": f"{self.study}.1.1",
            "numbers": "1",
            "path": "7FE00010",
            "public_id": self.public_id,
            "token": self.token,
            "attempt_id": str(self.attempt),
            "quarantine_id": str(self.quarantine),
            "filename": f"../objects/{self.row}",
            "position": "1",
            "place": "1",
        }

    @property
    def words(self) -> tuple[str, ...]:
        """Return every name as a text."""
        named = {name: value for name, value in self.parameters.items() if name not in _OF_ALL}
        return (*named.values(), str(self.row), self.identifier, self.accession)


def names_of_the_victim(world: World) -> Names:
    """Name the victim's things; the token is a guess that is nearly right, since the right one is the right to look."""
    nearly = world.token[:-1] + ("A" if world.token[-1] != "A" else "Q")
    return Names(
        VICTIM, world.study_uid, world.opened.public_id, nearly, world.attempt, world.quarantine, world.case.study,
        IDENTIFIER, ACCESSION,
    )  # fmt: skip


def names_of_nothing(world: World) -> Names:
    """Name things that exist nowhere, each as long as the victim's and, where ids tell time, as old."""
    attempt, quarantine, row = (UUID(int=id_.int ^ 1) for id_ in (world.attempt, world.quarantine, world.case.study))
    study = f"2{world.study_uid[1:]}"
    return Names(
        "zz9", study, "AbCdEfGhIjKl", new_token(), attempt, quarantine, row, "ABSENT-PID-1", "ABSENT-ACC-1"
    )  # fmt: skip


BODIES = {
    PatientRecord: lambda n: {"identifier": {"value": n.identifier}, "names": {"alphabetic": "Doe^Jane"}},
    ServiceRequestRecord: lambda n: {
        "accession_number": n.accession, "patient": {"value": n.identifier}, "procedure_text": "CT"
    },
    ReportRecord: lambda n: {
        "number": "R-1", "version": 1, "status": "final", "accession_number": n.accession,
        "issued_at": "2026-03-02T12:00:00+08:00", "key_instances": [f"{n.study}.1.1"],
    },
    Completeness: lambda n: {"manifest": [f"{n.study}.1.1"]},
    Hold: lambda n: {"reason": "quality"},
    Nothing: lambda n: {},
    UndoMatch: lambda n: {"reason": "wrong-patient"},
    OrderReference: lambda n: {"accession_number": n.accession},
    Settlement: lambda n: {"outcome": "not-needed"},
}  # fmt: skip

QUERIES = {
    PatientQuery: lambda n: {"identifier": n.identifier},
    PageQuery: lambda n: {"cursor": str(n.row)},
    MessagesQuery: lambda n: {"cursor": str(n.row)},
}


def _stow(names: Names) -> dict[str, Any]:
    file = make.slice_file(names.study, 1, names.identifier, names.accession)
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n--x--\r\n"
    return {"data": body, "headers": {"Content-Type": STOW_TYPE}}


_BORN = {"y": make.BORN.year, "m": make.BORN.month, "d": make.BORN.day}
FORMS = {
    "/s": lambda n: {"data": {"token": n.token, "kind": "birth_date", "act": "check", **_BORN}},
    "/s/<token>": lambda n: {"data": {"act": "not_mine"}},
    "/s/resend": lambda n: {"data": {"token": n.token}},
    "/v/<public_id>/leave": lambda n: {"data": {}},
    "/webhooks/twilio/<uuid:attempt_id>": lambda n: {
        "data": {"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": "21610"},
        "headers": {"X-Twilio-Signature": "Zm9yZ2Vk"},
    },
    "/h/<hospital>/dicom-web/studies": _stow,
    "/h/<hospital>/dicom-web/studies/<study>": _stow,
}


SEARCHES = {f"/h/<hospital>/dicom-web/{level}" for level in ("studies", "series", "instances")}


@dataclass(frozen=True)
class Door:
    """One address of the application, with its parameters as `<name>` or `<converter:name>`."""

    rule: str
    who: Who
    methods: frozenset[str]
    operation: Any = None

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(re.findall(r"<(?:\w+:)?(\w+)>", self.rule))

    def address(self, values: Mapping[str, str]) -> str:
        """Fill the parameters in, as they stand in an address."""
        ending = re.split(r"[/.>]", self.rule)[-1]
        if values.get("position") == "1" and ending in SERIES_OF:
            values = {**values, "position": SERIES_OF[ending]}
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda match: quote(values[match[1]], safe="%"), self.rule)

    def swaps(self, other: Names, hospital: str) -> Iterator[dict[str, str]]:
        """Yield the other's parameters, all of them and mixed with a hospital of one's own and made-up names."""
        made_up = dict.fromkeys(self.parameters, "1.2.9") | {"hospital": hospital}
        for others in itertools.product((True, False), repeat=len(self.parameters)):
            if any(others) or not others:
                chosen = zip(self.parameters, others, strict=True)
                yield {name: other.parameters[name] if is_other else made_up[name] for name, is_other in chosen}

    def content(self, method: str, names: Names) -> dict[str, Any]:
        """Return the query, body and headers of a request that the door would take."""
        query = getattr(self.operation, "query", None)
        sent: dict[str, Any] = {"query_string": QUERIES[query](names)} if query else {}
        if self.rule in SEARCHES and method in SAFE:
            asked = {"StudyInstanceUID": names.study, "PatientID": names.identifier, "AccessionNumber": names.accession}
            sent = {"query_string": asked}
        if method in SAFE or method not in self.methods:
            return sent
        body = getattr(self.operation, "body", None)
        return {"json": BODIES[body](names)} if body else FORMS[self.rule](names)


def doors(app: Any) -> list[Door]:
    """Return every route of the application and every lane in front of it."""
    found = [
        Door(
            rule.rule, declared(app, rule.endpoint)[0], frozenset(rule.methods),
            getattr(app.view_functions[rule.endpoint], "__operation__", None),
        )
        for rule in app.url_map.iter_rules()
    ]  # fmt: skip
    lanes = [
        Door(address, who, frozenset({"GET", "HEAD"}))
        for pattern, (who, _) in LANES.items()
        for address in LANE_ADDRESSES[pattern]
    ]
    return sorted(found, key=lambda door: door.rule) + lanes
