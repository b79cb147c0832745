"""What an operator does now and then: make keys, verify the audit, look at failed messages, sweep the store."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from flask.cli import AppGroup

from app.audit.sealing import verify_all
from app.commands.common import guarded, hospital_of, json_option, parts, show
from app.core.crypto import create_key_files
from app.services import failed_messages, hospitals, sweeping
from app.services.unit_of_work import Scope, reading

keys = AppGroup("keys", help="The keys of this installation.")
audit = AppGroup("audit", help="The audit.")
messages = AppGroup("messages", help="Messages to patients.")


@keys.command("init")
@guarded
def make_keys() -> None:
    """Make the key files that are not there yet."""
    folder = parts().settings.keys_folder
    made = create_key_files(folder)
    click.echo(f"Made in {folder}: {', '.join(made)}. Back them up apart from the data." if made else "Nothing to do.")


@audit.command("verify")
@guarded
def verify() -> None:
    """Recompute the whole audit; exit code 1 and the first entry that does not fit."""
    handed = parts()
    with reading(handed, Scope(worker=True)) as session, _heads(handed.settings.heads_file) as heads:
        verdict = verify_all(session, handed.keys, heads=heads)
    if verdict.problem:
        click.echo(f"The audit does not fit: {verdict.problem}.", err=True)
        raise SystemExit(1)
    click.echo(f"The audit fits: {verdict.events} events under {verdict.checkpoints} signed heads.")


@contextmanager
def _heads(path: Path) -> Iterator[Iterator[str]]:
    if not path.is_file():
        yield iter(())
        return
    with path.open(encoding="utf-8") as file:
        yield file


@messages.command("failed")
@click.argument("code", required=False)
@json_option
@guarded
def failed(code: str | None, as_json: bool) -> None:
    """List messages that did not reach their patient, oldest first: ids, state, reason and age."""
    handed = parts()
    with reading(handed, Scope(worker=True)) as session:
        wanted = [hospital_of(code)] if code else [item.id for item in hospitals.profiles(session)]
    for hospital_id in wanted:
        with reading(handed, Scope(hospital=hospital_id)) as session:
            found = failed_messages.failed(session, hospital_id)
        for item in found:
            row: dict[str, object] = {
                "notification": str(item.notification_id), "study": str(item.study_id), "state": item.state,
                "reason": item.reason or "", "since": item.since.isoformat(),
            }  # fmt: skip
            age = _age(item.since, handed.clock())
            show(as_json, row, f"{item.notification_id}  study {item.study_id}  {item.state}  {item.reason}  {age}")


def _age(since: datetime, now: datetime) -> str:
    hours = int((now - since).total_seconds() // 3600)
    return f"{hours // 24} d {hours % 24} h"


@click.command("sweep")
@guarded
def sweep() -> None:
    """Remove what interrupted arrivals left in the store: packs and unfinished files that no row names, a day old."""
    swept = sweeping.sweep(parts())
    click.echo(f"Removed {swept.packs} orphan packs and {swept.unfinished} unfinished files.")
