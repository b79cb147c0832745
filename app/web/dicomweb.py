"""What the DICOMweb routes share: the scope of a root, answers in parts, ranges of single ones, conditional answers.

References
----------
DICOM PS3.18 8.6 (multipart), 8.4 (headers); RFC 2387, RFC 9110 13 (conditional requests), 14 (ranges).
"""

import gzip
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from flask import Response, request
from werkzeug.http import parse_range_header

from app.access.load.instances import Address
from app.access.scope import StudyScope
from app.core.errors import BadRequest
from app.core.identifiers import parse_uid
from app.web.accept import MULTIPART
from app.web.authentication import hospital_client, parts

_END = b"\r\n"
_GZIP_LEVEL = 1  # text of metadata shrinks to a fortieth even so, and more would take longer than sending it


def hospital_scope(code: str) -> StudyScope:
    """Return the scope of a hospital's root for its own system."""
    client = hospital_client()
    root = f"{parts().settings.public_url.rstrip('/')}/h/{code}/dicom-web"
    return StudyScope(root=root, principal=client, hospital_id=client.hospital_id)


def address_of(study: str, series: str | None = None, instance: str | None = None) -> Address:
    """Read the UIDs of a path; raises `InvalidUid`."""
    return Address(
        parse_uid(study),
        None if series is None else parse_uid(series),
        None if instance is None else parse_uid(instance),
    )


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an answer; `size` in bytes."""

    content_type: str
    location: str
    size: int
    pieces: Iterable[bytes]


def multipart(media_type: str, answer: Iterable[Part], *, parameters: str = "", status: int = 200) -> Response:
    """Answer in parts. Given a sequence, the length is known beforehand and told."""
    boundary = secrets.token_hex(16)
    response = Response(_framed(boundary, _begun_parts(answer)), status=status)
    response.headers["Content-Type"] = f'{MULTIPART}; type="{media_type}"{parameters}; boundary={boundary}'
    if isinstance(answer, Sequence):
        framed = sum(len(_head(boundary, part)) + part.size + len(_END) for part in answer)
        response.content_length = framed + len(_tail(boundary))
    return response


def _begun_parts(answer: Iterable[Part]) -> Iterator[Part]:
    """Make the first part and read its first piece at once; see `begun`."""
    rest = iter(answer)
    first = next(rest)
    return chain([replace(first, pieces=begun(iter(first.pieces)))], rest)


def _framed(boundary: str, answer: Iterable[Part]) -> Iterator[bytes]:
    for part in answer:
        yield _head(boundary, part)
        yield from part.pieces
        yield _END
    yield _tail(boundary)


def _head(boundary: str, part: Part) -> bytes:
    lines = (
        f"--{boundary}", f"Content-Type: {part.content_type}", f"Content-Length: {part.size}",
        f"Content-Location: {part.location}", "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode("ascii")


def _tail(boundary: str) -> bytes:
    return f"--{boundary}--\r\n".encode("ascii")


def begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Read the first piece at once, so that what cannot be read is an error and no broken answer."""
    first = next(pieces)

    def rest() -> Iterator[bytes]:
        yield first
        yield from pieces

    return rest()


def single(content_type: str, size: int, read: Callable[[int, int], Iterator[bytes]], tag: str) -> Response:
    """Answer with one body, or the range of it that was asked for; `read(start, length)` gives its bytes."""
    start, stop = _range(size, tag)
    response = Response(begun(read(start, stop - start)) if stop > start else b"", content_type=content_type)
    response.headers["Accept-Ranges"] = "bytes"
    response.content_length = stop - start
    if (start, stop) != (0, size):
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return tagged(response, tag)


def _range(size: int, tag: str) -> tuple[int, int]:
    """Return the one range that was asked for, or all: several ranges, and one of another version, are not honoured."""
    asked = parse_range_header(request.headers.get("Range"))
    condition = request.headers.get("If-Range")
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1 or condition not in {None, f'"{tag}"'}:
        return 0, size
    found = asked.range_for_length(size)
    if found is None:
        raise RangeNotSatisfiable(f"There are {size} bytes.")
    return found


class RangeNotSatisfiable(BadRequest):
    """A range that begins behind the end."""

    code = "range-not-satisfiable"
    status = 416
    title = "There are not that many bytes"


def tagged(response: Response, tag: str) -> Response:
    """Name the version of an answer, and answer 304 to who has it. What is kept must be asked for again each time."""
    if is_current(tag):
        return not_modified(tag)
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(tag)
    return response


def is_current(tag: str) -> bool:
    """Tell whether the client has this version, before it is made."""
    return request.if_none_match.contains(tag)


def not_modified(tag: str) -> Response:
    """Answer that the client has it."""
    response = Response(status=304)
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(tag)
    return response


def compressed(response: Response) -> Response:
    """Compress a text for who takes it so. It holds no secret of the request, and is long."""
    response.vary.add("Accept-Encoding")
    if request.accept_encodings.quality("gzip") > 0:
        response.set_data(gzip.compress(response.get_data(), _GZIP_LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response


def warned(response: Response, warnings: Iterable[str]) -> Response:
    """Add warnings, which no part of which comes from outside unchecked (PS3.18 8.4.3)."""
    for text in warnings:
        response.headers.add("Warning", f'299 filmpass "{text}"')
    return response
