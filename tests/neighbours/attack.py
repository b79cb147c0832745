"""What attackers of links send over HTTP to a real installation, and what everyone else does meanwhile."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import requests

from app.core.identifiers import Token, new_token
from app.models.imaging import Study
from app.services import hospitals, links
from app.services.unit_of_work import unit_of_work
from tests import factories as make
from tests.stand import Stand

CARRIER = "203.0.113.7"
"""The one address that a carrier gives to thousands of its phones."""
RIGHT = {"y": "1958", "m": "3", "d": "7"}


def many_links(parts, case: make.Case, count: int) -> list[Token]:
    """Make links of their own tries and limits, as many messages would carry them."""
    with unit_of_work(parts, case.scope) as session:
        study = session.get_one(Study, case.study)
        hospital = hospitals.profile(session, case.hospital)
        made = [links._new_capability(session, study, case.patient, hospital, parts.clock()) for _ in range(count)]
        session.flush()
        return [links.mint_token(session, parts, case.hospital, capability, "sms", None) for capability in made]


class Phone:
    """A browser behind the carrier's address, with one connection that it keeps."""

    def __init__(self, stand: Stand, address: str = CARRIER) -> None:
        self._base = stand.base_url
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["X-Forwarded-For"] = address

    def type_fact(self, token: str, fact: dict[str, str]) -> requests.Response:
        form = {"token": token, "kind": "birth_date", "act": "check", **fact}
        return self._http.post(f"{self._base}/s", data=form, allow_redirects=False, timeout=30)

    def open(self, token: str) -> int:
        """Open a link with the right fact, in a browser without a session."""
        self._http.cookies.clear()
        return self.type_fact(token, RIGHT).status_code

    def guess(self) -> int:
        return self.type_fact(new_token(), RIGHT).status_code

    def fetch(self, path: str, method: str = "GET") -> requests.Response:
        return self._http.request(method, f"{self._base}{path}", allow_redirects=False, timeout=30)

    def close(self) -> None:
        self._http.close()


@contextmanager
def phones(stand: Stand, count: int) -> Iterator[Sequence[Phone]]:
    made = [Phone(stand) for _ in range(count)]
    try:
        yield made
    finally:
        for phone in made:
            phone.close()


def at_once(acts: Sequence[Callable[[], object]]) -> list:
    """Let all begin at the same moment, each on a thread of its own."""
    barrier = threading.Barrier(len(acts))

    def run(act):
        barrier.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def open_all(stand: Stand, tokens: Sequence[Token], clients: int = 4) -> list[int]:
    """Open every link once, over a few connections of one address."""
    with phones(stand, clients) as crowd, ThreadPoolExecutor(clients) as threads:
        shares = threads.map(lambda n: [crowd[n].open(token) for token in tokens[n::clients]], range(clients))
        return list(itertools.chain.from_iterable(shares))


def spend_the_guesses(stand: Stand, phone: Phone) -> int:
    """Use up what an address may guess in this minute, on the installation's own counter; returns the next answer."""
    for _ in range(3):  # the minute may turn meanwhile
        for _ in range(600):
            stand.parts.limiter.check(f"address:{CARRIER}", 10_000)
        if (status := phone.guess()) == 429:
            break
    return status


@contextmanager
def guessing(stand: Stand, tokens: Sequence[Token], per_second: float) -> Iterator[list[int]]:
    """Guess at a steady rate while the block runs: unknown links, and wrong facts of known ones in turn."""
    statuses: list[int] = []
    stop = threading.Event()

    def run(phone: Phone, share: Sequence[Token], gap: float) -> None:
        for token in itertools.cycle(share):
            due = time.monotonic() + gap
            statuses.append(phone.guess())
            statuses.append(phone.type_fact(token, {"y": "1949", "m": "12", "d": "3"}).status_code)
            if stop.wait(max(0.0, due - time.monotonic())):
                return

    clients = 4
    with phones(stand, clients) as crowd, ThreadPoolExecutor(clients) as threads:
        for n, phone in enumerate(crowd):
            threads.submit(run, phone, tokens[n::clients], 2 * clients / per_second)
        try:
            yield statuses
        finally:
            stop.set()


def opened_page(stand: Stand, token: Token) -> tuple[Phone, str]:
    """Open a link in a phone of its own; returns the phone, with its session, and the address of the page."""
    phone = Phone(stand)
    return phone, phone.type_fact(token, RIGHT).headers["Location"]
