"""Pictures as a DICOMweb client asks for them: decided, recorded, rendered in the child that decodes.

A small picture is kept in memory for who asks again; it is looked up after the decision only.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from app.access.actions import Action
from app.access.load.instances import Address, series_at
from app.access.scope import StudyScope
from app.core.errors import NotFound
from app.core.identifiers import InvalidUid, parse_uid
from app.core.recent import Recent
from app.dicom.render import Code, NotRenderable
from app.dicom.rendition import Rendition
from app.services.metadata import elements_of
from app.services.objects import ObjectReader, reader
from app.services.parts import Parts
from app.services.previews import index_of_pack
from app.services.retrieval import StoredInstance, Undecodable, find_instances, frame_count, record_given
from app.services.scoping import permitted, record_read
from app.services.unit_of_work import Scope, reading

PRESENTATION_STATE = "1.2.840.10008.5.1.4.1.1.11.1"
_KEPT, _KEPT_BYTES = 2048, 64 << 10
_pictures: Recent[tuple[bytes, bytes, Rendition], bytes] = Recent(_KEPT)


class NoPicture(Undecodable):
    """The instance is no picture, or is one in a form that cannot be shown here."""

    code = "no-picture"
    status = 406
    title = "There is no picture to be had of this"


def rendered(parts: Parts, instance: StoredInstance, asked: Rendition) -> bytes:
    """Render one frame of an instance.

    Raises
    ------
    NotFound
        When it has no such frame.
    NoPicture, Undecodable
        With the decoder's reason.
    """
    key = (instance.row.study_id.bytes, instance.row.digest, asked)
    known = _pictures.get(key)
    if known is not None:
        return known
    try:
        picture = parts.decoder.rendition(instance.file.read(), asked)
    except NotRenderable as reason:
        raise _problem(reason) from None
    return _pictures.keep(key, picture) if len(picture) <= _KEPT_BYTES else picture


def presented(
    parts: Parts, scope: StudyScope, state: StoredInstance, asked: Rendition
) -> tuple[StoredInstance, Rendition]:
    """Return the first image that a presentation state refers to, and how it is shown under it.

    Raises
    ------
    NoPicture
        When none of the images that it refers to is here.
    """
    row = state.row
    with reading(parts, Scope(hospital=scope.hospital_id)) as session:
        known = row.metadata_object_id
        elements = elements_of(session, parts, scope.hospital_id, known, row.sop_instance_uid) if known else {}
    for address in referenced_images(elements, row.study_instance_uid):
        try:
            (image,) = find_instances(parts, scope, address, Action.STUDY_RENDERED)
        except NotFound:
            continue
        return image, replace(asked, presentation_state=state.file.read())
    raise NoPicture("The images that this presentation state refers to are not here.")


def referenced_images(elements: dict[str, Any], study: str) -> Iterator[Address]:
    """Yield the images of one study that a presentation state names (PS3.3 C.11.11)."""
    for series in elements.get("00081115", {}).get("Value", []):
        uid = next(iter(series.get("0020000E", {}).get("Value", [])), "")
        for image in series.get("00081140", {}).get("Value", []):
            instance = next(iter(image.get("00081155", {}).get("Value", [])), "")
            with suppress(InvalidUid):
                yield Address(study, parse_uid(uid), parse_uid(instance))


def _problem(reason: NotRenderable) -> Exception:
    if reason.code is Code.NO_SUCH_FRAME:
        return NotFound("There is no such frame.")
    if reason.code in {Code.NO_PIXEL_DATA, Code.UNSUPPORTED_TRANSFER_SYNTAX, Code.UNKNOWN_PHOTOMETRIC}:
        return NoPicture(reason.reason)
    return Undecodable(reason.reason)


def pictures(parts: Parts, scope: StudyScope, address: Address, asked: Rendition) -> Iterator[tuple[str, bytes]]:
    """Yield the pictures of a study, a series or an instance with their addresses, frame by frame.

    What cannot be shown is left out; the first one is made at once.

    Raises
    ------
    NotFound, NoPicture, Undecodable
        When there is not one.
    """
    found = find_instances(parts, scope, address, Action.STUDY_RENDERED, described=True)
    record_given(parts, scope, found, Action.STUDY_RENDERED)
    made = _pictures_of(parts, scope.root, found, asked)
    first = next(made)

    def all_of_them() -> Iterator[tuple[str, bytes]]:
        yield first
        yield from made

    return all_of_them()


def _pictures_of(parts: Parts, root: str, found: list[StoredInstance], asked: Rendition) -> Iterator[tuple[str, bytes]]:
    problem: Exception = NoPicture("None of these instances is a picture.")
    any_shown = False
    for instance in found:
        for number in range(1, frame_count(instance) + 1):
            try:
                picture = rendered(parts, instance, replace(asked, frame=number))
            except Undecodable as error:
                problem = error
                continue
            any_shown = True
            yield f"{root}{instance.row.address.path}/frames/{number}/rendered", picture
    if not any_shown:
        raise problem


def series_thumbnail(parts: Parts, scope: StudyScope, address: Address) -> bytes | None:
    """Return the small picture that was made when the series settled, of the first series that has one; or None."""
    with reading(parts, Scope(hospital=scope.hospital_id)) as session:
        series = series_at(session, scope, address)
        studies = {row.study_id for row in series}
        if not studies or not permitted(session, parts, scope, studies, Action.STUDY_RENDERED):
            raise NotFound
        packs = [
            reader(session, parts, scope.hospital_id, row.preview_object_id) for row in series if row.preview_object_id
        ]
    record_read(parts, scope, studies, Action.STUDY_RENDERED)
    return next(filter(None, map(_thumbnail, packs)), None)


def _thumbnail(pack: ObjectReader) -> bytes | None:
    place = index_of_pack(pack).thumbnail
    return pack.range(place.offset, place.length) if place else None
