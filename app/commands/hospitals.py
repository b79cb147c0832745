"""Hospitals: enrol, change, list, go live, the numbers of trial mode."""

import json
import re
from collections.abc import Callable
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import IntegrityError

from app.commands.common import find_hospital, guarded, hospital_of, json_option, parts, show
from app.core.errors import Conflict
from app.core.identifiers import new_id
from app.services import hospitals
from app.services.hospitals import HospitalProfile, NewHospital
from app.services.unit_of_work import Scope, reading, unit_of_work

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_DAYS = re.compile(r"days:([0-9]{1,4})")
_DECISIONS = (
    click.option("--telephone-hours", help="When the telephone is answered, as it stands on the page."),
    click.option("--language", help="zh, en or fr: where the patient's is not known."),
    click.option("--quiet-hours", help="21:00-08:00, in the hospital's zone, or none."),
    click.option("--release", callback=lambda *args: _release(args[2]), help="images=at-once,report=report-final"),
    click.option("--facts", callback=lambda *args: _facts(args[2]), help="birth_date,id_last4,visit_number, in order."),
    click.option("--fallback-hours", type=click.IntRange(1, 720), help="Until the next channel is tried."),
    click.option("--link-days", type=click.IntRange(1, 365), help="How long a link opens."),
    click.option("--tries", type=click.IntRange(3, 20), help="Wrong facts that lock a link."),
    click.option("--replace-policy", help="keep-newest, keep-first or ask: other content under the same UID."),
)

group = AppGroup("hospital", help="Hospitals: enrol, change, list, go live.")
trial = AppGroup("trial-number", help="Numbers that a hospital in trial mode may write to.")
group.add_command(trial)


def _decisions(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_DECISIONS):
        command = option(command)
    return command


@group.command("add")
@click.option("--code", required=True, help="Short name in addresses and commands.")
@click.option("--name", required=True, help="Full name, on the page once a link was opened.")
@click.option("--message-name", required=True, help="Name in the SMS.")
@click.option("--time-zone", required=True, help="IANA zone, such as Asia/Shanghai.")
@click.option("--telephone", required=True, help="Whom patients call.")
@click.option("--issuer", "default_issuer", required=True, help="Issuer of Patient IDs that come without one.")
@_decisions
@json_option
@guarded
def add(as_json: bool, **given: Any) -> None:
    """Enrol a hospital in trial mode and make its first API key, which is shown once."""
    new = NewHospital(**_given(given))
    if find_hospital(new.code):
        raise Conflict(f"The code {new.code} is taken.")
    hospital_id = new_id()
    try:
        with unit_of_work(parts(), Scope(hospital=hospital_id)) as session:
            hospitals.enrol(session, parts(), new, hospital_id)
            key = hospitals.mint_api_key(session, parts(), hospital_id, "first")
    except IntegrityError:
        raise Conflict(f"The code {new.code} is taken.") from None
    show(
        as_json,
        {"code": new.code, "id": str(hospital_id), "api_key": key},
        f"{new.code} is enrolled, in trial mode, as {hospital_id}.\nIts API key, shown this once:\n{key}",
    )


@group.command("set")
@click.argument("code")
@click.option("--name", help="Full name.")
@click.option("--message-name", help="Name in the SMS.")
@click.option("--telephone", help="Whom patients call.")
@click.option("--issuer", "default_issuer", help="Issuer of Patient IDs that come without one.")
@_decisions
@guarded
def change(code: str, **given: Any) -> None:
    """Change what a hospital decided; what is not named stays."""
    changes = _given(given)
    if not changes:
        raise click.UsageError("Name at least one option to change.")
    hospital_id = hospital_of(code)
    with unit_of_work(parts(), Scope(hospital=hospital_id)) as session:
        hospitals.change(session, parts(), hospital_id, changes)
    click.echo(f"{code}: changed {', '.join(sorted(changes))}.")


@group.command("list")
@json_option
@guarded
def list_all(as_json: bool) -> None:
    """List the hospitals."""
    with reading(parts(), Scope(worker=True)) as session:
        found = hospitals.profiles(session)
    for item in found:
        row: dict[str, object] = {"code": item.code, "id": str(item.id), "name": item.name, "live": item.live}
        show(as_json, row, _line(item))


def _line(item: HospitalProfile) -> str:
    return f"{item.code}  {item.id}  {'live' if item.live else 'trial'}  {item.name}"


@group.command("go-live")
@click.argument("code")
@guarded
def go_live(code: str) -> None:
    """End trial mode: from now on every matched patient is written to."""
    hospital_id = hospital_of(code)
    with unit_of_work(parts(), Scope(hospital=hospital_id)) as session:
        hospitals.go_live(session, parts(), hospital_id)
    click.echo(f"{code} is live.")


@trial.command("add")
@click.argument("code")
@click.argument("number")
@guarded
def add_trial_number(code: str, number: str) -> None:
    """Let trial mode write to a number, in the international form."""
    if not _E164.fullmatch(number):
        raise click.UsageError("The number needs the international form, such as +8613800138000.")
    hospital_id = hospital_of(code)
    with unit_of_work(parts(), Scope(hospital=hospital_id)) as session:
        hospitals.add_trial_number(session, parts(), hospital_id, number)
    click.echo(f"{code}: the number is listed.")


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _facts(text: str | None) -> tuple[str, ...] | None:
    return tuple(item.strip() for item in text.split(",")) if text is not None else None


def _release(text: str | None) -> dict[str, Any] | None:
    """Read a release rule: JSON, or `images=DOOR,report=DOOR` with `days:3` for a door that opens after days."""
    if text is None:
        return None
    try:
        rule = json.loads(text) if text.lstrip().startswith("{") else _short_rule(text)
    except ValueError:
        raise click.UsageError("--release: the form is images=at-once,report=report-final, or JSON.") from None
    return {"classes": [], **rule}


def _short_rule(text: str) -> dict[str, Any]:
    pairs = (item.partition("=") for item in text.split(","))
    return {name.strip(): _door(value.strip()) for name, _, value in pairs}


def _door(text: str) -> object:
    days = _DAYS.fullmatch(text)
    return {"days": int(days[1])} if days else text
