"""QIDO-RS: the Search transaction (PS3.18 10.6) on all six resources."""

from flask import Blueprint, Response, json, request

from app.access.actions import Action
from app.dicom.query import Level, parse_query
from app.services.search import search
from app.web import accept, dicomweb
from app.web.authentication import Who, parts, requires

blueprint = Blueprint("qido", __name__)
_ROOT = "/h/<hospital>/dicom-web"
_JSON = "application/dicom+json"
_OFFERS = (accept.Offer(_JSON), accept.Offer("application/json"))
_ADDRESS_ONLY = frozenset({"accept", "charset"})


@blueprint.get(f"{_ROOT}/studies")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
def studies(hospital: str) -> Response:
    """Search for studies."""
    return _search(hospital, Level.STUDY)


@blueprint.get(f"{_ROOT}/series")
@blueprint.get(f"{_ROOT}/studies/<study>/series")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
def series(hospital: str, study: str | None = None) -> Response:
    """Search for series, of one study or of all."""
    return _search(hospital, Level.SERIES, study)


@blueprint.get(f"{_ROOT}/instances")
@blueprint.get(f"{_ROOT}/studies/<study>/instances")
@blueprint.get(f"{_ROOT}/studies/<study>/series/<series>/instances")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
def instances(hospital: str, study: str | None = None, series: str | None = None) -> Response:
    """Search for instances, of one series, of one study or of all."""
    return _search(hospital, Level.INSTANCE, study, series)


def _search(hospital: str, level: Level, study: str | None = None, series: str | None = None) -> Response:
    offer, _ = accept.choose(_OFFERS)
    address = dicomweb.address_of(study, series) if study is not None else None
    given = [(name, value) for name, value in request.args.items(multi=True) if name not in _ADDRESS_ONLY]
    query = parse_query(given, level)
    scope = dicomweb.hospital_scope(hospital)
    found = search(
        parts(), scope, query, study=address.study if address else None, series=address.series if address else None
    )
    warnings = list(query.warnings)
    if found.remaining:
        more = "at least " if found.many else ""
        warnings.append(f"There are {more}{found.remaining} additional results that can be requested")
    response = Response(json.dumps(found.items, ensure_ascii=False, separators=(",", ":")))
    response.headers["Content-Type"] = offer.media_type
    return dicomweb.warned(dicomweb.compressed(response), warnings)
