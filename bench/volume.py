"""A hospital of 1,000 studies beside one of 100,000: state, worklist, page and preview, on both databases.

One study is made by the services themselves: received, rendered, announced, delivered, opened. Its rows, of every
table, are then copied under new ids, so that the volume has the shape that the services write. A sample of the copies
has real previews and a session, and is what is asked for.
"""

import argparse
import base64
import hashlib
import logging
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, insert, make_url, select, text, update

from app.core.crypto import create_key_files, seal
from app.core.identifiers import digest_of, new_id, random_id
from app.core.settings import Settings
from app.factory import create_app
from app.jobs import relay
from app.models.imaging import StoredObject
from app.models.registry import Base
from app.services import keys, objects
from app.services.parts import Parts
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import databases, servers
from tests import factories as make
from tests.flows.line import Line, running_line

SMALL, LARGE, SAMPLE, WAITING = 1_000, 100_000, 50, 20
BATCH = 500
GOAL = 1.5
_SHARED = {"hospital", "hospital_key", "api_key", "imaging_source", "outbox", "audit_checkpoint", "audit_leaf"}
_IDENTIFYING = {
    "study_instance_uid", "series_instance_uid", "sop_instance_uid", "accession_number", "dicom_patient_id",
    "public_id", "provider_reference", "number_text", "name_key",
}  # fmt: skip


@dataclass(frozen=True)
class Copy:
    """One copied study that can be asked for."""

    uid: str
    public_id: str
    token: str
    accession_number: str = ""
    patient_id: str = ""
    name_key: str = ""


@dataclass
class Volume:
    """A filled installation of one size, with its web application."""

    line: Line
    client: Any
    api_key: str
    sample: list[Copy]

    def get(self, path: str, **headers: str) -> float:
        """Ask once; returns milliseconds. Anything but 200 ends the measurement."""
        started = time.perf_counter()
        answer = self.client.get(path, headers=headers)
        took = time.perf_counter() - started
        if answer.status_code != 200:
            raise RuntimeError(f"{path} was answered {answer.status_code}")
        return took * 1000


def _as_state(volume: Volume, copy: Copy) -> float:
    return volume.get(f"/api/v1/studies/{copy.uid}", Authorization=f"Bearer {volume.api_key}")


def _as_worklist(volume: Volume, _copy: Copy) -> float:
    return volume.get("/api/v1/worklist", Authorization=f"Bearer {volume.api_key}")


def _as_messages(volume: Volume, _copy: Copy) -> float:
    return volume.get("/api/v1/messages", Authorization=f"Bearer {volume.api_key}")


def _as_page(volume: Volume, copy: Copy) -> float:
    return volume.get(f"/v/{copy.public_id}", Cookie=f"filmpass={copy.token}")


def _as_preview(volume: Volume, copy: Copy) -> float:
    return volume.get(f"/v/{copy.public_id}/p/1/2.jpg", Cookie=f"filmpass={copy.token}")


def _search(query: str) -> Callable[[Volume, Copy], float]:
    def ask(volume: Volume, copy: Copy) -> float:
        asked = query.format(copy=copy)
        return volume.get(f"/h/yz1/dicom-web/studies?{asked}", Authorization=f"Bearer {volume.api_key}")

    return ask


ASKED: dict[str, Callable[[Volume, Copy], float]] = {
    "state": _as_state, "worklist": _as_worklist, "messages": _as_messages, "page": _as_page, "preview": _as_preview,
}  # fmt: skip
SEARCHED: dict[str, Callable[[Volume, Copy], float]] = {
    "by PatientID": _search("PatientID={copy.patient_id}"), "by UID": _search("StudyInstanceUID={copy.uid}"),
    "by accession": _search("AccessionNumber={copy.accession_number}"),
    "by name": _search("PatientName={copy.name_key}*"), "page of 100": _search("limit=100"),
    "by date": _search("StudyDate=20200101-&limit=100"),
}  # fmt: skip


