"""Keep a release as an installation in use: its database as SQL, its objects, its keys, and what people hold.

Run it once, in the tree of the release itself (copy this file into it when it is older), and commit what it writes:

    python -m tests.upgrade.keep_release tests/data/release-0.1.0

`tests/upgrade/test_upgrade.py` migrates what was kept in place, and goes on where it stopped.
"""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from app.core.crypto import create_key_files
from app.core.settings import Settings
from app.dicom.instance import parse_header
from app.jobs import relay
from app.models.notifications import DeliveryReceipt
from app.services.ingest import Intake
from app.services.ingest_versions import Sender
from tests import databases, servers
from tests import factories as make
from tests.flows.line import running_line

UNSENT_PHONE = "+8613800139001"
HALF_PHONE = "+8613800139002"
HALF_STUDY = "1.2.826.0.1.77"
HALF = (1, 2)


def main(target: Path) -> None:
    """Write both databases' installations below `target`."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, kept in (("sqlite", _sqlite), ("postgresql", _postgresql)):
            folder = Path(scratch, name)
            folder.mkdir()
            with kept(folder) as (database, dump):
                installation = folder / "installation"
                installation.mkdir()
                _live(database, installation)
                (installation / "database.sql").write_text(dump())
                shutil.copytree(installation, target / name, dirs_exist_ok=True)


def _live(database: databases.Database, folder: Path) -> None:
    """Use an installation until it holds a bit of everything."""
    create_key_files(folder / "keys")
    settings = Settings(
        database_url=database.url,
        data_folder=folder / "data",
        keys_folder=folder / "keys",
        heads_file=folder / "heads.jsonl",
        public_url="http://127.0.0.1",
        minimum_free_bytes=1 << 20,
        decode_workers=1,
        log_format="plain",
    )
    with tempfile.TemporaryDirectory() as scratch, running_line(settings, Path(scratch)) as line:
        (folder / "state.json").write_text(json.dumps(_use(line), indent=2) + "\n")


def _use(line) -> dict[str, Any]:
    line.case = make.make_case(line.parts, pictures=2)
    make.make_report(line.parts, line.case.hospital, line.case.order, pdf=b"%PDF-1.4 a report of the tests")
    make.announce(line.parts, line.case)
    line.send()
    line.until(lambda: line.told == ("delivered", None) and len(line.rows(DeliveryReceipt)) == 3)
    token = line.texts[0].rpartition("/")[2]
    opened = make.open_link(line.parts, token)
    relay.seal(line.parts)
    line.clock.forward(minutes=1)
    _announce_unsent(line)
    relay.seal(line.parts)
    line.clock.forward(minutes=1)
    _receive_half(line)
    return {
        "now": line.clock().isoformat(),
        "hospital": str(line.case.hospital),
        "link": f"/s/{token}",
        "page": f"/v/{opened.public_id}",
        "cookie": opened.secret,
        "instances": {str(number): hashlib.sha256(half(number)).hexdigest() for number in HALF},
    }


def _announce_unsent(line) -> None:
    patient = make.make_patient(line.parts, line.case.hospital, phone=UNSENT_PHONE)
    order = make.make_order(line.parts, line.case.hospital, patient)
    study = make.make_study_ready(line.parts, line.case.hospital, order, pictures=1)
    make.announce(line.parts, make.Case(line.case.hospital, patient, order, study))


def _receive_half(line) -> None:
    patient = make.make_patient(line.parts, line.case.hospital, phone=HALF_PHONE, identifier="P-77")
    make.make_order(line.parts, line.case.hospital, patient, accession_number="A-77")
    intake = Intake(line.parts, Sender(line.case.hospital, "stow-rs", "tests", make.ISSUER))
    for number in HALF:
        intake.take(iter([half(number)]), parse_header)
    intake.close()
    assert [outcome.failure for outcome in intake.outcomes] == [0] * len(HALF)


def half(number: int) -> bytes:
    """Return an instance of the study that arrives in two halves."""
    return make.slice_file(HALF_STUDY, number, "P-77", "A-77")


@contextmanager
def _sqlite(folder: Path) -> Iterator[tuple[databases.Database, Callable[[], str]]]:
    template = folder / "template.db"
    databases.migrate(f"sqlite:///{template}", folder)
    with databases.sqlite(template, folder) as database:

        def dump() -> str:
            with closing(sqlite3.connect(make_url(database.url).database)) as connection:
                return "\n".join(connection.iterdump()) + "\n"

        yield database, dump


@contextmanager
def _postgresql(folder: Path) -> Iterator[tuple[databases.Database, Callable[[], str]]]:
    with servers.postgres() as server, databases.postgresql(server, folder) as database:

        def dump() -> str:
            command = [
                servers._postgres_binaries() / "pg_dump",
                "--host",
                server.folder,
                "--username",
                servers.SUPERUSER,
            ]
            options = ["--rows-per-insert=100", make_url(database.url).database]
            text = subprocess.run([*map(str, command), *options], check=True, capture_output=True, text=True).stdout
            return "\n".join(line for line in text.splitlines() if not line.startswith(("\\", "--"))) + "\n"

        yield database, dump


if __name__ == "__main__":
    main(Path(sys.argv[1]))
