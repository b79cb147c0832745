"""Headers of every answer: nothing from elsewhere, nothing cached, nothing indexed, nothing told to the next site."""

from flask import Flask, Response, request

from app.web.assets import is_asset
from app.web.authentication import parts
from app.web.problems import request_id

_CSP = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HSTS = "max-age=31536000"


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
    if parts().settings.https:
        headers["Strict-Transport-Security"] = HSTS
    if request.endpoint == "static":
        headers["Cache-Control"] = "public, max-age=31536000, immutable" if _is_current(response) else "no-cache"
        headers.pop("Set-Cookie", None)
    elif "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-store"
    return response


def _is_current(response: Response) -> bool:
    """Tell whether a static file goes out under the hash of its content.

    While a new release starts beside the old one, one of them is asked for the other's files.
    """
    return response.status_code in {200, 304} and is_asset(request.full_path)