class Copier:
    """Copies the rows of one template study, in the order of the foreign keys."""

    def __init__(self, connection: Connection, line: Line, template: make.Case) -> None:
        self._connection, self._parts, self._case = connection, line.parts, template
        tables = [table for table in Base.metadata.sorted_tables if table.name not in _SHARED]
        self._rows = {table: [dict(row) for row in connection.execute(select(table)).mappings()] for table in tables}
        with reading(line.parts, template.scope) as session:
            self._owner_id, self._owner = keys.hospital_key(session, line.parts, template.hospital)
            self._secret = keys.study_key(session, line.parts, template.study)
        self._own = {row["id"] for rows in self._rows.values() for row in rows if isinstance(row.get("id"), UUID)}

    def fill(self, count: int, sample: int) -> list[Copy]:
        """Make `count` copies, `sample` of them with real previews; then those that wait for a person."""
        asked, step = [], count // sample
        for start in range(0, count, BATCH):
            with self._connection.begin():
                batch = [self._one() for _ in range(min(BATCH, count - start))]
                self._insert([rows for rows, _ in batch])
            asked += [copy for number, (_, copy) in enumerate(batch, start) if number % step == 0]
        with self._connection.begin():
            waiting = {"patient_id": None, "service_request_id": None, "unmatched_reason": "no-order"}
            self._insert([self._only_study(waiting) for _ in range(WAITING)])
        return asked

    def _one(self) -> tuple[dict[Any, list[dict[str, Any]]], Copy]:
        ids = {old: new_id() for old in self._own}
        mark = os.urandom(8)
        token = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        made = {table: [self._copy(row, ids, mark, token) for row in rows] for table, rows in self._rows.items()}
        (study,) = made[Base.metadata.tables["study"]]
        (capability,) = made[Base.metadata.tables["capability"]]
        return made, Copy(
            study["study_instance_uid"], capability["public_id"], token, study["accession_number"],
            study["dicom_patient_id"], study["name_key"],
        )  # fmt: skip

    def _only_study(self, changes: dict[str, Any]) -> dict[Any, list[dict[str, Any]]]:
        made, _ = self._one()
        names = {"study", "study_key", "series", "instance", "instance_version"}
        kept = {table: rows for table, rows in made.items() if table.name in names}
        for row in kept[Base.metadata.tables["study"]]:
            row.update(changes)
        return kept

    def _copy(self, row: dict[str, Any], ids: dict[UUID, UUID], mark: bytes, token: str) -> dict[str, Any]:
        made = {name: self._value(name, value, ids, mark) for name, value in row.items()}
        if "session_digest" in row or ("digest" in row and "assurance" in row):
            made["session_digest" if "session_digest" in row else "digest"] = digest_of(token)
        if "wrapped" in row:
            made["wrapped"] = seal(self._owner, self._secret, f"study-key:{made['study_id']}")
        if row.get("resource", "").startswith("study:"):
            made["resource"] = f"study:{ids[self._case.study]}"
        return made

    def _value(self, name: str, value: Any, ids: dict[UUID, UUID], mark: bytes) -> Any:
        if isinstance(value, UUID):
            return ids.get(value, value) if name != "pack_id" else random_id()
        if name in {"digest", "value_index"}:
            return hashlib.sha256(mark + value).digest()
        if name == "public_id":
            return base64.urlsafe_b64encode(mark + b"\0").decode()
        if name == "parameters":
            return value
        if isinstance(value, str) and value and (name in _IDENTIFYING or name in {"value", "number"}):
            return f"{value}.{int.from_bytes(mark[:6], 'big')}"
        return value

    def _insert(self, batch: list[dict[Any, list[dict[str, Any]]]]) -> None:
        for table in batch[0]:
            if rows := [row for made in batch for row in made[table]]:
                self._connection.execute(insert(table), rows)


def _give_pictures(parts: Parts, case: make.Case, sample: list[Copy], superuser: Engine) -> None:
    """Put real previews behind the sampled copies, as the worker would: their rows named a pack that is not there."""
    with reading(parts, case.scope) as session:
        template = session.scalars(select(StoredObject).where(StoredObject.purpose == "previews")).first()
        assert template is not None
    studies, stored = Base.metadata.tables["study"], Base.metadata.tables["stored_object"]
    series = Base.metadata.tables["series"]
    with reading(parts, case.scope) as session:
        secret = keys.study_key(session, parts, case.study)
        plain = objects.reader(session, parts, case.hospital, _previews(session, case.study)).read()
    with superuser.begin() as connection:
        for copy in sample:
            study_id = connection.scalar(select(studies.c.id).where(studies.c.study_instance_uid == copy.uid))
            placed = objects.put(parts, secret, "previews", [plain])
            rows = objects.index_rows([placed], case.hospital, study_id=study_id, now=parts.clock())
            connection.execute(insert(stored), rows)
            chosen = {"preview_object_id": placed.object_id}
            connection.execute(update(series).where(series.c.study_id == study_id).values(chosen))


def _previews(session: Any, study_id: UUID) -> UUID:
    stored = select(StoredObject.id).where(StoredObject.study_id == study_id, StoredObject.purpose == "previews")
    found: UUID = session.scalars(stored).one()
    return found


def browser(line: Line) -> Any:
    """Return a client of the application itself."""
    return create_app(line.parts).test_client(use_cookies=False)  # each request brings the cookie of its own session


def _template(line: Line) -> make.Case:
    """Let one study live its whole life: received, announced, delivered, opened, looked at, sealed."""
    case = line.case = make.make_case(line.parts, pictures=4)
    make.make_report(line.parts, case.hospital, case.order)
    make.announce(line.parts, case)
    line.send()
    line.until(lambda: line.told[0] == "delivered")
    token = re.search(r"/s/([\w-]{22})", line.texts[0])[1]  # type: ignore[index]
    opened = make.open_link(line.parts, token)  # type: ignore[arg-type]
    volume = Volume(line, browser(line), "", [])
    copy = Copy("", opened.public_id, opened.secret)
    _as_page(volume, copy)
    _as_preview(volume, copy)
    relay.tick(line.parts)
    return case


