"""STOW-RS: the Store transaction of DICOMweb (PS3.18 10.5). Bodies of any length, one answer per instance."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, json, request
from werkzeug.exceptions import ClientDisconnected

from app.access.actions import Action
from app.core.errors import BadRequest, NotAcceptable, TooLarge, UnsupportedMediaType
from app.core.identifiers import StudyInstanceUid, parse_uid
from app.dicom.from_json import BulkPart, file_from_json
from app.dicom.instance import parse_header
from app.dicom.multipart import MultipartError, Part, parse_content_type, split
from app.services import hospitals
from app.services.ingest import OUT_OF_RESOURCES, PROCESSING_FAILURE, Intake, Outcome
from app.services.ingest_versions import Sender
from app.services.unit_of_work import Scope, reading
from app.web.authentication import Who, hospital_client, parts, requires

blueprint = Blueprint("stow", __name__)
MAX_PARTS = 20_000
"""Parts of one body; an answer about each of them is held in memory."""
METADATA_BODY = 256 << 20
"""Bytes of a body of metadata and bulk data."""
_KINDS = {"application/dicom", "application/dicom+json"}
_ACCEPTED = {"application/dicom+json", "application/json", "application/*", "*/*", ""}
_RESOURCES = {OUT_OF_RESOURCES, PROCESSING_FAILURE}


@blueprint.post("/h/<hospital>/dicom-web/studies")
@requires(Who.HOSPITAL_CLIENT, Action.INSTANCES_STORE)
def store(hospital: str) -> Response:
    """Store instances of any studies."""
    return _store(hospital, None)


@blueprint.post("/h/<hospital>/dicom-web/studies/<study>")
@requires(Who.HOSPITAL_CLIENT, Action.INSTANCES_STORE)
def store_study(hospital: str, study: str) -> Response:
    """Store instances of one study; those of others are refused."""
    return _store(hospital, StudyInstanceUid(parse_uid(study)))


def _store(code: str, only_study: StudyInstanceUid | None) -> Response:
    _check_accept()
    media_type, parameters = parse_content_type(request.headers.get("Content-Type", ""))
    kind = parse_content_type(parameters.get("type", "application/dicom"))[0]
    if media_type != "multipart/related" or kind not in _KINDS:
        raise UnsupportedMediaType('Send multipart/related; type="application/dicom", or "application/dicom+json".')
    if "boundary" not in parameters:
        raise BadRequest("The Content-Type has no boundary.")
    intake = Intake(parts(), _sender(), only_study)
    try:
        body = split(_Body(parts().settings.stow_max_body), parameters["boundary"])
        _take_all(intake, body if kind == "application/dicom" else _from_metadata(body))
    except MultipartError as error:
        if not intake.outcomes:
            raise BadRequest("The body is not the multipart message that it says it is.") from error
    finally:
        intake.close()
    return _answer(code, intake.outcomes)


class _Body:
    """The request's body, up to a limit (0 is none); what the client did not send to its end simply ends."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = request.content_length or 0
        self._check()
        self._size = 0

    def read(self, size: int, /) -> bytes:
        data = self._read(size)
        if data is None:
            data = self._read(size) or b""  # where a chunked body breaks, the server still holds what came before
        self._size += len(data)
        self._check()
        return data

    def _read(self, size: int) -> bytes | None:
        try:
            data: bytes = request.stream.read(size)
        except (OSError, ClientDisconnected):
            return None
        return data

    def _check(self) -> None:
        if self._limit and self._size > self._limit:
            raise TooLarge(f"A body may have {self._limit} bytes; send the study in several requests.")


def _from_metadata(body: Iterator[Part]) -> Iterator[Iterator[bytes]]:
    """Yield the file of each object of the first part, with bulk data from the parts that follow (PS3.18 8.7.2).

    All of it is in memory until the last part is there: what is named first comes last.
    """
    metadata, bulk, size = b"", dict[str, BulkPart](), 0
    for number, part in enumerate(body):
        data = b"".join(bytes(chunk) for chunk in _limited(part.chunks(), METADATA_BODY - size))
        size += len(data)
        if number == 0:
            metadata = data
            continue
        syntax = parse_content_type(part.headers.get("content-type", ""))[1].get("transfer-syntax", "")
        bulk[part.headers.get("content-location", "")] = BulkPart(data, syntax)
    try:
        items = json.loads(metadata)
    except ValueError:
        raise BadRequest("The first part is not JSON in UTF-8.") from None
    for item in items if isinstance(items, list) else [items]:
        yield _made(item, bulk)


