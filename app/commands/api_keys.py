"""Bearer keys of hospitals' systems: add, rotate, end, list. A key is shown once."""

from uuid import UUID

import click
from flask.cli import AppGroup

from app.commands.common import guarded, hospital_of, json_option, parts, show
from app.services import api_keys, hospitals
from app.services.unit_of_work import Scope, reading, unit_of_work

group = AppGroup("api-key", help="Bearer keys of a hospital's systems.")


@group.command("add")
@click.argument("code")
@click.option("--label", required=True, help="Which system it is for.")
@json_option
@guarded
def add(code: str, label: str, as_json: bool) -> None:
    """Make a key; it is shown this once."""
    hospital_id = hospital_of(code)
    with unit_of_work(parts(), Scope(hospital=hospital_id)) as session:
        key = hospitals.mint_api_key(session, parts(), hospital_id, label)
    show(as_json, {"api_key": key}, f"The key, shown this once:\n{key}")


@group.command("rotate")
@click.argument("code")
@click.argument("key_id", type=click.UUID)
@json_option
@guarded
def rotate(code: str, key_id: UUID, as_json: bool) -> None:
    """Make a key in place of another, which ends at once; for an overlap: add, change over, end."""
    hospital_id = hospital_of(code)
    with unit_of_work(parts(), Scope(hospital=hospital_id)) as session:
        label = api_keys.end_key(session, parts(), hospital_id, key_id)
        key = hospitals.mint_api_key(session, parts(), hospital_id, label)
    show(as_json, {"api_key": key}, f"The key, shown this once; the one before has ended:\n{key}")


@group.command("end")
@click.argument("code")
@click.argument("key_id", type=click.UUID)
@guarded
def end(code: str, key_id: UUID) -> None:
    """End a key, from the next request on."""
    hospital_id = hospital_of(code)
    with unit_of_work(parts(), Scope(hospital=hospital_id)) as session:
        api_keys.end_key(session, parts(), hospital_id, key_id)
    click.echo("The key has ended.")


@group.command("list")
@click.argument("code")
@json_option
@guarded
def list_all(code: str, as_json: bool) -> None:
    """List a hospital's keys by id and label."""
    hospital_id = hospital_of(code)
    with reading(parts(), Scope(hospital=hospital_id)) as session:
        found = api_keys.keys_of(session, hospital_id)
    for key in found:
        state = f"ended {key.ended_at:%Y-%m-%d}" if key.ended_at else "living"
        row: dict[str, object] = {"id": str(key.id), "label": key.label, "living": key.ended_at is None}
        show(as_json, row, f"{key.id}  {key.created_at:%Y-%m-%d}  {state}  {key.label}")
