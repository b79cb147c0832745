"""Operations of the hospital API: read, validate, act in one unit of work, answer; what each takes is declared.

`writes` and `reads` make a view of a function and mark it with an `Operation`, from which app/web/openapi.py builds the
document. An `Idempotency-Key` is honoured on every write.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, TypeVar

from flask import Response, request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge

from app.core.errors import (
    BadRequest,
    Conflict,
    FieldError,
    InvalidInput,
    NotAcceptable,
    TooLarge,
    UnsupportedMediaType,
)
from app.services import idempotency
from app.services.idempotency import Kept
from app.services.shapes import OWN_ERROR, Input, Output
from app.services.unit_of_work import Scope, unit_of_work
from app.web.authentication import hospital_client, parts

BODY_LIMIT = 16 << 20
JSON = "application/json"
View = Callable[..., Response]
AnyView = TypeVar("AnyView", bound=Callable[..., Any])

_ALWAYS = frozenset({401, 406, 429, 500})
_OF_A_BODY = frozenset({400, 409, 413, 415, 422})


@dataclass(frozen=True, slots=True)
class Operation:
    """What a route takes and gives. `refusals` are the statuses of its problem documents."""

    summary: str
    answers: Mapping[int, type[BaseModel] | None]
    refusals: frozenset[int]
    body: type[Input] | None = None
    query: type[Input] | None = None


def describes(operation: Operation) -> Callable[[AnyView], AnyView]:
    """Mark a view with what it takes and gives."""

    def declare(view: AnyView) -> AnyView:
        view.__operation__ = operation  # type: ignore[attr-defined]  # a mark on the function
        return view

    return declare


def operation_of(view: Any) -> Operation:
    """Return what a view is marked with."""
    operation: Operation = view.__operation__
    return operation


def writes(
    summary: str, body: type[Input], answers: Mapping[int, type[Output]], *, refusals: tuple[int, ...] = ()
) -> Callable[[Callable[..., tuple[int, Output]]], View]:
    """Make a writing view of `act(session, body, **path) -> (status, answer)`."""

    def declare(act: Callable[..., tuple[int, Output]]) -> View:
        @describes(Operation(summary, answers, _ALWAYS | _OF_A_BODY | set(refusals), body=body))
        @wraps(act)
        def view(**path: Any) -> Response:
            _check_accept()
            return _write(body, partial(act, **path))

        return view

    return declare


def reads(
    summary: str, answer: type[Output], *, query: type[Input] | None = None, refusals: tuple[int, ...] = ()
) -> Callable[[Callable[..., Output]], View]:
    """Make a reading view of `look(session, [query,] **path) -> answer`. Reading is recorded, so it writes too."""
    refused = _ALWAYS | set(refusals) | ({422} if query else set())

    def declare(look: Callable[..., Output]) -> View:
        @describes(Operation(summary, {200: answer}, refused, query=query))
        @wraps(look)
        def view(**path: Any) -> Response:
            _check_accept()
            given = (_parse_query(query),) if query else ()
            with unit_of_work(parts(), Scope(hospital=hospital_client().hospital_id)) as session:
                return _json(200, look(session, *given, **path).model_dump_json())

        return view

    return declare


def _check_accept() -> None:
    wanted = request.accept_mimetypes
    if wanted and not wanted.quality(JSON):
        raise NotAcceptable(f"The answer is {JSON}.")


def _write(shape: type[Input], act: Callable[[Session, Input], tuple[int, Output]]) -> Response:
    key, raw = _idempotency_key(), _raw_body()
    run = partial(_write_once, key, raw, act, _parse(shape, raw))
    try:
        return run()
    except IntegrityError:  # another request wrote the same row first: now it is there to be changed
        pass
    try:
        return run()
    except IntegrityError:  # its text may name a patient
        raise Conflict("Others write the same at this moment. Send the request again.") from None


def _write_once(
    key: str | None, raw: bytes, act: Callable[[Session, Input], tuple[int, Output]], body: Input
) -> Response:
    client = hospital_client()
    with unit_of_work(parts(), Scope(hospital=client.hospital_id)) as session:
        if key is not None:
            asked = f"{request.method} {request.path}\n".encode() + raw
            kept = idempotency.reserve(session, parts(), client, key, asked)
            if kept is not None:
                return _json(kept.status, kept.response, replayed=True)
        status, answer = act(session, body)
        text = answer.model_dump_json()
        if key is not None:
            idempotency.keep(session, client, key, Kept(status, text))
    return _json(status, text)


def _json(status: int, text: str, *, replayed: bool = False) -> Response:
    response = Response(text, status=status, content_type=JSON)
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
        raise BadRequest("An Idempotency-Key has 1 to 255 printable ASCII characters.")
    return key


def _raw_body() -> bytes:
    """Return the body; nothing at all counts as an empty object, for acts that need no field."""
    request.max_content_length = BODY_LIMIT + 1  # a chunked body is cut there without a word
    try:
        raw = request.get_data()
    except RequestEntityTooLarge:
        raw = None
    if raw is None or len(raw) > BODY_LIMIT:
        raise TooLarge(f"A body has at most {BODY_LIMIT} bytes.")
    if raw and request.mimetype != JSON:
        raise UnsupportedMediaType(f"Send {JSON}.")
    return raw or b"{}"


def _parse(shape: type[Input], raw: bytes) -> Input:
    try:
        return shape.model_validate_json(raw)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
    if problems[0]["type"] == "json_invalid":
        raise BadRequest("The body is not JSON in UTF-8.")
    raise InvalidInput([_field_error(item) for item in problems])


def _parse_query(shape: type[Input]) -> Input:
    try:
        return shape.model_validate_strings(request.args.to_dict(), strict=False)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
    raise InvalidInput([_field_error(item) for item in problems])


# By the beginning of pydantic's error type. Its own messages may quote what was sent.
_SENTENCES = (
    ("missing", "This field is needed."),
    ("extra_forbidden", "There is no such field here."),
    ("literal_error", "One of {expected}."),
    ("string_too_short", "At least {min_length} characters."),
    ("string_too_long", "At most {max_length} characters."),
    ("string_pattern", "No control characters."),
    ("string", "Text is needed."),
    ("too_short", "At least {min_length} items."),
    ("too_long", "At most {max_length} items."),
    ("list", "A list is needed."),
    ("greater_than", "At least {ge}."),
    ("less_than", "At most {le}."),
    ("int", "A whole number is needed."),
    ("bool", "true or false is needed."),
    ("datetime", "A moment with its offset is needed, such as 2026-02-03T16:05:06+08:00."),
    ("timezone", "A moment with its offset is needed, such as 2026-02-03T16:05:06+08:00."),
    ("date", "A date is needed, such as 1958-03-07."),
    ("uuid", "An id is needed as it was given out."),
    ("model", "An object is needed."),
    (OWN_ERROR, "{sentence}"),
)


def _field_error(item: ErrorDetails) -> FieldError:
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in item["loc"])
    sentence = next((text for kind, text in _SENTENCES if item["type"].startswith(kind)), "This value is not usable.")
    return FieldError(pointer, sentence.format(**item.get("ctx", {})))
