"""The next release comes in while everything runs: the tables are widened, then each process is replaced.

The old processes run over the new tables meanwhile. Each stream counts what failed and when.
"""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest
import requests
from pydicom import dcmread
from sqlalchemy import select

from app.models.imaging import Study
from app.models.notifications import DeliveryAttempt
from app.models.patients import Patient
from app.services.unit_of_work import Scope, reading
from demo.carrier_callbacks import sign
from demo.doors import HOSPITAL, Doors, Refused
from tests import factories as make
from tests.durability.senders import c_store
from tests.faults.arrivals import arrivals_at
from tests.flows.line import AUTH_TOKEN
from tests.soak.board import wait_until
from tests.stand import OnePort, standing
from tests.upgrade.expanding import migrations_of_the_next_release
from tests.upgrade.kept import flask_db

pytestmark = [
    pytest.mark.flow,
    pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True),
]

RECEIVERS = ("scp", "scp-2")
PATIENCE = 60
"""Seconds that the proxy in front waits for an answer (nginx's default): while a reload loads the code, all wait."""


@dataclass
class Stream:
    """One sender that goes on until told to stop: what was answered, and when something failed."""

    act: Callable[[int], None]
    answered: int = 0
    longest: float = 0
    failed: list[tuple[float, str]] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        number = 0
        while not stop.wait(0.02):
            number += 1
            began = time.monotonic()
            try:
                self.act(number)
                self.answered += 1
                self.longest = max(self.longest, time.monotonic() - began)
            except (requests.RequestException, Refused) as problem:
                self.failed.append((time.monotonic(), repr(problem)))


class AsSystemd(OnePort):
    """Start as the units in `deploy` do: each gunicorn worker loads the code, so a reload loads it anew."""

    def __call__(self, name, command, environment, log):
        return super().__call__(name, [word for word in command if word != "--preload"], environment, log)


@pytest.fixture
def stand(database):
    with (
        tempfile.TemporaryDirectory(prefix="filmpass-") as folder,
        closing(AsSystemd()) as launch,
        standing(Path(folder), database, launch) as made,
    ):
        yield made


@pytest.fixture
def told(stand):
    """A hospital whose first patient was told, with all processes at work."""
    arriving = arrivals_at(stand)
    stand.start("valkey", "web", "worker", "relay", *RECEIVERS)
    arriving.send()
    arriving.wait_until_told()
    return arriving


class Streams:
    """All that goes on at a hospital: STOW-RS, C-STORE, a patient who looks, a carrier that calls back."""

    def __init__(self, stand, told):
        self.stand, self.told = stand, told
        self.acknowledged: dict[str, bytes] = {}
        self.doors = Doors(stand.base_url, told.key, stand.dimse_port)
        with reading(stand.parts, Scope(hospital=told.hospital)) as session:
            self.attempt = session.scalars(select(DeliveryAttempt.id)).one()
            ids = session.scalars(select(Patient.id)).one(), session.scalars(select(Study.id)).one()
        case = make.Case(told.hospital, ids[0], None, ids[1])
        self.opened = make.open_link(stand.parts, make.make_link(stand.parts, case))
        self.browser, self.caller = requests.Session(), requests.Session()
        self.browser.cookies["filmpass"] = self.opened.secret
        self.browser.headers["Connection"] = "close"
        self.all = {
            "stow": Stream(self.stow),
            "c-store": Stream(self.c_store),
            "page": Stream(self.look),
            "callback": Stream(self.call_back),
        }

    def run(self, change):
        """Let everything go on while `change` happens."""
        stop = threading.Event()
        threads = [threading.Thread(target=stream.run, args=(stop,)) for stream in self.all.values()]
        for thread in threads:
            thread.start()
        try:
            change()
            before = [stream.answered for stream in self.all.values()]
            wait_until(
                lambda: all(stream.answered > had for stream, had in zip(self.all.values(), before, strict=True)),
                30,
                "every stream to be answered after the change",
            )
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def stow(self, number):
        file = make.slice_file("1.2.826.10", number, "P-8", "UNKNOWN")
        assert self.doors.stow("1.2.826.10", [[file]]).stored == 1
        self.acknowledged[f"1.2.826.10/{number}"] = file

    def c_store(self, number):
        file = make.slice_file("1.2.826.11", number, "P-9", "UNKNOWN")
        status = c_store(self.stand, [file]).popitem()[1]
        if status != 0:
            raise Refused("C-STORE", status or 0, "no success.")
        self.acknowledged[f"1.2.826.11/{number}"] = file

    def look(self, _number):
        self.browser.get(f"{self.stand.base_url}/v/{self.opened.public_id}", timeout=PATIENCE).raise_for_status()

    def call_back(self, _number):
        """Post over one connection that is kept, as a proxy may."""
        url = f"{self.stand.base_url}/webhooks/twilio/{self.attempt}"
        form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
        headers = {"X-Twilio-Signature": sign(AUTH_TOKEN, url, form)}
        self.caller.post(url, data=form, headers=headers, timeout=PATIENCE).raise_for_status()

    def check_all_there(self):
        headers = {"Authorization": f"Bearer {self.told.key}", "Accept": "application/dicom"}
        for name, file in self.acknowledged.items():
            study, _, number = name.partition("/")
            path = f"/h/{HOSPITAL}/dicom-web/studies/{study}/series/{study}.1/instances/{study}.1.{number}"
            kept = requests.get(self.stand.base_url + path, headers=headers, timeout=10)
            assert dcmread(BytesIO(kept.content)) == dcmread(BytesIO(file)), name


def replaced_web(stand):
    """Reload as `systemctl reload filmpass-web` does; returns once the old workers are gone."""
    children = Path(f"/proc/{stand.pid('web')}/task/{stand.pid('web')}/children")
    before = set(children.read_text().split())
    os.kill(stand.pid("web"), signal.SIGHUP)
    stand.until(lambda: not before & (now := set(children.read_text().split())) and len(now) == 2, "new web workers")


def test_the_next_release_comes_in_under_load(stand, told, tmp_path):
    streams = Streams(stand, told)

    def roll():
        migrations = migrations_of_the_next_release(tmp_path / "migrations")
        flask_db(stand.settings, stand.database.owner_url, "upgrade", "--directory", str(migrations))
        replaced_web(stand)
        stand.stop("worker")
        stand.stop("relay")
        stand.start("worker", "relay")
        for receiver in RECEIVERS:
            stand.stop(receiver)
            stand.start(receiver)
        told.send()
        told.wait_until_told()

    streams.run(roll)
    counts = {name: (s.answered, round(s.longest, 2), len(s.failed)) for name, s in streams.all.items()}
    assert all(answered > 10 for answered, _, _ in counts.values()), counts
    assert [stream.failed for stream in streams.all.values()] == [[], [], [], []], counts
    streams.check_all_there()
    told.check_told_once()
