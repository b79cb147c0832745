"""Looks of a series beside its own: windows, and what presentation states say; made when first asked for, then kept."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.access.load.studies import SeriesFacts, preview_in_look
from app.dicom.describe import ROOT
from app.dicom.kinds import Kind
from app.dicom.preview_pack import PackIndex
from app.outbox import is_owed, owe
from app.services import previews
from app.services.metadata import series_index, texts_of
from app.services.objects import reader
from app.services.parts import Parts
from app.services.unit_of_work import Scope, reading, unit_of_work

_GRAYSCALE = "1.2.840.10008.5.1.4.1.1.11.1"
_MOST_STATES = 20
_LABEL_LENGTH = 40
Elements = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """A look that is offered: its name in addresses, the document's own word for it, or `""`."""

    name: str
    label: str

    @property
    def is_presentation(self) -> bool:
        """Whether it is that of a presentation state."""
        return self.name.startswith(previews.STATE)


def offered(
    session: Session, parts: Parts, hospital_id: UUID, series: Sequence[SeriesFacts], shown: SeriesFacts, own: PackIndex
) -> list[Look]:
    """Return the looks that one series of a study can be shown in beside its own."""
    windows = [Look(name, label) for name, label in own.presets]
    states: list[Look] = []
    for item in series:
        if Kind.PRESENTATION in item.kinds and item.metadata_object_id is not None:
            index = series_index(session, parts, hospital_id, item.metadata_object_id)
            elements = (json.loads(text.replace(ROOT, b"")) for _, text in texts_of(index))
            states += [look for one in elements for look in _state(one, shown.series_instance_uid)]
    return [*windows, *states[:_MOST_STATES]]


def _state(elements: Elements, series_instance_uid: str) -> Iterator[Look]:
    """Give the look of a presentation state that refers to a series (PS3.3 C.11.10, C.12.1.1.9.3)."""
    if _first(elements, "00080016") != _GRAYSCALE:
        return
    references = elements.get("00081115", {}).get("Value", [])
    if any(_first(item, "0020000E") == series_instance_uid for item in references):
        label = _first(elements, "00700081") or _first(elements, "00700080") or ""
        yield Look(f"{previews.STATE}{_first(elements, '00080018')}", str(label)[:_LABEL_LENGTH])


def _first(elements: Elements, tag: str) -> Any:
    return next(iter(elements.get(tag, {}).get("Value", [])), None)


def pack_index(session: Session, parts: Parts, hospital_id: UUID, series: SeriesFacts, look: str) -> PackIndex | None:
    """Return the index of a series' pictures in a look, or None before they are made."""
    object_id = preview_in_look(session, series.series_id, look)
    return None if object_id is None else previews.index_of_pack(reader(session, parts, hospital_id, object_id))


def ask_for(parts: Parts, hospital_id: UUID, series: SeriesFacts, look: str) -> None:
    """Let the pictures of a series be made in a look; asking again while they are owed changes nothing."""
    now, key = parts.clock(), f"{series.series_id}:{look}"
    with reading(parts, Scope(hospital=hospital_id)) as session:
        if is_owed(session, previews.RENDER_LOOK, key):
            return
    with unit_of_work(parts, Scope(hospital=hospital_id)) as session:
        owe(session, hospital_id, previews.RENDER_LOOK, key, due_at=now, now=now)
