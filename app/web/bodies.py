"""Bodies of requests before anyone reads them: forms are small, and what breaks on the wire is the sender's matter."""

from typing import Any

from flask import Flask, request

FORM_LIMIT = 64 << 10
_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}


def register(app: Flask) -> None:
    """Prepare each body; the hospitals' doors, which take large ones, set limits of their own."""
    app.before_request(_prepare)


def _prepare() -> None:
    request.environ["wsgi.input"] = _Wire(request.environ["wsgi.input"])
    if request.mimetype in _FORMS:  # also without a Content-Length, which MAX_FORM_MEMORY_SIZE lets pass
        request.max_content_length = FORM_LIMIT


class _Wire:
    """The server's stream; its own kinds of error become the one that all readers expect of a broken connection."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        try:
            data: bytes = self._stream.read(size)
        except OSError:
            raise
        except Exception as error:
            raise ConnectionError("The body is not framed as it says.") from error
        return data
