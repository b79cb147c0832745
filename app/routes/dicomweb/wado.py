"""WADO-RS: the Retrieve transaction (PS3.18 10.4): instances, metadata, frames, bulk data."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

from flask import Blueprint, Response

from app.access.actions import Action
from app.access.scope import StudyScope
from app.core.errors import BadRequest, NotAcceptable
from app.dicom.instance import EXPLICIT_VR_LITTLE_ENDIAN
from app.services import retrieval
from app.services.archives import archive_of
from app.services.metadata import find_metadata
from app.services.parts import Parts
from app.services.retrieval import NEVER_SENT, StoredInstance, Undecodable, find_instances
from app.web import accept, dicomweb
from app.web.accept import Offer
from app.web.authentication import Who, parts, requires
from app.web.dicomweb import Part

blueprint = Blueprint("wado", __name__)
_STUDY = "/h/<hospital>/dicom-web/studies/<study>"
_SERIES = f"{_STUDY}/series/<series>"
_INSTANCE = f"{_SERIES}/instances/<instance>"
_DICOM, _OCTETS, _JSON = "application/dicom", "application/octet-stream", "application/dicom+json"
_METADATA = (Offer(_JSON), Offer("application/json"))
_EXPLICIT: str = EXPLICIT_VR_LITTLE_ENDIAN
_IMAGE_TYPES = {  # PS3.18 Table 8.7.3-4
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.51": "image/jpeg",
    "1.2.840.10008.1.2.4.57": "image/jpeg",
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.4.92": "image/jpx",
    "1.2.840.10008.1.2.4.93": "image/jpx",
    "1.2.840.10008.1.2.4.201": "image/jphc",
    "1.2.840.10008.1.2.4.202": "image/jphc",
    "1.2.840.10008.1.2.4.203": "image/jphc",
    "1.2.840.10008.1.2.5": "image/dicom-rle",
}


@blueprint.get(_STUDY)
@blueprint.get(_SERIES)
@blueprint.get(_INSTANCE)
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
def retrieve(hospital: str, study: str, series: str | None = None, instance: str | None = None) -> Response:
    """Give the instances of a study, a series, or one instance; by default in Explicit VR Little Endian."""
    scope = dicomweb.hospital_scope(hospital)
    found = find_instances(parts(), scope, dicomweb.address_of(study, series, instance), Action.INSTANCE_DOWNLOAD)
    syntaxes = tuple(sorted({_EXPLICIT} | {item.transfer_syntax_uid for item in found} - NEVER_SENT))
    offers = [Offer(_DICOM, multipart=True, transfer_syntaxes=syntaxes)]
    if instance is not None:
        offers.append(Offer(_DICOM, transfer_syntaxes=syntaxes))
    offer, syntax = accept.choose(offers)
    if not offer.multipart:
        return _recorded(_single(found[0], syntax), scope, found, Action.INSTANCE_DOWNLOAD)
    given = [item for item in found if syntax in {None, "*", _EXPLICIT, item.transfer_syntax_uid}]
    if not given:
        raise NotAcceptable(f"None of these instances is in transfer syntax {syntax}.")
    status = 200 if len(given) == len(found) else 206  # the others are in other transfer syntaxes (PS3.18 10.4.3.1)
    as_stored = all(_is_given_as_stored(item, syntax) for item in given)
    handed = parts()  # an answer that is made while it is sent has no application at hand
    answer: Iterator[Part] = (_part(handed, scope.root, item, syntax) for item in given)
    response = dicomweb.multipart(_DICOM, list(answer) if as_stored else answer, status=status)
    return _recorded(response, scope, given, Action.INSTANCE_DOWNLOAD)


def _recorded(response: Response, scope: StudyScope, found: Sequence[StoredInstance], action: Action) -> Response:
    """Record what an answer gives, once its first bytes could be read."""
    retrieval.record_given(parts(), scope, found, action)
    return response


@blueprint.get(f"{_STUDY}/archive")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
def archive(hospital: str, study: str) -> Response:
    """Give a study as a ZIP with a DICOMDIR: its files as they were received."""
    accept.choose((Offer("application/zip"),))
    made = archive_of(parts(), dicomweb.hospital_scope(hospital), dicomweb.address_of(study).study)
    response = Response(made.pieces(), content_type="application/zip")
    response.content_length = made.size
    response.headers["Content-Disposition"] = 'attachment; filename="study.zip"'
    return response


def _is_given_as_stored(item: StoredInstance, syntax: str | None) -> bool:
    stored = item.transfer_syntax_uid
    return stored not in NEVER_SENT and (stored == (syntax or _EXPLICIT) or syntax == "*")


def _part(handed: Parts, root: str, item: StoredInstance, syntax: str | None) -> Part:
    """Make a part. What cannot be decoded goes out as it is and says so: others of the study are on their way."""
    location = root + item.row.address.path
    if not _is_given_as_stored(item, syntax):
        with suppress(Undecodable):
            return _explicit_part(handed, location, item)
    return Part(_typed(_DICOM, item.transfer_syntax_uid), location, item.file.size, item.file.pieces())


def _explicit_part(handed: Parts, location: str, item: StoredInstance) -> Part:
    data = retrieval.explicit_file(handed, item)
    return Part(_typed(_DICOM, _EXPLICIT), location, len(data), [data])


def _typed(media_type: str, syntax: str) -> str:
    return f"{media_type}; transfer-syntax={syntax}"


def _single(item: StoredInstance, syntax: str | None) -> Response:
    tag = item.row.digest.hex()[:32]
    if _is_given_as_stored(item, syntax):
        content_type = _typed(_DICOM, item.transfer_syntax_uid)
        return dicomweb.single(content_type, item.file.size, item.file.pieces_of, f"{tag}-stored")
    part = _explicit_part(parts(), "", item) if syntax == _EXPLICIT else _part(parts(), "", item, syntax)
    data = b"".join(part.pieces)
    return dicomweb.single(part.content_type, len(data), partial(_slice, data), f"{tag}-explicit")


def _slice(data: bytes, start: int, length: int) -> Iterator[bytes]:
    yield data[start : start + length]


@blueprint.get(f"{_STUDY}/metadata")
@blueprint.get(f"{_SERIES}/metadata")
@blueprint.get(f"{_INSTANCE}/metadata")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
def metadata(hospital: str, study: str, series: str | None = None, instance: str | None = None) -> Response:
    """Give all attributes of the instances, bulk data by its address (PS3.18 10.4.1.1.2)."""
    offer, _ = accept.choose(_METADATA)
    scope = dicomweb.hospital_scope(hospital)
    found = find_metadata(parts(), scope, dicomweb.address_of(study, series, instance))
    if dicomweb.is_current(found.tag):
        return dicomweb.not_modified(found.tag)
    response = Response(found.json())
    response.headers["Content-Type"] = offer.media_type
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(found.tag)
    return dicomweb.compressed(response)


@blueprint.get(f"{_INSTANCE}/frames/<numbers>")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
def frames(hospital: str, study: str, series: str, instance: str, numbers: str) -> Response:
    """Give frames, in the order that they are asked for: as cells, or compressed as they are stored."""
    scope = dicomweb.hospital_scope(hospital)
    wanted = _frame_numbers(numbers)
    (item,) = find_instances(
        parts(), scope, dicomweb.address_of(study, series, instance), Action.STUDY_FRAMES, described=True
    )
    stored = item.transfer_syntax_uid
    compressed = stored in _IMAGE_TYPES
    syntaxes = (_EXPLICIT, stored) if compressed else (_EXPLICIT,)
    offers = [Offer(_OCTETS, multipart=True, transfer_syntaxes=syntaxes)]
    if compressed:
        offers.append(Offer(_IMAGE_TYPES[stored], multipart=True, transfer_syntaxes=(stored,)))
    if len(wanted) == 1:
        offers.append(Offer(_OCTETS, transfer_syntaxes=syntaxes))
    offer, syntax = accept.choose(offers)
    data: Sequence[bytes] | None = None
    if offer.media_type != _OCTETS or syntax not in {None, _EXPLICIT}:
        data = retrieval.stored_frames(item, wanted)
    syntax = _EXPLICIT if data is None else stored
    if data is None:
        if offer.media_type != _OCTETS:
            raise NotAcceptable("The fragments of this instance do not part into frames.")
        data = retrieval.native_frames(parts(), item, wanted)
    content_type = _typed(offer.media_type, syntax)
    retrieval.record_given(parts(), scope, [item], Action.STUDY_FRAMES)
    if not offer.multipart:
        return Response(data[0], content_type=content_type)
    location = f"{scope.root}{item.row.address.path}/frames/"
    answer = [
        Part(content_type, f"{location}{number}", len(frame), [frame])
        for number, frame in zip(wanted, data, strict=True)
    ]
    return dicomweb.multipart(offer.media_type, answer, parameters=f"; transfer-syntax={syntax}")


def _frame_numbers(text: str) -> list[int]:
    """Read a list of frame numbers, which count from 1."""
    items = text.split(",")
    if len(items) > retrieval.MAX_FRAMES:
        raise BadRequest(f"At most {retrieval.MAX_FRAMES} frames at once.")
    if not all(item.isascii() and item.isdecimal() and len(item) < 10 and int(item) for item in items):
        raise BadRequest("Frames are numbers from 1 on, with a comma between them.")
    return [int(item) for item in items]


@blueprint.get(f"{_INSTANCE}/bulkdata/<path:path>")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
def bulk_data(hospital: str, study: str, series: str, instance: str, path: str) -> Response:
    """Give the value of one element, which metadata named by this address."""
    scope = dicomweb.hospital_scope(hospital)
    offer, _ = accept.choose((Offer(_OCTETS, multipart=True, transfer_syntaxes=(_EXPLICIT,)), Offer(_OCTETS)))
    (item,) = find_instances(
        parts(), scope, dicomweb.address_of(study, series, instance), Action.BULK_DOWNLOAD, described=True
    )
    value = retrieval.bulk_data(parts(), item, path)
    retrieval.record_given(parts(), scope, [item], Action.BULK_DOWNLOAD)
    if not offer.multipart:
        return dicomweb.single(_OCTETS, value.size, value.pieces, f"{item.row.digest.hex()[:32]}-{path}")
    location = f"{scope.root}{item.row.address.path}/bulkdata/{path}"
    return dicomweb.multipart(_OCTETS, [Part(_OCTETS, location, value.size, value.pieces(0, value.size))])
