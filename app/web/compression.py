"""gzip for what holds no secret: static files, and the viewer's index, where a slow line gains most.

Pages go out as they are. They hold a link's token beside what was typed, and the length of such an answer, once
compressed, would tell of the token (BREACH).
"""

import gzip

from flask import Flask, Response, request

_ENDPOINTS = {"static", "studies.index"}


def register(app: Flask) -> None:
    """Compress after each request, where it is safe."""
    app.after_request(_compressed)


def _compressed(response: Response) -> Response:
    if request.endpoint not in _ENDPOINTS:
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code == 200 and request.accept_encodings.quality("gzip") > 0:
        response.direct_passthrough = False
        response.set_data(gzip.compress(response.get_data(), mtime=0))
        response.headers["Content-Encoding"] = "gzip"
        response.headers.pop("Accept-Ranges", None)
        etag, _ = response.get_etag()
        if etag:
            response.set_etag(etag, weak=True)  # the same file, other bytes (RFC 9110 8.8.1)
    return response
