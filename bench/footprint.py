"""What one study costs: rows and bytes of the database, requests and bytes of the object store, seconds of a core.

`make footprint` prints the figures that docs/scale.md calculates with. The study is the demo's chest CT, 236 instances
in three series, 119 MB: taken in by groups as STOW-RS takes it, settled, rendered, reported, announced, delivered and
opened, and each of its pictures looked at once. Rows are counted over further studies of the same shape, with small
pictures.
"""

import io
import logging
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import pydicom
import structlog
from flask.testing import FlaskClient
from sqlalchemy import Connection, create_engine, func, make_url, select, text

from app.core.crypto import create_key_files
from app.core.settings import Settings
from app.dicom.instance import parse_header
from app.factory import create_app
from app.jobs import relay
from app.jobs.drain import drain
from app.models.imaging import Series, StoredObject, Study
from app.models.registry import Base
from app.services import announcing, study_state
from app.services.ingest import Intake
from app.services.ingest_rows import Sender
from app.services.unit_of_work import Scope, reading, unit_of_work
from app.web.sessions import cookie_name
from demo.patients import XIAOMING
from demo.phantom import chest_study
from tests import databases, servers, stores
from tests import factories as make
from tests.flows.line import Line, running_line

WARM, COUNTED = 4, 20
SERIES = {1: 140, 2: 56, 3: 40}
"""Instances of each series of the chest study."""

Files = Callable[[str, str], Iterator[bytes]]


def chest_files(patient_id: str, accession_number: str) -> Iterator[bytes]:
    """The chest study at full size."""
    for image in chest_study(XIAOMING, seed=uuid5(NAMESPACE_URL, accession_number), taken_at=datetime.now(UTC)):
        yield _encoded(image, patient_id, accession_number)


def small_files(patient_id: str, accession_number: str) -> Iterator[bytes]:
    """A study of the same shape whose pictures are small: its rows are the same."""
    study = f"1.2.826.0.1.{uuid5(NAMESPACE_URL, accession_number).int}"[:60]
    for series, instances in SERIES.items():
        for number in range(1, instances + 1):
            image = pydicom.dcmread(io.BytesIO(make.slice_file(study, series * 1000 + number, "", "")))
            image.SeriesInstanceUID, image.SeriesNumber = f"{study}.{series}", series
            image.SeriesDescription, image.StudyDescription = f"Series {series}", "Chest"
            yield _encoded(image, patient_id, accession_number)


def _encoded(image: pydicom.Dataset, patient_id: str, accession_number: str) -> bytes:
    image.PatientID, image.IssuerOfPatientID, image.AccessionNumber = patient_id, make.ISSUER, accession_number
    buffer = io.BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


class Hospital:
    """One hospital whose studies go the whole way."""

    def __init__(self, line: Line) -> None:
        self.line, self.parts = line, line.parts
        self.id = make.make_hospital(self.parts)

    def receive(self, number: int, files: Files) -> make.Case:
        """Register a patient and an order, and take a study in."""
        patient = make.make_patient(self.parts, self.id, identifier=f"P-{number}", phone=f"+86138{number:08}")
        order = make.make_order(self.parts, self.id, patient, accession_number=f"A-{number}")
        self.send(files(f"P-{number}", f"A-{number}"))
        with unit_of_work(self.parts, Scope(hospital=self.id)) as session:
            study = session.scalars(select(Study).where(Study.accession_number == f"A-{number}")).one()
            study_state.call_complete(session, study, expected=None, manifest=(), now=self.parts.clock())
        return make.Case(self.id, patient, order, study.id)

    def send(self, files: Iterable[bytes]) -> None:
        """Send instances by groups."""
        intake = Intake(self.parts, Sender(self.id, "stow-rs", "footprint", make.ISSUER))
        for file in files:
            intake.take(iter([file]), parse_header)
        intake.close()
        assert {outcome.failure for outcome in intake.outcomes} == {0}

    def deliver(self, case: make.Case) -> None:
        """Settle, render, report, tell the patient, and let the link be opened."""
        make.make_report(self.parts, self.id, case.order, pdf=b"%PDF-1.7 " + bytes(60_000))
        for topic in (study_state.SETTLE, study_state.RENDER, study_state.ANNOUNCE, announcing.DISPATCH):
            drain(self.parts, topic)
        make.open_link(self.parts, make.make_link(self.parts, case))
        relay.seal(self.parts)


def rows_and_bytes(database: databases.Database) -> tuple[Counter[str], int]:
    """Count the rows of each table, and the bytes of all tables with their indexes."""
    url = make_url(database.owner_url)
    if database.is_postgresql:
        url = url.set(username=servers.SUPERUSER)  # row security binds the owner as well
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        rows = {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables
        }
        size = _bytes(connection)
        connection.engine.dispose()
    return Counter({name: count for name, count in rows.items() if count}), size