def _made(item: Any, bulk: dict[str, BulkPart]) -> Iterator[bytes]:
    yield file_from_json(item, bulk)


def _limited(chunks: Iterator[bytes | memoryview], most: int) -> Iterator[bytes | memoryview]:
    for chunk in chunks:
        most -= len(chunk)
        if most < 0:
            raise TooLarge(f"Metadata with bulk data may have {METADATA_BODY} bytes; send files, which have no limit.")
        yield chunk


def _take_all(intake: Intake, body: Iterator[Part] | Iterator[Iterator[bytes]]) -> None:
    """Take each part. Those beyond the limit are read past, so that the client gets to its answer: one for them all."""
    for part in body:
        if len(intake.outcomes) < MAX_PARTS:
            intake.take(part.chunks() if isinstance(part, Part) else part, parse_header)
        elif len(intake.outcomes) == MAX_PARTS:
            intake.outcomes.append(Outcome(None, OUT_OF_RESOURCES, f"A body may have {MAX_PARTS} parts."))


def _sender() -> Sender:
    client = hospital_client()
    with reading(parts(), Scope(hospital=client.hospital_id)) as session:
        policy = hospitals.profile(session, client.hospital_id).policy
    return Sender(client.hospital_id, "stow", client.actor, policy["default_issuer"], policy["replace_policy"])


def _check_accept() -> None:
    accepted = {item.partition(";")[0].strip().lower() for item in request.headers.get("Accept", "").split(",")}
    if not accepted & _ACCEPTED:
        raise NotAcceptable("The answer is application/dicom+json.")


def _answer(code: str, outcomes: list[Outcome]) -> Response:
    """Build the response of PS3.18 Annex I; 00081198 is left out when nothing failed, which some senders insist on."""
    root = f"{parts().settings.public_url.rstrip('/')}/h/{code}/dicom-web/studies"
    stored = [o for o in outcomes if not o.failure and o.header]
    failed = [o for o in outcomes if o.failure and o.header]
    unreadable = [o for o in outcomes if o.failure and not o.header]
    body: dict[str, Any] = {}
    studies = {o.header.study_instance_uid for o in stored if o.header}
    if len(studies) == 1:
        body["00081190"] = {"vr": "UR", "Value": [f"{root}/{studies.pop()}"]}
    if stored:
        body["00081199"] = {"vr": "SQ", "Value": [_reference(o, root) for o in stored]}
    if failed:
        body["00081198"] = {"vr": "SQ", "Value": [_failure(o) for o in failed]}
    if unreadable:
        body["0008119A"] = {"vr": "SQ", "Value": [_reason(o) for o in unreadable]}
    status = _status(outcomes)
    response = Response(json.dumps(body), status=status)
    response.headers["Content-Type"] = "application/dicom+json"
    if status == 503:
        response.headers["Retry-After"] = "60"
    return response


def _status(outcomes: list[Outcome]) -> int:
    failures = [o.failure for o in outcomes if o.failure]
    if not outcomes:
        return 400
    if not failures:
        return 200
    if len(failures) < len(outcomes):
        return 202
    if all(code in _RESOURCES for code in failures):
        return 503
    return 409 if any(o.header for o in outcomes) else 400


def _sop(outcome: Outcome) -> dict[str, Any]:
    header = outcome.header
    if header is None:
        return {}
    return {
        "00081150": {"vr": "UI", "Value": [header.sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [header.sop_instance_uid]},
    }


def _reference(outcome: Outcome, root: str) -> dict[str, Any]:
    header = outcome.header
    if header is None:
        return {}
    url = f"{root}/{header.study_instance_uid}/series/{header.series_instance_uid}/instances/{header.sop_instance_uid}"
    return _sop(outcome) | {"00081190": {"vr": "UR", "Value": [url]}}


def _reason(outcome: Outcome) -> dict[str, Any]:
    return {"00081197": {"vr": "US", "Value": [outcome.failure]}}


def _failure(outcome: Outcome) -> dict[str, Any]:
    return _sop(outcome) | _reason(outcome)