@contextmanager
def filled(database: databases.Database, folder: Path, count: int) -> Iterator[Volume]:
    """Fill a migrated database with copies of one study."""
    create_key_files(folder / "keys")
    settings = Settings(
        database_url=database.url, data_folder=folder / "data", keys_folder=folder / "keys",
        public_url="http://127.0.0.1", minimum_free_bytes=1, decode_workers=1, log_format="plain",
    )  # fmt: skip
    address = make_url(database.owner_url)
    superuser = create_engine(address.set(username=servers.SUPERUSER) if database.is_postgresql else address)
    with running_line(settings, folder) as line:
        case = _template(line)
        started = time.monotonic()
        with superuser.connect() as connection:
            copier = Copier(connection, line, case)
            connection.rollback()
            sample = copier.fill(count, SAMPLE)
        _give_pictures(line.parts, case, sample, superuser)
        if database.is_postgresql:
            with superuser.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
                connection.execute(text("VACUUM ANALYZE"))
        print(f"  {count:>7,} studies loaded in {time.monotonic() - started:.0f} s", flush=True)
        key = make.make_api_key(line.parts, case.hospital)
        yield Volume(line, browser(line), key, sample)
    superuser.dispose()


def compare(
    small: Volume, large: Volume, asked: dict[str, Callable[[Volume, Copy], float]]
) -> dict[str, tuple[float, float, float]]:
    """Ask both, in turn, for each of the sample; returns medians in milliseconds and the median of the ratios.

    The first asking of each copy, which records the disclosure, is not counted.
    """
    results = {}
    for name, ask in asked.items():
        for volume in (small, large):
            for copy in volume.sample:
                ask(volume, copy)
        pairs = [(ask(small, a), ask(large, b)) for a, b in zip(small.sample, large.sample, strict=True)]
        pairs += [(ask(small, a), ask(large, b)) for a, b in zip(small.sample, large.sample, strict=True)]
        one, other = (statistics.median(values) for values in zip(*pairs, strict=True))
        results[name] = (one, other, other / one)
    return results


def plans(volume: Volume) -> Iterator[str]:
    """Explain every statement of each request, as the application's role sees it."""
    for name, ask in (ASKED | SEARCHED).items():
        statements: list[tuple[str, Any]] = []

        def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            statements.append((statement, parameters))  # noqa: B023  used within the turn

        engine = volume.line.parts.engine
        event.listen(engine, "before_cursor_execute", note)
        ask(volume, volume.sample[0])
        event.remove(engine, "before_cursor_execute", note)
        yield f"## {name}: {len(statements)} statements"
        yield from _explained(volume, statements)


def _explained(volume: Volume, statements: list[tuple[str, Any]]) -> Iterator[str]:
    engine = volume.line.parts.engine
    hospital = Scope(hospital=volume.line.case.hospital)
    explain = "EXPLAIN ANALYZE " if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    for statement, parameters in dict(statements).items():
        if not statement.lstrip().upper().startswith("SELECT") or "set_config" in statement:
            continue
        with unit_of_work(volume.line.parts, hospital) as session:  # a page may lock what it reads
            lines = session.connection().exec_driver_sql(explain + statement, parameters)
            yield re.sub(r"\s+", " ", statement)[:160]
            yield from (f"    {row[-1]}" for row in lines)


def measure(kind: str, small: int, large: int, *, show_plans: bool) -> dict[str, tuple[float, float, float]]:
    """Fill and compare two volumes on one kind of database."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="filmpass-volume-")))
        volumes = []
        for count in (small, large):
            place = folder / str(count)
            place.mkdir()
            volumes.append(stack.enter_context(filled(_database(stack, kind, place), place, count)))
        if show_plans:
            print("\n".join(plans(volumes[1])))
        return compare(*volumes, ASKED | SEARCHED)


def _database(stack: ExitStack, kind: str, folder: Path) -> databases.Database:
    if kind == "postgresql":
        server = stack.enter_context(servers.postgres(fsync=True))
        return stack.enter_context(databases.postgresql(server, folder))
    template = folder / "template.db"
    databases.migrate(f"sqlite:///{template}", folder)
    return stack.enter_context(databases.sqlite(template, folder))


def be_quiet() -> None:
    """Log errors alone."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def main() -> int:
    """Print the comparison; 1 when something takes more than the goal allows."""
    parser = argparse.ArgumentParser(prog="python -m bench.volume", description=__doc__)
    parser.add_argument("--small", type=int, default=SMALL)
    parser.add_argument("--large", type=int, default=LARGE)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--plans", action="store_true")
    chosen = parser.parse_args()
    be_quiet()
    worst = 0.0
    for kind in chosen.database or ("sqlite", "postgresql"):
        print(kind, flush=True)
        for name, (one, other, ratio) in measure(kind, chosen.small, chosen.large, show_plans=chosen.plans).items():
            print(f"  {name:<12} {one:7.2f} ms  {other:7.2f} ms  {ratio:5.2f}x  (goal <= {GOAL}x)", flush=True)
            worst = max(worst, ratio)
    return int(worst > GOAL)


if __name__ == "__main__":
    raise SystemExit(main())