def _bytes(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        return connection.scalar(text("SELECT sum(pgsize) FROM dbstat"))
    connection.execute(text("VACUUM FULL"))
    return connection.scalar(
        text("SELECT sum(pg_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
             " WHERE nspname = 'public' OR relname IN (SELECT t.relname FROM pg_class o JOIN pg_class t"
             " ON t.oid = o.reltoastrelid)")
    )  # fmt: skip


def installation(stack: ExitStack, database: databases.Database, folder: Path, **changes: object) -> Hospital:
    """An installation in this process, with its carrier at the end of the line."""
    create_key_files(folder / "keys")
    settings = Settings(
        database_url=database.url, data_folder=folder / "data", keys_folder=folder / "keys",
        public_url="https://films.example", heads_file=folder / "heads.jsonl", log_format="plain",
    )  # fmt: skip
    return Hospital(stack.enter_context(running_line(replace(settings, **changes), folder)))


def print_rows(name: str, database: databases.Database, folder: Path) -> None:
    """Print what a study adds to a database."""
    with ExitStack() as stack:
        hospital = installation(stack, database, folder)
        counts = []
        for first, last in ((0, WARM), (WARM, WARM + COUNTED)):
            for number in range(first, last):
                hospital.deliver(hospital.receive(number, small_files))
            counts.append(rows_and_bytes(database))
    (rows, size), (more_rows, more_size) = counts
    added = {table: number / COUNTED for table, number in (more_rows - rows).items()}
    print(f"\n{name}: {sum(added.values()):.0f} rows and {(more_size - size) / COUNTED / 1000:.0f} kB a study")
    print("  " + ", ".join(f"{table} {count:g}" for table, count in sorted(added.items(), key=lambda item: -item[1])))


class Phases:
    """Requests to the store, if there is one, and core seconds, by phase."""

    def __init__(self, line: stores.Line | None) -> None:
        self._line = line

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Print what happened meanwhile. The store runs in this process too, so seconds are told without it only."""
        before, began = len(self._line.requests) if self._line else 0, time.process_time() + _children()
        yield
        seconds = time.process_time() + _children() - began
        if self._line is None:
            print(f"  {name}: {seconds:.2f} core seconds")
        else:
            requests = sorted(Counter(self._line.requests[before:]).items())
            print(f"  {name}: {', '.join(f'{count} {method}' for method, count in requests) or 'none'}")


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def print_phases(database: databases.Database, folder: Path, line: stores.Line | None) -> None:
    """Print what a full study asks of the processors, or of an object store."""
    store = {"object_store": stores.STORE, "s3_endpoint_url": line.address} if line else {}
    with ExitStack() as stack:
        hospital = installation(stack, database, folder, **store)
        phases, parts = Phases(line), hospital.parts
        files = list(chest_files("P-1", "A-1"))
        print(f"\n{'object store' if line else 'folder'}: {len(files)} instances, {sum(map(len, files)) / 1e6:.0f} MB")
        with phases.phase("received by groups of 64"):
            case = hospital.receive(1, lambda *_: iter(files))
        with phases.phase("received again, all known"):
            hospital.send(files)
        with phases.phase("settled, rendered, reported, announced, sent, opened"):
            hospital.deliver(case)
            parts.decoder.close()  # so that its children count
        with phases.phase("each picture looked at once"):
            pictures = look_at_all(hospital, case)
        with reading(parts, case.scope) as session:
            by_purpose = select(StoredObject.purpose, func.sum(StoredObject.size)).group_by(StoredObject.purpose)
            sizes = {purpose: float(size) / 1e6 for purpose, size in session.execute(by_purpose)}
        text_of_message = hospital.line.texts[0]
        print(
            f"  {', '.join(f'{purpose} {size:.2f} MB' for purpose, size in sorted(sizes.items()))}, {pictures} pictures"
        )
        print(f"  {len(hospital.line.texts)} message of {len(text_of_message)} characters")


def look_at_all(hospital: Hospital, case: make.Case) -> int:
    """Ask for every preview as a phone does; returns how many there are."""
    opened = make.open_link(hospital.parts, make.make_link(hospital.parts, case))
    client = create_app(hospital.parts).test_client()
    client.set_cookie(cookie_name(hospital.parts), opened.secret, domain="127.0.0.1")
    with reading(hospital.parts, case.scope) as session:
        counts = session.scalars(select(Series.picture_count)).all()
    root, base = f"/v/{opened.public_id}", hospital.parts.settings.public_url
    shown = [_pictures(client, f"{root}/p/{series}", base) for series in range(1, len(counts) + 1)]
    assert sorted(shown) == sorted(counts)
    return sum(shown)


def _pictures(client: FlaskClient, path: str, base: str) -> int:
    """Look at the pictures of a series one after the other; returns how many there are."""
    return next(n for n in count() if client.get(f"{path}/{n + 1}.jpg", base_url=base).status_code != 200)


def main() -> None:
    """Measure on both databases."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="filmpass-"))) for _ in range(5)]
        template = folders[4] / "template.db"
        databases.migrate(f"sqlite:///{template}", folders[4])
        print_rows("SQLite", stack.enter_context(databases.sqlite(template, folders[0])), folders[0])
        server = stack.enter_context(servers.postgres())
        print_rows("PostgreSQL", stack.enter_context(databases.postgresql(server, folders[1])), folders[1])
        stack.enter_context(contextmanager(stores.in_this_process)())
        print_phases(stack.enter_context(databases.postgresql(server, folders[2])), folders[2], None)
        line = stack.enter_context(stores.line_to(stack.enter_context(stores.moto())))
        print_phases(stack.enter_context(databases.postgresql(server, folders[3])), folders[3], line)


if __name__ == "__main__":
    main()
