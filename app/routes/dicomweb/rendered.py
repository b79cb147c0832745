"""Rendered resources and thumbnails (PS3.18 10.4.1.1.3, 10.4.1.1.4), with the query parameters of 8.3.5."""

import hashlib
import re
from collections.abc import Sequence

from flask import Blueprint, Response, request

from app.access.actions import Action
from app.core.errors import BadRequest
from app.dicom.render import VoiFunction, Window
from app.dicom.rendition import Rendition, Viewport
from app.services.renditions import PRESENTATION_STATE, pictures, presented, rendered, series_thumbnail
from app.services.retrieval import find_instances, record_given
from app.web import accept, dicomweb
from app.web.accept import Offer
from app.web.authentication import Who, parts, requires
from app.web.dicomweb import Part

blueprint = Blueprint("rendered", __name__)
_STUDY = "/h/<hospital>/dicom-web/studies/<study>"
_SERIES = f"{_STUDY}/series/<series>"
_INSTANCE = f"{_SERIES}/instances/<instance>"
_FRAMES = f"{_INSTANCE}/frames/<numbers>"
_JPEG, _PNG = "image/jpeg", "image/png"
_MANY = (Offer(_JPEG, multipart=True), Offer(_PNG, multipart=True))
_ONE = (Offer(_JPEG), Offer(_PNG))
_MOST_PIXELS = 8192
_MOST_FRAMES = 100
_THUMBNAIL = Viewport(width=160, height=160)
_NUMBER = re.compile(r"-?\d{1,7}(\.\d{1,6})?", re.ASCII)
_FUNCTIONS = {
    "linear": VoiFunction.LINEAR, "linear-exact": VoiFunction.LINEAR_EXACT, "sigmoid": VoiFunction.SIGMOID
}  # fmt: skip


@blueprint.get(f"{_STUDY}/rendered")
@blueprint.get(f"{_SERIES}/rendered")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
def several(hospital: str, study: str, series: str | None = None) -> Response:
    """Give every picture of a study or a series, a part each."""
    offer, _ = accept.choose(_MANY)
    asked = _asked(offer.media_type, None)
    scope = dicomweb.hospital_scope(hospital)
    found = pictures(parts(), scope, dicomweb.address_of(study, series), asked)
    answer = (Part(offer.media_type, location, len(picture), [picture]) for location, picture in found)
    return dicomweb.multipart(offer.media_type, answer)


@blueprint.get(f"{_INSTANCE}/rendered")
@blueprint.get(f"{_FRAMES}/rendered")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
def one(hospital: str, study: str, series: str, instance: str, numbers: str | None = None) -> Response:
    """Give one picture; of several frames that are named, a part each."""
    frames = _frames(numbers)
    offer, _ = accept.choose(_ONE if len(frames) == 1 else _MANY)
    asked = [_asked(offer.media_type, frame) for frame in frames]
    return _answer(hospital, (study, series, instance), asked, several=offer.multipart)


@blueprint.get(f"{_STUDY}/thumbnail")
@blueprint.get(f"{_SERIES}/thumbnail")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
def thumbnail(hospital: str, study: str, series: str | None = None) -> Response:
    """Give a small picture that stands for a study or a series."""
    accept.choose(_ONE[:1])
    scope, address = dicomweb.hospital_scope(hospital), dicomweb.address_of(study, series)
    made = series_thumbnail(parts(), scope, address) if "viewport" not in request.args else None
    if made is None:
        _, made = next(pictures(parts(), scope, address, _small(None)))
    return _picture(made, _JPEG)


@blueprint.get(f"{_INSTANCE}/thumbnail")
@blueprint.get(f"{_FRAMES}/thumbnail")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
def small(hospital: str, study: str, series: str, instance: str, numbers: str | None = None) -> Response:
    """Give a small picture of an instance or a frame."""
    accept.choose(_ONE[:1])
    frames = _frames(numbers)
    if len(frames) != 1:
        raise BadRequest("A thumbnail shows one frame.")
    return _answer(hospital, (study, series, instance), [_small(frames[0])], several=False)


