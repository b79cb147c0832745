"""The carrier of a session in browsers: a cookie whose value is looked up by its digest, and nothing else."""

from flask import Response, request

from app.access.load.links import OpenLink, hospital_of_session, open_link
from app.core.identifiers import Digest, Token, digest_of, parse_token
from app.services.parts import Parts
from app.services.unit_of_work import Scope, reading


def cookie_name(parts: Parts) -> str:
    """Return the cookie's name: `__Host-` over TLS; without the prefix on the loopback, where browsers refuse it."""
    return "__Host-filmpass" if parts.settings.https else "filmpass"


def set_session(response: Response, parts: Parts, secret: Token) -> None:
    """Hand a session to the browser, until it closes."""
    response.set_cookie(
        cookie_name(parts), secret, secure=parts.settings.https, httponly=True, samesite="Lax", path="/"
    )


def clear_session(response: Response, parts: Parts) -> None:
    """Take the session's cookie away."""
    response.delete_cookie(cookie_name(parts), secure=parts.settings.https, httponly=True, samesite="Lax", path="/")


def session_digest(parts: Parts) -> Digest | None:
    """Return the digest of the cookie, if there is one of the right shape."""
    token = parse_token(request.cookies.get(cookie_name(parts), ""))
    return digest_of(token) if token else None


def current_link(parts: Parts, public_id: str) -> OpenLink | None:
    """Return the session that this browser holds for the link in the address, whether or not it still opens."""
    digest = session_digest(parts)
    if digest is None or "\0" in public_id:  # PostgreSQL does not even compare with a NUL
        return None
    with reading(parts, Scope(digest=digest)) as session:
        hospital_id = hospital_of_session(session, digest)
    if hospital_id is None:
        return None
    with reading(parts, Scope(hospital=hospital_id)) as session:
        return open_link(session, digest, public_id)
