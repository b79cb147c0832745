"""Headers of every answer: nothing from elsewhere, nothing cached, nothing indexed, nothing told to the next site."""

from flask import Flask, Response, request

from app.web.problems import request_id

_CSP = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)


def register(app: Flask) -> None:
    """Set them after each request."""
    app.after_request(_headers)


def _headers(response: Response) -> Response:
    headers = response.headers
    headers["Content-Security-Policy"] = _CSP
    headers["Referrer-Policy"] = "no-referrer"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Robots-Tag"] = "noindex, nofollow"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["X-Request-Id"] = request_id()
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.endpoint == "static":
        versioned = "v" in request.args
        headers["Cache-Control"] = "public, max-age=31536000, immutable" if versioned else "no-cache"
        headers.pop("Set-Cookie", None)
    elif "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-store"
    return response
