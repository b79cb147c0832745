"""Previews: one packed, encrypted object a series, made from what is current and replaced as a whole."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.access.load.search import not_rejected
from app.core.identifiers import SopInstanceUid
from app.dicom.preview_pack import (
    HEAD_BYTES,
    PackIndex,
    SeriesInstance,
    display_order,
    index_bytes,
    read_index,
    write_pack,
)
from app.dicom.render import NotRenderable
from app.models.imaging import Instance, InstanceVersion, Series, SeriesPreview, StoredObject
from app.outbox import Owed, close
from app.services import keys, study_state
from app.services.objects import ObjectReader, Placed, index_rows, insert_rows, put, reader
from app.services.parts import Parts
from app.services.unit_of_work import Scope, reading, unit_of_work

RENDER_LOOK = "previews.look"
STATE = "state-"
"""How the name of a presentation state's look begins; its SOP Instance UID follows."""
_LARGEST_STATE = 16 << 20  # bytes


@dataclass(frozen=True, slots=True)
class _Source:
    sop_instance_uid: SopInstanceUid
    number: int | None
    object: ObjectReader


def render_series(parts: Parts, owed: Owed) -> None:
    """Render a series, and make its study ready when it was the last one. Safe to run twice: the later result stays."""
    scope = Scope(hospital=owed.hospital_id, worker=True)
    with reading(parts, scope) as session:
        series = session.scalars(select(Series).where(Series.id == UUID(owed.key))).one()
        sources = _sources(session, parts, series)
        secret = keys.study_key(session, parts, series.study_id)
    ordered = _rendered(parts, sources)
    placed = put(parts, secret, "previews", write_pack(ordered))
    with unit_of_work(parts, scope) as session:
        _store(session, parts, series, ordered, placed)
        close(session, owed, now=parts.clock())


def render_look(parts: Parts, owed: Owed) -> None:
    """Render a series in another look than its own. Safe to run twice: the later result stays."""
    scope = Scope(hospital=owed.hospital_id, worker=True)
    series_id, _, look = owed.key.partition(":")
    with reading(parts, scope) as session:
        series = session.scalars(select(Series).where(Series.id == UUID(series_id))).one()
        sources = _sources(session, parts, series)
        secret = keys.study_key(session, parts, series.study_id)
        state = _state(session, parts, series, look)
    ordered = _rendered(parts, sources, None if state else look, state)
    placed = put(parts, secret, "previews", write_pack(ordered))
    with unit_of_work(parts, scope) as session:
        _keep(session, parts, series, look, placed)
        close(session, owed, now=parts.clock())


def _state(session: Session, parts: Parts, series: Series, look: str) -> bytes | None:
    """Return the file of the presentation state that a look names."""
    if not look.startswith(STATE):
        return None
    where = (Instance.study_id == series.study_id, Instance.sop_instance_uid == look.removeprefix(STATE))
    found = session.execute(_CURRENT.where(*where, not_rejected())).first()
    file = reader(session, parts, series.hospital_id, found.object_id) if found else None
    return file.read() if file and file.size <= _LARGEST_STATE else None


def _keep(session: Session, parts: Parts, series: Series, look: str, placed: Placed) -> None:
    study_state.take_turn(session, series.study_id)
    key = {"series_id": series.id, "look": look}
    known = session.get(SeriesPreview, key)
    if known is not None and known.changes > series.changes:  # made meanwhile, of more
        return
    now = parts.clock()
    insert_rows(session, index_rows([placed], series.hospital_id, study_id=series.study_id, now=now))
    if known is None:
        known = SeriesPreview(**key, hospital_id=series.hospital_id)
        session.add(known)
    else:
        session.execute(delete(StoredObject).where(StoredObject.id == known.object_id))
    known.object_id, known.changes = placed.object_id, series.changes


_CURRENT = select(Instance.sop_instance_uid, Instance.number, InstanceVersion.object_id).join(
    InstanceVersion,
    (InstanceVersion.study_id == Instance.study_id)
    & (InstanceVersion.sop_instance_uid == Instance.sop_instance_uid)
    & (InstanceVersion.dataset_digest == Instance.current_digest),
)


def _sources(session: Session, parts: Parts, series: Series) -> list[_Source]:
    of_series = (Instance.series_id == series.id, Instance.study_id == series.study_id)
    return [
        _Source(SopInstanceUid(uid), number, reader(session, parts, series.hospital_id, object_id))
        for uid, number, object_id in session.execute(_CURRENT.where(*of_series, not_rejected()))
    ]


def _rendered(
    parts: Parts, sources: list[_Source], preset: str | None = None, state: bytes | None = None
) -> list[SeriesInstance]:
    def render(source: _Source) -> SeriesInstance:
        return SeriesInstance(
            sop_instance_uid=source.sop_instance_uid,
            instance_number=source.number,
            rendered=parts.decoder.render(source.object.read(), preset, state),
        )

    with ThreadPoolExecutor(parts.settings.decode_workers) as pool:
        return display_order(list(pool.map(render, sources)))


def _store(session: Session, parts: Parts, series: Series, ordered: list[SeriesInstance], placed: Placed) -> None:
    now = parts.clock()
    frames = [frame for instance in ordered for frame in instance.rendered.frames]
    reasons = [frame.code.value for frame in frames if isinstance(frame, NotRenderable)]
    study_state.take_turn(session, series.study_id)
    taken = session.execute(
        update(Series)
        .where(Series.id == series.id, Series.preview_changes < series.changes)  # a slower, older run changes nothing
        .values(
            preview_object_id=placed.object_id,
            preview_changes=series.changes,
            picture_count=len(frames),
            shown_count=len(frames) - len(reasons),
            not_shown_reason=reasons[0] if len(reasons) == len(frames) and reasons else None,
        )
        .returning(Series.id)
    ).first()
    if taken is not None:
        insert_rows(session, index_rows([placed], series.hospital_id, study_id=series.study_id, now=now))
        # The pack that this one replaces is named by no row any more, and goes with the next sweep.
        session.execute(delete(StoredObject).where(StoredObject.id == series.preview_object_id))
    study_state.rendered(session, series.study_id, now=now)


def index_of_pack(pack: ObjectReader) -> PackIndex:
    """Read a pack's index, without its pictures."""
    length = index_bytes(pack.range(0, HEAD_BYTES))
    return read_index(pack.range(0, length))
