"""The one error handler: every failure becomes a problem document (RFC 9457)."""

from typing import Any
from uuid import uuid4

from flask import Flask, Response, g, json, request
from werkzeug.exceptions import HTTPException

from app.core.errors import AppError, InvalidInput
from app.core.logs import get_logger
from app.web.bodies import FORM_LIMIT

DOCUMENT = "https://filmpass.example/docs/problems"
_log = get_logger("web")


def register(app: Flask) -> None:
    app.register_error_handler(AppError, _expected)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def request_id() -> str:
    """Return the id of this request, made on first use; it stands in the log, the answer and the problem."""
    if "request_id" not in g:
        g.request_id = str(uuid4())
    return str(g.request_id)


def problem(status: int, code: str, title: str, detail: str = "", **more: Any) -> Response:
    body = {"type": f"{DOCUMENT}#{code}", "title": title, "status": status, "code": code}
    if detail:
        body["detail"] = detail
    body["instance"] = f"urn:uuid:{request_id()}"
    response = Response(json.dumps(body | more), status=status, content_type="application/problem+json")
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer, Basic realm="filmpass", charset="UTF-8"'
    return response


def _expected(error: AppError) -> Response:
    more: dict[str, Any] = {}
    if isinstance(error, InvalidInput):
        more["errors"] = [{"pointer": item.pointer, "detail": item.detail} for item in error.errors]
    response = problem(error.status, error.code, error.title, error.detail, **more)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


_CODES = {
    400: "bad-request", 404: "not-found", 405: "method-not-allowed", 406: "not-acceptable", 411: "length-required",
    413: "too-large", 415: "unsupported-media-type", 429: "too-often",
}  # fmt: skip

_TOO_LARGE = f"A form has at most {FORM_LIMIT} bytes."  # the other limits are errors of ours


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    response = problem(status, _CODES.get(status, "http-error"), error.name, _TOO_LARGE if status == 413 else "")
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    _log.error(
        "unexpected failure",
        error=type(error).__name__,
        path=request.url_rule and request.url_rule.rule,
        exc_info=error,
    )
    return problem(500, "internal", "Something went wrong on our side")
