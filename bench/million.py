"""Searches among a million studies beside a thousand, on PostgreSQL with row security: `python -m bench.million`.

The database itself copies one study that the services made: its row and that of its series, under ids and marks of
their own. Searches read nothing else.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, inspect, make_url, text

from app.core.crypto import create_key_files
from app.core.settings import Settings
from bench import volume
from bench.volume import Copy, Volume
from tests import databases, servers
from tests import factories as make
from tests.flows.line import running_line

SMALL, LARGE = 1_000, 1_000_000
_MARKED = ("study_instance_uid", "accession_number", "dicom_patient_id", "name_key", "series_instance_uid")
_STUDY_ID, _SERIES_ID = "md5('study' || n)::uuid", "md5('series' || n)::uuid"


def _copies(engine: Engine, table: str, own: dict[str, str], count: int) -> None:
    columns = [column["name"] for column in inspect(engine).get_columns(table)]
    values = [own.get(name, f"{name} || '.' || n" if name in _MARKED else name) for name in columns]
    with engine.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)}"
                f" FROM (SELECT * FROM {table} LIMIT 1) AS template, generate_series(1, {count}) AS n"
            )
        )


@contextmanager
def filled(database: databases.Database, folder: Path, count: int) -> Iterator[Volume]:
    """Fill a migrated database with copies of one study."""
    create_key_files(folder / "keys")
    settings = Settings(
        database_url=database.url, data_folder=folder / "data", keys_folder=folder / "keys",
        public_url="http://127.0.0.1", minimum_free_bytes=1, decode_workers=1, log_format="plain",
    )  # fmt: skip
    engine = create_engine(make_url(database.owner_url).set(username=servers.SUPERUSER))
    with running_line(settings, folder) as line:
        line.case = make.make_case(line.parts, pictures=1)
        started = time.monotonic()
        _copies(engine, "study", {"id": _STUDY_ID}, count)
        _copies(engine, "series", {"id": _SERIES_ID, "study_id": _STUDY_ID}, count)
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))
            row = "SELECT study_instance_uid, accession_number, dicom_patient_id, name_key FROM study WHERE id = md5"
            picked = [count * place // volume.SAMPLE + 1 for place in range(volume.SAMPLE)]
            rows = [connection.execute(text(f"{row}('study' || {n})::uuid")).one() for n in picked]
        print(f"  {count:>9,} studies made in {time.monotonic() - started:.0f} s", flush=True)
        sample = [Copy(uid, "", "", accession, patient, name) for uid, accession, patient, name in rows]
        yield Volume(line, volume.browser(line), make.make_api_key(line.parts, line.case.hospital), sample)
    engine.dispose()


def main() -> int:
    """Print the comparison; 1 when a search takes more than the goal allows."""
    parser = argparse.ArgumentParser(prog="python -m bench.million", description=__doc__)
    parser.add_argument("--small", type=int, default=SMALL)
    parser.add_argument("--large", type=int, default=LARGE)
    chosen = parser.parse_args()
    volume.be_quiet()
    worst = 0.0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="filmpass-million-")))
        server = stack.enter_context(servers.postgres(fsync=True))
        volumes = []
        for count in (chosen.small, chosen.large):
            place = folder / str(count)
            place.mkdir()
            database = stack.enter_context(databases.postgresql(server, place))
            volumes.append(stack.enter_context(filled(database, place, count)))
        for name, (one, other, ratio) in volume.compare(*volumes, volume.SEARCHED).items():
            print(f"  {name:<12} {one:7.2f} ms  {other:7.2f} ms  {ratio:5.2f}x  (goal <= {volume.GOAL}x)", flush=True)
            worst = max(worst, ratio)
    return int(worst > volume.GOAL)


if __name__ == "__main__":
    raise SystemExit(main())
