"""The patient's study: page, viewer, the viewer's index, the report's PDF. Pictures go by `web/picture_lane`."""

from collections.abc import Container

from flask import Blueprint, Response, jsonify, request

from app.access.actions import Action
from app.access.load.links import OpenLink
from app.core.errors import NotFound
from app.dicom.preview_pack import PackFrame
from app.routes import study_page
from app.services import links, viewing
from app.services.viewing import Denied
from app.web import pages, sessions
from app.web.authentication import Who, parts, requires
from app.web.page_words import Look
from app.web.preferences import preferences, remember

blueprint = Blueprint("studies", __name__)
blueprint.after_request(remember)


@blueprint.get("/v/<public_id>")
@requires(Who.LINK_SESSION)
def study(public_id: str) -> Response:
    """Show the study page."""
    link = enter(public_id, Action.STUDY_METADATA)
    if isinstance(link, Response):
        return link
    lang, big = preferences()
    return html_page(pages.render_study(study_page.study_page(viewing.see(parts(), link), public_id, lang, big=big)))


@blueprint.get("/v/<public_id>/series/<int:position>")
@requires(Who.LINK_SESSION)
def viewer(public_id: str, position: int) -> Response:
    """Show one picture of a series, and the script that flicks through the rest."""
    link = enter(public_id, Action.STUDY_RENDERED)
    if isinstance(link, Response):
        return link
    found = viewing.series_pictures(parts(), link, position, request.args.get("w"))
    lang, big = preferences()
    frames = found.index.frames
    wanted = request.args.get("i", type=int) or (found.index.key or 0) + 1
    place = min(max(wanted, 1), len(frames))
    page = pages.ViewerPage(
        lang=lang,
        big=big,
        public_id=public_id,
        procedure=found.study.procedure,
        series=study_page.series_rows(found.series),
        position=position,
        k=place,
        picture=_picture(frames[place - 1], found.marked),
        is_document=frames[place - 1].sop_instance_uid in found.index.documents,
        looks=tuple(
            Look(name=look.name, label=look.label, is_presentation=look.is_presentation) for look in found.looks
        ),
        look=found.look,
        preparing=found.preparing,
    )
    return html_page(pages.render_viewer(page), status=202 if found.preparing else 200)


@blueprint.get("/v/<public_id>/series/<int:position>/index.json")
@requires(Who.LINK_SESSION)
def index(public_id: str, position: int) -> Response:
    """Give the viewer's script the pictures of a series: sizes, edges, reasons."""
    link = enter(public_id, Action.STUDY_RENDERED)
    if isinstance(link, Response):
        raise NotFound
    found = viewing.series_pictures(parts(), link, position, request.args.get("w"))
    if found.preparing:
        return Response(status=202, headers={"Retry-After": "1"})
    pictures = [
        {
            "w": p.w,
            "h": p.h,
            "edges": {"left": p.edges.left, "right": p.edges.right} if p.edges else None,
            "reason": p.reason,
            "marked": p.marked,
        }
        for p in (_picture(frame, found.marked) for frame in found.index.frames)
    ]
    key = found.index.key
    return jsonify(count=len(pictures), pictures=pictures, key=None if key is None else key + 1)


@blueprint.get("/v/<public_id>/series/<int:position>/text")
@requires(Who.LINK_SESSION)
def document(public_id: str, position: int) -> Response:
    """Show the structured reports of a series."""
    link = enter(public_id, Action.REPORT_READ)
    if isinstance(link, Response):
        return link
    found = viewing.series_documents(parts(), link, position)
    lang, big = preferences()
    page = pages.DocumentPage(
        lang=lang, big=big, public_id=public_id, procedure=found.study.procedure, title=found.title,
        documents=found.documents, places=found.places,
    )  # fmt: skip
    return html_page(pages.render_document(page))


@blueprint.get("/v/<public_id>/report.pdf")
@requires(Who.LINK_SESSION)
def report_pdf(public_id: str) -> Response:
    """Give the report as the hospital sent it."""
    link = enter(public_id, Action.REPORT_READ)
    if isinstance(link, Response):
        return link
    pdf = viewing.report_pdf(parts(), link)
    response = Response(pdf.pieces(), content_type="application/pdf")
    response.headers["Content-Length"] = str(pdf.size)
    response.headers["Content-Disposition"] = 'inline; filename="report.pdf"'
    return response


@blueprint.post("/v/<public_id>/leave")
@requires(Who.LINK_SESSION)
def leave(public_id: str) -> Response:
    """End the session in this browser."""
    link, digest = sessions.current_link(parts(), public_id), sessions.session_digest(parts())
    lang, big = preferences()
    response = html_page(pages.render_dead(pages.DeadPage(lang=lang, big=big, why="ended", now=parts().clock())))
    if link is not None and digest is not None:
        links.end_session(parts(), link.principal.hospital_id, digest)
        sessions.clear_session(response, parts())
    return response


def enter(public_id: str, action: Action) -> OpenLink | Response:
    """Return the session's link when it may do `action`, else the page that says why not."""
    lang, big = preferences()
    link = sessions.current_link(parts(), public_id)
    if link is None:
        return html_page(pages.render_reopen(pages.ReopenPage(lang=lang, big=big)), status=401)
    denied = viewing.enter(parts(), link, action)
    return link if denied is None else _denied(denied)


_WHY = {
    "expired": "expired", "replaced": "replaced", "switched_off": "switched_off", "held": "held", "ended": "ended",
    "revoked": "revoked", "match-undone": "revoked", "not-in-capability": "revoked",
}  # fmt: skip


def _denied(denied: Denied) -> Response:
    lang, big = preferences()
    if denied.reason == "session-ended":
        return html_page(pages.render_reopen(pages.ReopenPage(lang=lang, big=big)), status=401)
    now = parts().clock().astimezone(denied.hospital.zone)
    page = pages.DeadPage(
        lang=lang,
        big=big,
        why=_WHY.get(denied.reason, "not_ready"),  # type: ignore[arg-type]  # the values above
        now=now,
        hospital=study_page.hospital(denied.hospital),
    )
    return html_page(pages.render_dead(page), status=410)


def _picture(frame: PackFrame, marked: Container[str]) -> pages.Picture:
    edges = frame.edges
    known = pages.Edges(left=edges.left, right=edges.right) if edges and edges.left and edges.right else None
    size = frame.picture
    return pages.Picture(
        w=size.width if size else 0, h=size.height if size else 0, edges=known,
        reason=frame.reason.value if frame.reason else None, marked=frame.sop_instance_uid in marked,
    )  # fmt: skip


def html_page(html: str, *, status: int = 200) -> Response:
    """Answer with a page."""
    return Response(html, status=status, content_type="text/html; charset=utf-8")
