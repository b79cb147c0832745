"""Retrieve Capabilities (PS3.18 8.9): what this root answers, as WADL or JSON."""

from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from flask import Blueprint, Response, current_app, json

from app.access.actions import Action
from app.web import accept, dicomweb
from app.web.accept import Offer
from app.web.authentication import Who, requires

blueprint = Blueprint("capabilities", __name__)
_ROOT = "/h/<hospital>/dicom-web"
_WADL = "application/vnd.sun.wadl+xml"
_OFFERS = (Offer(_WADL), Offer("application/json"))
_METHODS = ("GET", "POST")


@blueprint.route(_ROOT, methods=["OPTIONS"], provide_automatic_options=False)
@blueprint.route(f"{_ROOT}/", methods=["OPTIONS"], provide_automatic_options=False)
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
def capabilities(hospital: str) -> Response:
    """Name every resource below the root with its methods; the list is that of the routes themselves."""
    offer, _ = accept.choose(_OFFERS)
    root = dicomweb.hospital_scope(hospital).root
    if offer.media_type == _WADL:
        response = Response(_wadl(root))
    else:
        found = [{"path": path, "methods": methods, "summary": summary} for path, methods, summary in _resources()]
        response = Response(json.dumps({"root": root, "resources": found}))
    response.headers["Content-Type"] = offer.media_type
    response.headers["Allow"] = "OPTIONS"
    return response


def _resources() -> Iterator[tuple[str, list[str], str]]:
    rules = sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule)
    for rule in rules:
        methods = [method for method in _METHODS if method in (rule.methods or ())]
        if rule.rule.startswith(f"{_ROOT}/") and methods:
            view = current_app.view_functions[rule.endpoint]
            path = rule.rule.removeprefix(_ROOT).replace("<path:", "<").replace("<", "{").replace(">", "}")
            yield path, methods, (view.__doc__ or "").partition("\n")[0]


def _wadl(root: str) -> str:
    resources = "".join(
        f"<resource path={quoteattr(path.lstrip('/'))}>"
        + "".join(f"<method name={quoteattr(name)}><doc>{summary}</doc></method>" for name in methods)
        + "</resource>"
        for path, methods, summary in _resources()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><application xmlns="http://wadl.dev.java.net/2009/02">'
        f"<resources base={quoteattr(root)}>{resources}</resources></application>"
    )
