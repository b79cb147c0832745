"""Who may enter: every route declares it with `@requires(...)`, and the guard answers 403 to a route that does not."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from flask import Flask, current_app, g, request

from app.access.actions import Action
from app.access.policy import HospitalFacts, decide
from app.access.principals import HospitalClient
from app.core.errors import Forbidden, NotFound, Unauthenticated
from app.core.identifiers import digest_of
from app.services import api_keys
from app.services.parts import Parts

View = TypeVar("View", bound=Callable[..., Any])


class Who(StrEnum):
    """What a route asks for before it runs."""

    ANYONE = "anyone"
    HOSPITAL_CLIENT = "hospital-client"
    LINK_SESSION = "link-session"
    CARRIER = "carrier"


def requires(who: Who, action: Action | None = None) -> Callable[[View], View]:
    """Declare who may call a view. For a hospital's system, `action` is decided before the view runs."""

    def declare(view: View) -> View:
        view.__requires__ = (who, action)  # type: ignore[attr-defined]  # a mark on the function
        return view

    return declare


def declared(app: Flask, endpoint: str) -> tuple[Who, Action | None] | None:
    """Return what an endpoint declares, or None."""
    return getattr(app.view_functions.get(endpoint), "__requires__", None)


def register(app: Flask) -> None:
    """Install the guard."""
    app.before_request(_guard)
    requires(Who.ANYONE)(app.view_functions["static"])


def parts() -> Parts:
    """Return what the factory handed to this application."""
    handed: Parts = current_app.extensions["filmpass"]
    return handed


def hospital_client() -> HospitalClient:
    """Return the hospital's system that the guard let in."""
    client: HospitalClient = g.principal
    return client


def _guard() -> None:
    if request.endpoint is None:
        return
    _refuse_other_sites()
    declaration = declared(current_app, request.endpoint)
    if declaration is None:
        raise Forbidden
    who, action = declaration
    if who is Who.HOSPITAL_CLIENT:
        g.principal = _hospital_client(action)


def _refuse_other_sites() -> None:
    """Refuse a form that another site posts through this browser: it could end a session or put its own in place.

    A browser too old to send Sec-Fetch-Site still keeps our `SameSite=Lax` cookie to itself. `Origin` says nothing
    here: under our own no-referrer policy it is "null".
    """
    if request.method not in {"GET", "HEAD"} and request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        raise Forbidden("This page takes no input from another site.")


def _credential() -> str:
    """Return the key that was sent: as a bearer, or as the password of whichever user."""
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic" and request.authorization is not None:
        return request.authorization.password or ""
    return credential.strip() if scheme.lower() == "bearer" else ""


def _hospital_client(action: Action | None) -> HospitalClient:
    credential = _credential()
    if not credential:
        raise Unauthenticated("Send the hospital's key as: Authorization: Bearer fpk_..., or as password of Basic.")
    code = (request.view_args or {}).get("hospital")
    key = api_keys.living_key(parts(), digest_of(credential), (code or "").replace("\0", ""))  # no text has a NUL
    if key is None:
        raise Unauthenticated("The key is unknown or was ended.")
    client = key.client
    if code is None:  # a PACS or a viewer asks for thousands of frames a minute by DICOMweb
        parts().limiter.check(f"api:{client.api_key_id}", 6000)
    elif not key.is_of_named or "\0" in code:
        raise NotFound
    resource = HospitalFacts(client.hospital_id)
    if action is not None and not decide(client, action, resource, now=parts().clock()).allowed:
        raise NotFound
    return client
