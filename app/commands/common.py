"""What every command needs: the parts, refusals as one sentence and exit code 2, and a hospital by its code."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar
from uuid import UUID

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.core.crypto import KeyProblem
from app.core.errors import AppError, InvalidInput, NotFound
from app.services import api_keys
from app.services.parts import Parts
from app.services.unit_of_work import Scope, reading

REFUSED = 2
P = ParamSpec("P")
T = TypeVar("T")


def parts() -> Parts:
    """Return what the factory handed to the application."""
    handed: Parts = current_app.extensions["filmpass"]
    return handed


def guarded(function: Callable[P, T]) -> Callable[P, T]:
    """Run a command in the application's context; an expected refusal is a sentence on stderr and exit code 2."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with _refusals():
            return function(*args, **kwargs)

    wrapped: Callable[P, T] = with_appcontext(run)
    return wrapped


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except InvalidInput as error:
        _refuse("\n".join(f"--{item.pointer[1:].replace('_', '-')}: {item.detail}" for item in error.errors))
    except (AppError, KeyProblem) as error:
        _refuse(str(error))
    except (OperationalError, ProgrammingError) as error:
        _refuse(
            f"The database cannot be used ({type(error.orig).__name__}). Is it there, and did flask db upgrade run?"
        )


def _refuse(sentence: str) -> None:
    click.echo(sentence, err=True)
    raise SystemExit(REFUSED) from None


def hospital_of(code: str) -> UUID:
    """Return the id of a hospital by its code.

    Raises
    ------
    NotFound
        When there is none; the sentence says how to list them.
    """
    hospital_id = find_hospital(code)
    if hospital_id is None:
        raise NotFound(f"No hospital has the code {code}; list them with: flask hospital list")
    return hospital_id


def find_hospital(code: str) -> UUID | None:
    """Return the id of a hospital by its code, or None."""
    with reading(parts(), Scope(name=code)) as session:
        return api_keys.hospital_id_of_code(session, code)


def show(as_json: bool, value: dict[str, object], text: str) -> None:
    """Print a result for people, or as one line of JSON for scripts."""
    click.echo(json.dumps(value, ensure_ascii=False) if as_json else text)


json_option: Callable[[Callable[P, T]], Callable[P, T]] = click.option(
    "--json", "as_json", is_flag=True, help="One line of JSON, for scripts."
)
