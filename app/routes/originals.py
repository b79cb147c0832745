"""What the patient gets as it was received: the PDF of a document, and clips."""

from flask import Blueprint, Response

from app.access.actions import Action
from app.core.errors import NotFound
from app.routes.studies import enter, html_page
from app.services import originals
from app.services.originals import Original
from app.web import pages
from app.web.authentication import Who, parts, requires
from app.web.dicomweb import single
from app.web.preferences import preferences, remember

blueprint = Blueprint("originals", __name__)
blueprint.after_request(remember)


@blueprint.get("/v/<public_id>/series/<int:position>/<int:place>.pdf")
@requires(Who.LINK_SESSION)
def document(public_id: str, position: int, place: int) -> Response:
    """Give the document that a picture is a page of."""
    link = enter(public_id, Action.REPORT_READ)
    if isinstance(link, Response):
        return link
    response = _answer(originals.document(parts(), link, position, place), "application/pdf")
    response.headers["Content-Disposition"] = 'inline; filename="document.pdf"'
    return response


@blueprint.get("/v/<public_id>/series/<int:position>/clips")
@requires(Who.LINK_SESSION)
def clips(public_id: str, position: int) -> Response:
    """Show the videos of a series, those that a browser plays."""
    link = enter(public_id, Action.STUDY_RENDERED)
    if isinstance(link, Response):
        return link
    found = originals.clips(parts(), link, position)
    lang, big = preferences()
    page = pages.ClipsPage(
        lang=lang, big=big, public_id=public_id, procedure=found.study.procedure, position=position,
        title=found.series.description, modality=found.series.modality,
        clips=tuple(clip is not None for clip in found.clips),
    )  # fmt: skip
    return html_page(pages.render_clips(page))


@blueprint.get("/v/<public_id>/series/<int:position>/<int:place>.mp4")
@requires(Who.LINK_SESSION)
def clip(public_id: str, position: int, place: int) -> Response:
    """Give a video, or the range of it that a player asks for."""
    link = enter(public_id, Action.STUDY_RENDERED)
    if isinstance(link, Response):
        raise NotFound
    found = originals.clips(parts(), link, position).clips[place - 1 : place] if place else ()
    if not found or found[0] is None:
        raise NotFound
    return _answer(found[0], "video/mp4")


def _answer(original: Original, content_type: str) -> Response:
    response = single(content_type, original.size, original.pieces, original.tag)
    response.headers["Cache-Control"] = "private, no-store"
    return response
