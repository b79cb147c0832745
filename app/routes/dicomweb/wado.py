"""WADO-RS: one instance, given back as it was received (PS3.18 10.4, 8.7.3)."""

import re
import secrets
from collections.abc import Iterator

from flask import Blueprint, Response, request

from app.access.actions import Action
from app.access.load.instances import InstanceAddress
from app.core.errors import NotAcceptable
from app.core.identifiers import parse_uid
from app.dicom.multipart import parse_content_type
from app.services.retrieval import StoredInstance, find_instance, record_read
from app.web.authentication import Who, hospital_client, parts, requires

blueprint = Blueprint("wado", __name__)
_SINGLE, _MULTIPART = "application/dicom", "multipart/related"
_ANY = {"*/*", "multipart/*"}
_ITEM = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*")+')
_QUALITY = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?", re.ASCII)


@blueprint.get("/h/<hospital>/dicom-web/studies/<study>/series/<series>/instances/<instance>")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
def retrieve(hospital: str, study: str, series: str, instance: str) -> Response:
    """Give one instance as received, in one part or as the single body that was asked for (PS3.18 10.4.1.1)."""
    address = InstanceAddress(parse_uid(study), parse_uid(series), parse_uid(instance))
    found = find_instance(parts(), hospital_client(), address)
    single = _chosen(found.transfer_syntax_uid) == _SINGLE
    response = _single(found) if single else _multipart(found, _location(hospital, address))
    record_read(parts(), hospital_client(), found)
    return response


def _chosen(transfer_syntax_uid: str) -> str:
    """Choose between the two forms; `transfer-syntax` must be absent, `*`, or what is stored (PS3.18 8.7.8)."""
    for media_type, parameters in _accepted():
        if parameters.get("transfer-syntax", "*") not in {"*", transfer_syntax_uid}:
            continue
        if media_type in {_SINGLE, "application/*"}:
            return _SINGLE
        kind = parse_content_type(parameters.get("type", _SINGLE))[0]
        if media_type in _ANY or (media_type == _MULTIPART and kind == _SINGLE):
            return _MULTIPART
    raise NotAcceptable(
        f'The instance can be given as multipart/related; type="application/dicom"; '
        f"transfer-syntax={transfer_syntax_uid}, or as application/dicom."
    )


def _accepted() -> list[tuple[str, dict[str, str]]]:
    """Read the Accept header, best first; ours, since clients leave out the quotation marks around `type`."""
    header = request.headers.get("Accept", "").strip() or "*/*"
    items = [parse_content_type(item.strip()) for item in _ITEM.findall(header)]
    wanted = [item for item in items if _quality(item[1]) > 0]
    return sorted(wanted, key=lambda item: -_quality(item[1]))


def _quality(parameters: dict[str, str]) -> float:
    """Read a q-value (RFC 9110 12.4.2); what is none counts as 0."""
    text = parameters.get("q", "1")
    return float(text) if _QUALITY.fullmatch(text) else 0.0


def _location(code: str, address: InstanceAddress) -> str:
    root = f"{parts().settings.public_url.rstrip('/')}/h/{code}/dicom-web"
    series = f"studies/{address.study_instance_uid}/series/{address.series_instance_uid}"
    return f"{root}/{series}/instances/{address.sop_instance_uid}"


def _single(found: StoredInstance) -> Response:
    response = Response(_opened(found), content_type=_part_type(found))
    response.content_length = found.file.size
    return response


def _multipart(found: StoredInstance, location: str) -> Response:
    boundary = secrets.token_hex(16)
    head = f"--{boundary}\r\nContent-Type: {_part_type(found)}\r\nContent-Location: {location}\r\n\r\n".encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    response = Response(_framed(head, _opened(found), tail))
    response.headers["Content-Type"] = f'{_MULTIPART}; type="{_SINGLE}"; boundary={boundary}'
    response.content_length = len(head) + found.file.size + len(tail)
    return response


def _part_type(found: StoredInstance) -> str:
    return f"{_SINGLE}; transfer-syntax={found.transfer_syntax_uid}"


def _framed(head: bytes, pieces: Iterator[bytes], tail: bytes) -> Iterator[bytes]:
    yield head
    yield from pieces
    yield tail


def _opened(found: StoredInstance) -> Iterator[bytes]:
    """Read the first piece at once, so that what cannot be read is an error and no broken answer."""
    pieces = found.file.pieces()
    first = next(pieces)

    def rest() -> Iterator[bytes]:
        yield first
        yield from pieces

    return rest()