def _answer(hospital: str, uids: tuple[str, str, str], asked: Sequence[Rendition], *, several: bool) -> Response:
    scope = dicomweb.hospital_scope(hospital)
    (item,) = find_instances(parts(), scope, dicomweb.address_of(*uids), Action.STUDY_RENDERED)
    if item.row.sop_class_uid == PRESENTATION_STATE:  # what it refers to, as it presents it
        item, shown = presented(parts(), scope, item, asked[0])
        asked = [shown]
    tag = hashlib.sha256(item.row.digest + repr(asked).encode()).hexdigest()[:32]
    if dicomweb.is_current(tag):
        return dicomweb.not_modified(tag)
    made = [rendered(parts(), item, rendition) for rendition in asked]
    record_given(parts(), scope, [item], Action.STUDY_RENDERED)
    if not several:
        return dicomweb.tagged(_picture(made[0], asked[0].media_type), tag)
    path = f"{scope.root}{item.row.address.path}/frames/"
    answer = [
        Part(one.media_type, f"{path}{one.frame}/rendered", len(picture), [picture])
        for one, picture in zip(asked, made, strict=True)
    ]
    return dicomweb.multipart(asked[0].media_type, answer)


def _picture(data: bytes, media_type: str) -> Response:
    response = Response(data, content_type=media_type)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _frames(numbers: str | None) -> list[int | None]:
    if numbers is None:
        return [None]
    items = numbers.split(",")
    if len(items) > _MOST_FRAMES:
        raise BadRequest(f"At most {_MOST_FRAMES} frames are rendered at once.")
    if not all(item.isascii() and item.isdecimal() and len(item) < 10 and int(item) for item in items):
        raise BadRequest("Frames are numbers from 1 on, with a comma between them.")
    return [int(item) for item in items]


def _asked(media_type: str, frame: int | None) -> Rendition:
    """Read the query parameters; what is not named here is ignored, and nothing about a patient is drawn in."""
    return Rendition(
        frame=frame, media_type=media_type, quality=_quality(), viewport=_viewport(), window=_window(),
        overlays=_flag("overlays"), icc=_icc(),
    )  # fmt: skip


def _small(frame: int | None) -> Rendition:
    return Rendition(frame=frame, viewport=_viewport() or _THUMBNAIL)


def _numbers(name: str, least: int, most: int) -> list[float]:
    texts = request.args[name].split(",")
    if not least <= len(texts) <= most or not all(_NUMBER.fullmatch(text) for text in texts if text):
        raise BadRequest(f"{name} takes {least} to {most} numbers, with a comma between them.")
    return [float(text) if text else float("nan") for text in texts]


def _quality() -> int | None:
    text = request.args.get("quality")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= 100):
        raise BadRequest("quality is a whole number from 1 to 100.")
    return int(text)


def _viewport() -> Viewport | None:
    """Read `vw,vh` or `vw,vh,sx,sy,sw,sh` (8.3.5.1.3); of the source region, what is left out is the image's own."""
    if "viewport" not in request.args:
        return None
    numbers = _numbers("viewport", 2, 6)
    if len(numbers) not in {2, 6} or not all(1 <= edge <= _MOST_PIXELS for edge in numbers[:2]):
        raise BadRequest(f"viewport takes width and height, 1 to {_MOST_PIXELS} pixels each, and perhaps a region.")
    width, height, *source = numbers
    return Viewport(width=int(width), height=int(height), source=_region(source))


def _region(source: list[float]) -> tuple[float, float, float, float] | None:
    if not source:
        return None
    x, y, width, height = source
    if any(number != number for number in source) or not width or not height:  # noqa: PLR0124  NaN is not itself
        raise BadRequest("A region of viewport takes x, y, width and height, and the last two are not 0.")
    return x, y, width, height


def _window() -> Window | None:
    """Read `center,width,function` (8.3.5.1.4)."""
    if "window" not in request.args:
        return None
    *numbers, function = request.args["window"].split(",")
    if len(numbers) != 2 or function.lower() not in _FUNCTIONS or not all(map(_NUMBER.fullmatch, numbers)):
        raise BadRequest("window takes center, width and one of linear, linear-exact and sigmoid.")
    center, width = map(float, numbers)
    if width < 1 and not (width > 0 and function.lower() != "linear"):
        raise BadRequest("The width of a window is at least 1 (PS3.3 C.11.2.1.2).")
    return Window(center, width, _FUNCTIONS[function.lower()])


def _flag(name: str) -> bool:
    text = request.args.get(name, "false").lower()
    if text not in {"true", "false"}:
        raise BadRequest(f"{name} is true or false.")
    return text == "true"


def _icc() -> str:
    text = request.args.get("iccprofile", "no").lower()
    if text not in {"no", "yes", "srgb"}:
        raise BadRequest("iccprofile is no, yes or srgb.")
    return text
