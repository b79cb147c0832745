"""What a reader chose: language and large type, kept in two cookies that say nothing else."""

from flask import Response, request

from app.web.authentication import parts
from app.web.words import LANGUAGES, Lang, choose_language

FORM_REFUSED = {400, 413}
"""How a request ends whose form was too large or broke on the wire: it cannot be read afterwards either."""

_ONE_YEAR = 31536000


def preferences() -> tuple[Lang, bool]:
    """Return the language and whether large type was asked for."""
    return _language(_asked()), request.args.get("big", request.cookies.get("big")) == "1"


def remember(response: Response) -> Response:
    """Keep what the reader chose, as cookies.

    Every form carries the page's language; it is a choice where the browser alone would have got another.
    """
    if response.status_code in FORM_REFUSED:
        return response
    asked = _asked()
    if asked in LANGUAGES and asked != _language(None):
        _keep(response, "lang", asked)
    if "big" in request.args:
        _keep(response, "big", "1" if request.args["big"] == "1" else "0")
    return response


def _asked() -> str | None:
    return request.form.get("lang") or request.args.get("lang")


def _language(asked: str | None) -> Lang:
    return choose_language(asked, request.cookies.get("lang"), request.headers.get("Accept-Language"))


def _keep(response: Response, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=_ONE_YEAR, samesite="Lax", secure=parts().settings.https)
