"""The door of a link: a page that says nothing, a button, one fact, a session (decisions in ADR 0004)."""

from datetime import datetime
from ipaddress import ip_address, ip_network

from flask import Blueprint, Response, redirect, request

from app.core.errors import TooOften
from app.core.identifiers import Token, parse_token
from app.services import links, resending
from app.services.links import LinkState
from app.web import facts, pages, sessions
from app.web.authentication import Who, parts, requires
from app.web.preferences import preferences, remember

blueprint = Blueprint("links", __name__)
blueprint.after_request(remember)
_PARSERS = {"id_last4": facts.parse_id_last4, "visit_number": facts.parse_visit_number}


@blueprint.get("/s/<token>")
@requires(Who.ANYONE)
def landing(token: str) -> Response:
    """Show the same bytes for every token; look nothing up."""
    del token
    lang, big = preferences()
    return _page(pages.render_landing(pages.Landing(lang=lang, big=big)))


@blueprint.post("/s/<token>")
@requires(Who.ANYONE)
def press(token: str) -> Response:
    """Answer the button on the landing page: ask for the fact, or switch the link off."""
    state = _look(token)
    if state is None or state.why:
        return _dead(state, token)
    if request.form.get("act") == "not_mine":
        links.switch_off(parts(), state, Token(token))
        return _dead(_look(token), token)
    if _is_proven(state):
        return redirect(f"/v/{state.link.public_id}", 303)  # type: ignore[return-value]  # a Response at run time
    return _ask(state, token)


@blueprint.post("/s")
@requires(Who.ANYONE)
def check() -> Response:
    """Check a fact and open; a malformed one, and a change of question or language, spends no try."""
    token = request.form.get("token", "")
    state = _look(token)
    if state is None or state.why:
        return _dead(state, token)
    kind = request.form.get("kind", "")
    if request.form.get("act") != "check" or kind not in state.kinds:
        return _ask(state, token)
    typed = _typed(kind, state)
    if typed in {"incomplete", "impossible_date"}:
        return _ask(state, token, error=typed)
    opened = links.open_with_fact(parts(), state, kind, typed)
    if opened is None:
        after = _look(token)
        return _dead(after, token) if after is None or after.why else _ask(after, token, error="mismatch")
    response = redirect(f"/v/{opened.public_id}", 303)
    sessions.set_session(response, parts(), opened.secret)  # type: ignore[arg-type]  # flask's redirect is a Response
    return response  # type: ignore[return-value]  # the same


@blueprint.post("/s/resend")
@requires(Who.ANYONE)
def resend() -> Response:
    """Send a new link to the registered phone, for a link that expired or locked."""
    token = request.form.get("token", "")
    state = _look(token)
    if state is None or not resending.may_resend(state):
        return _dead(state, token)
    if not resending.resend(parts(), state):
        return _dead(_look(token), token, offer=False)
    lang, big = preferences()
    return _page(pages.render_resent(pages.ResentPage(lang=lang, big=big, hospital=_hospital(state))))


def _look(text: str) -> LinkState | None:
    token = parse_token(text)
    if token is None:
        return None
    state = links.look(parts(), token)
    if state is None:  # only guesses count for an address: thousands of patients share one with a stranger
        parts().limiter.check(f"address:{_network(request.remote_addr or '')}", 600)
    else:
        parts().limiter.check(f"link:{state.link.capability_id}", 60)
    return state


def _network(address: str) -> str:
    """Return whose guesses count together: an IPv4 address, or the 64 bits that one subscriber gets of IPv6."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return address
    return str(known.ipv4_mapped or ip_network((known, 64), strict=False))


def _is_proven(state: LinkState) -> bool:
    """Tell whether this browser proved the fact for this link already; the page then offers "this is not me"."""
    link = sessions.current_link(parts(), state.link.public_id)
    if link is None:
        return False
    principal = link.principal
    return not principal.session_revoked and principal.session_expires_at > parts().clock()


def _typed(kind: str, state: LinkState) -> str:
    form = request.form
    if kind == "birth_date":
        today = parts().clock().astimezone(state.hospital.zone).date()
        born = facts.parse_birth_date(form.get("y", ""), form.get("m", ""), form.get("d", ""), today=today)
        return born if isinstance(born, str) else born.isoformat()
    return _PARSERS[kind](form.get("fact", ""))


def _ask(state: LinkState, token: str, *, error: str = "none") -> Response:
    lang, big = preferences()
    form = request.form
    kind = form.get("kind", "")
    page = pages.FactPage(
        lang=lang,
        big=big,
        token=token,
        hospital=_hospital(state),
        masked_name=facts.mask_name(state.patient_name),
        kind=kind if kind in state.kinds else state.kinds[0],  # type: ignore[arg-type]  # one of the kinds
        kinds_available=state.kinds,  # type: ignore[arg-type]  # the kinds of services.hospitals.FACTS
        tries_left=state.link.tries_left,
        tries_total=state.link.tries_total,
        today=parts().clock().astimezone(state.hospital.zone).date(),
        input="list" if form.get("input") == "list" else "boxes",
        values=pages.FactValues(**{name: form.get(name, "")[:64] for name in ("y", "m", "d", "fact")}),
        error=error,  # type: ignore[arg-type]  # one of the page's errors
    )
    return _page(pages.render_fact(page), status=200 if error == "none" else 422)


def _dead(state: LinkState | None, token: str, *, offer: bool = True) -> Response:
    lang, big = preferences()
    if state is None:
        now = parts().clock()
        return _page(pages.render_dead(pages.DeadPage(lang=lang, big=big, why="unknown", now=now)), status=404)
    page = pages.DeadPage(
        lang=lang,
        big=big,
        why=state.why,  # type: ignore[arg-type]  # links._why_dead gives the reasons of the page
        now=_local(parts().clock(), state),
        hospital=_hospital(state),
        when=_local(state.when, state) if state.when else None,
        token=token,
        can_resend=offer and resending.may_resend(state),
    )
    return _page(pages.render_dead(page), status=410)


def _local(moment: datetime, state: LinkState) -> datetime:
    return moment.astimezone(state.hospital.zone)


def _hospital(state: LinkState) -> pages.Hospital:
    hospital = state.hospital
    return pages.Hospital(name=hospital.message_name, telephone=hospital.telephone, hours=hospital.telephone_hours)


def _page(html: str, *, status: int = 200) -> Response:
    return Response(html, status=status, content_type="text/html; charset=utf-8")


@blueprint.errorhandler(TooOften)
def _slow_down(error: TooOften) -> Response:
    lang, big = preferences()
    page = pages.DeadPage(lang=lang, big=big, why="too_often", now=parts().clock())
    response = _page(pages.render_dead(page), status=429)
    response.headers["Retry-After"] = str(error.retry_after)
    return response
