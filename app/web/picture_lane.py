"""A lane in front of Flask for pictures: the same session, the same policy, a tenth of the way.

It declares who may enter as every route does (`LANES`), and answers only GET and HEAD below `/v/<public_id>/`.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from app.access.actions import Action
from app.core.errors import NotFound
from app.core.identifiers import digest_of, parse_token
from app.core.logs import get_logger
from app.services.parts import Parts
from app.services.pictures import Asked, Kind, PictureDesk
from app.web.authentication import Who
from app.web.headers import HSTS
from app.web.sessions import cookie_name

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

LANES: dict[str, tuple[Who, Action]] = {
    r"/v/([A-Za-z0-9_-]{12})/(p|q|key)/(\d{1,4})/(\d{1,6})\.jpg": (Who.LINK_SESSION, Action.STUDY_RENDERED),
    r"/v/([A-Za-z0-9_-]{12})/(t)/(\d{1,4})\.jpg": (Who.LINK_SESSION, Action.STUDY_RENDERED),
    r"/v/([A-Za-z0-9_-]{12})/(p|q)/(\d{1,4})/(\d{1,6})/([a-z0-9_.-]{1,80})\.jpg": (
        Who.LINK_SESSION,
        Action.STUDY_RENDERED,
    ),
}
_PATTERNS = tuple(re.compile(pattern) for pattern in LANES)
_KINDS: dict[str, Kind] = {"p": "preview", "q": "small", "t": "thumbnail", "key": "key"}
_HEADERS = [
    ("Cache-Control", "private, no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Robots-Tag", "noindex, nofollow"),
    ("Content-Security-Policy", "default-src 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
_log = get_logger("pictures")


class PictureLane:
    """WSGI middleware; what is no picture goes on to the application."""

    def __init__(self, app: WsgiApp, parts: Parts) -> None:
        self._app = app
        self._parts = parts
        self._cookie = cookie_name(parts)
        self._desk = PictureDesk(parts)
        self._headers = [*_HEADERS, *([("Strict-Transport-Security", HSTS)] if parts.settings.https else [])]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a picture, or pass the request on."""
        path = environ.get("PATH_INFO", "")
        if not path.endswith(".jpg") or environ.get("REQUEST_METHOD") not in {"GET", "HEAD"}:
            return self._app(environ, start_response)
        match = next((m for m in (pattern.fullmatch(path) for pattern in _PATTERNS) if m), None)
        if match is None:
            return self._app(environ, start_response)
        try:
            jpeg = self._picture(environ, match.groups())
        except NotFound:
            return self._nothing(start_response, "404 Not Found")
        except Exception as error:  # noqa: BLE001  whatever fails here is no answer about the picture, and may pass
            _log.warning("picture failed", error=type(error).__name__)
            return self._nothing(start_response, "503 Service Unavailable", ("Retry-After", "5"))
        start_response("200 OK", [("Content-Type", "image/jpeg"), ("Content-Length", str(len(jpeg))), *self._headers])
        return [jpeg] if environ["REQUEST_METHOD"] == "GET" else [b""]

    def _nothing(self, start_response: Callable[..., Any], status: str, *more: tuple[str, str]) -> Iterable[bytes]:
        start_response(status, [("Content-Type", "text/plain"), ("Content-Length", "0"), *more, *self._headers])
        return [b""]

    def _picture(self, environ: dict[str, Any], groups: tuple[str, ...]) -> bytes:
        digest = self._digest(environ.get("HTTP_COOKIE", ""))
        if digest is None:
            raise NotFound
        public_id, kind, series = groups[0], groups[1], int(groups[2])
        place = int(groups[3]) if len(groups) > 3 else 1
        if series < 1 or place < 1:
            raise NotFound
        look = groups[4] if len(groups) > 4 else None
        return self._desk.picture(digest, public_id, Asked(_KINDS[kind], series, place, look))

    def _digest(self, header: str) -> bytes | None:
        for pair in header.split(";"):  # a general parser takes longer than finding the picture does
            name, _, value = pair.strip().partition("=")
            if name == self._cookie:
                token = parse_token(value)
                return digest_of(token) if token else None
        return None
