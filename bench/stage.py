"""One round: both servers with empty stores, and a study under a live link."""

import re
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from bench import clients
from bench.corpus import Corpus, Kind, Study
from bench.sides import Filmpass, Orthanc, Side
from tests import factories as make

_TOLD_SECONDS = 120


@dataclass(frozen=True)
class Told:
    """A study that its patient was told of, and how long that took: seconds, and milliseconds of CPU an instance."""

    study: Study
    token: str
    ready_after: float
    accepted_after: float
    cpu_each: float


@dataclass(frozen=True)
class Opened:
    """A study under a live link."""

    study: Study
    public_id: str
    cookie: str

    @property
    def headers(self) -> dict[str, str]:
        """What the patient's browser sends."""
        return {"Cookie": f"filmpass={self.cookie}"}

    @property
    def previews(self) -> list[str]:
        """The paths of all its pictures."""
        return [f"/v/{self.public_id}/p/1/{number}.jpg" for number in range(1, len(self.study.files) + 1)]


class Stage:
    """What a bench works with in one round."""

    def __init__(self, corpus: Corpus, ours: Filmpass, peer: Orthanc | None, number: int, slices: int = 300) -> None:
        self.corpus, self.ours, self.peer, self.number, self.slices = corpus, ours, peer, number, slices

    @property
    def sides(self) -> list[Side]:
        """Both servers, who is first in turn changing from round to round."""
        both: list[Side] = [self.ours, *([self.peer] if self.peer else [])]
        return both if self.number % 2 else both[::-1]

    def tell(self, kind: Kind, count: int) -> Told:
        """Let a study come, be called complete and be announced to its patient."""
        study, phone = self.corpus.study(kind, count), f"+86138{secrets.randbelow(10**8):08d}"
        parts = self.ours.stand.parts
        patient = make.make_patient(parts, self.ours.hospital, identifier=study.mark, phone=phone)
        make.make_order(parts, self.ours.hospital, patient, accession_number=study.mark)
        clients.stow(self.ours, [study], 64)
        before, called = self.ours.cpu(), time.time()
        self.ours.call(study.uid, "complete", {"instances": count})
        while self.ours.state(study.uid)["state"] != "ready":
            time.sleep(0.02)
        ready, used = time.time(), self.ours.cpu() - before
        arrived = self.ours.stand.carrier.wait_for(lambda all_: any(m.to == phone for m in all_), _TOLD_SECONDS)
        (message,) = [message for message in arrived if message.to == phone]
        token = re.search(r"/s/([\w-]{22})", message.body)[1]
        accepted = datetime.fromisoformat(message.at).timestamp()
        return Told(study, token, ready - called, accepted - called, used / count * 1000)

    @cached_property
    def told(self) -> Told:
        """Uncompressed CT slices, on a worker that has rendered before."""
        self.tell("ct", 8)
        return self.tell("ct", self.slices)

    @cached_property
    def opened(self) -> Opened:
        """The same study, opened by its patient."""
        opened = make.open_link(self.ours.stand.parts, self.told.token)
        return Opened(self.told.study, opened.public_id, opened.secret)
