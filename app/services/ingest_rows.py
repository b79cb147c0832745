"""The rows that instances leave: study, series, instance, version, work owed, audit. One unit of work a group."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.identifiers import new_id
from app.dicom.instance import InstanceHeader
from app.dicom.person_name import name_keys
from app.models.imaging import Quarantine, Series, Study
from app.services import ingest_versions, keys, study_state
from app.services.ingest_versions import NewInstance, Sender
from app.services.objects import Placed, index_rows, insert_rows
from app.services.parts import Parts
from app.services.series_metadata import owe_metadata

QUARANTINE_OBJECTS, QUARANTINE_BYTES, SET_ASIDE_AT_ONCE = 1_000, 4 << 30, 100
"""What one hospital may have set aside and not settled; what comes then is refused all the same, and not kept."""
DISAGREE = "instances-disagree"
_WHOSE = ("dicom_patient_id", "dicom_issuer", "accession_number")
_IDENTITY = (
    *_WHOSE, "dicom_patient_name", "name_key", "ideographic_key", "dicom_birth_date", "dicom_sex", "study_date",
    "study_time", "dicom_study_id", "referring_physician_name",
)  # fmt: skip
# Statements of every instance are built once and run without the unit of work's object map: building and mapping cost
# more than all that is done to the bytes of a CT image.
_STUDY: Any = (
    select(
        Study.id, Study.hospital_id, Study.patient_id, Study.revision, Study.announced_revision,
        Study.expected_instances, Study.identity_conflict, Study.held_at, Study.dicom_patient_id, Study.dicom_issuer,
        Study.accession_number,
    )
    .where(Study.id == bindparam("study"))
    .with_for_update()
)  # fmt: skip
_SERIES = select(Series.series_instance_uid, Series.id).where(
    Series.study_id == bindparam("study"), Series.series_instance_uid.in_(bindparam("uids", expanding=True))
)
_CHANGED = (
    update(Series)
    .where(Series.id == bindparam("changed"))
    .values(changes=Series.changes + 1, instance_count=Series.instance_count + bindparam("more"))
)


def find_study(session: Session, hospital_id: UUID, uid: str) -> UUID | None:
    """Return the id of a study of this hospital."""
    return session.scalar(select(Study.id).where(Study.hospital_id == hospital_id, Study.study_instance_uid == uid))


def create_study(session: Session, parts: Parts, sender: Sender, header: InstanceHeader) -> tuple[UUID, bytes]:
    """Insert the study and its key, unless another sender was faster; returns its id and secret."""
    identity = _identity(sender, header) | _description(session, parts, sender, header)
    return _create_study(session, parts, sender.hospital_id, header.study_instance_uid, identity)


def expect_study(session: Session, parts: Parts, hospital_id: UUID, uid: str) -> UUID:
    """Insert a study of which no instance came yet; the first one gives it its identity. Returns its id."""
    blank: dict[str, object] = dict.fromkeys(_IDENTITY, "") | {"local_date": None}
    return _create_study(session, parts, hospital_id, uid, blank)[0]


def _create_study(
    session: Session, parts: Parts, hospital_id: UUID, uid: str, identity: dict[str, object]
) -> tuple[UUID, bytes]:
    now, study_id = parts.clock(), new_id()
    inserted = session.execute(
        _insert_for(session, Study)
        .values(
            id=study_id,
            hospital_id=hospital_id,
            study_instance_uid=uid,
            state=study_state.RECEIVING,
            revision=0,
            consequence=0,
            announced_revision=0,
            identity_conflict=False,
            announced_incomplete=False,
            last_arrival_at=now,
            created_at=now,
            **identity,
        )
        .on_conflict_do_nothing(index_elements=["hospital_id", "study_instance_uid"])
        .returning(Study.id)
    ).first()
    if inserted is not None:
        return study_id, keys.create_study_key(session, parts, hospital_id, study_id)
    found = find_study(session, hospital_id, uid)
    if found is None:
        raise LookupError("The study vanished while it was made.")
    return found, keys.study_key(session, parts, found)


def insert_instances(
    session: Session,
    parts: Parts,
    sender: Sender,
    group: list[NewInstance],
    *,
    series: dict[tuple[UUID, str], UUID],
    audit_for: set[UUID],
) -> None:
    """Insert the rows of one group, whatever of it another sender has inserted meanwhile.

    `series` is what the sender knows of the ids of series; it learns those that it did not.
    """
    now = parts.clock()
    by_study: dict[UUID, list[NewInstance]] = defaultdict(list)
    for new in group:
        by_study[new.study_id].append(new)
    for study_id in sorted(by_study):
        items = sorted(by_study[study_id], key=lambda new: new.header.sop_instance_uid)
        study: Row[Any] = session.connection().execute(_STUDY, {"study": study_id}).one()
        _learn_series(session, parts, sender, study_id, items, series, now)
        fresh, known = ingest_versions.insert_versions(session, sender, study_id, items, now)
        if not fresh:
            continue
        insert_rows(session, index_rows([n.placed for n in fresh], sender.hospital_id, study_id=study_id, now=now))
        replaced = ingest_versions.insert_instances(session, parts, sender, study_id, fresh, known, series)
        if _note_identity(session, parts, study, sender, fresh) and study.patient_id is not None:
            _hold(session, parts, sender, study, now)
        _note_changes(
            session, parts, sender, study_id, [n for n in fresh if n not in replaced.kept_back], known, series
        )
        study_state.arrive(session, parts, study, other_content=bool(replaced.newer), now=now)
        if study_id in audit_for:
            record(session, parts.keys, _stored(sender, study), now=now)


def _note_changes(
    session: Session,
    parts: Parts,
    sender: Sender,
    study_id: UUID,
    shown: list[NewInstance],
    known: set[str],
    series: dict[tuple[UUID, str], UUID],
) -> None:
    """Count what is new in each series, and owe its metadata. `known` are instances that had a version before."""
    new: dict[UUID, set[str]] = defaultdict(set)
    for item in shown:
        header = item.header
        new[series[study_id, header.series_instance_uid]] |= {header.sop_instance_uid} - known
    if new:
        changes = [{"changed": series_id, "more": len(new[series_id])} for series_id in sorted(new)]
        session.connection().execute(_CHANGED, changes)
    for series_id in new:
        owe_metadata(session, parts, sender.hospital_id, series_id)


def room_in_quarantine(session: Session, hospital_id: UUID) -> int:
    """Tell how many objects a request or association may set aside: what nobody settles must not fill a disk."""
    held = select(func.count(), func.coalesce(func.sum(Quarantine.size), 0)).where(
        Quarantine.hospital_id == hospital_id, Quarantine.resolved_at.is_(None)
    )
    objects, size = session.execute(held).one()
    return 0 if size >= QUARANTINE_BYTES else max(0, min(SET_ASIDE_AT_ONCE, QUARANTINE_OBJECTS - objects))


def is_set_aside(session: Session, hospital_id: UUID, digest: bytes) -> bool:
    """Tell whether the same bytes lie in quarantine, and nobody settled them."""
    same = select(Quarantine.id).where(
        Quarantine.hospital_id == hospital_id, Quarantine.resolved_at.is_(None), Quarantine.digest == digest
    )
    return session.scalars(same.limit(1)).first() is not None


@dataclass(frozen=True, slots=True)
class SetAside:
    """What goes into quarantine: where it lies under which key, the SHA-256 of its bytes, and why."""

    placed: Placed
    hospital_key_id: UUID
    digest: bytes
    code: int
    reason: str


def insert_quarantine(session: Session, parts: Parts, sender: Sender, aside: SetAside) -> None:
    """Insert what was set aside, with the reason."""
    now, placed = parts.clock(), aside.placed
    insert_rows(session, index_rows([placed], sender.hospital_id, hospital_key_id=aside.hospital_key_id, now=now))
    quarantine_id = new_id()
    session.execute(
        insert(Quarantine).values(
            id=quarantine_id,
            hospital_id=sender.hospital_id,
            source_id=sender.source_id,
            door=sender.door,
            reason_code=aside.code,
            reason=aside.reason,
            digest=aside.digest,
            object_id=placed.object_id,
            size=placed.size,
            created_at=now,
        )
    )
    why = f"{aside.code:04X}"
    fact = Fact(Event.INSTANCES_REFUSED, sender.actor, f"quarantine:{quarantine_id}", sender.hospital_id, reason=why)
    record(session, parts.keys, fact, now=now)


def _insert_for(session: Session, table: Any) -> Any:
    """Return the dialect's INSERT, which both know ON CONFLICT."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def _whose(sender: Sender, header: InstanceHeader) -> dict[str, object]:
    issuer = header.issuer_of_patient_id.strip() or sender.default_issuer
    return dict(zip(_WHOSE, (header.patient_id.strip(), issuer, header.accession_number.strip()), strict=True))


def _identity(sender: Sender, header: InstanceHeader) -> dict[str, object]:
    return _whose(sender, header) | {
        "dicom_patient_name": header.patient_name,
        "dicom_birth_date": header.patient_birth_date,
        "dicom_sex": header.patient_sex,
        "dicom_study_id": header.study_id,
        "referring_physician_name": header.referring_physician_name,
        **dict(zip(("name_key", "ideographic_key"), name_keys(header.patient_name), strict=True)),
        "study_date": header.study_date,
        "study_time": header.study_time,
        "local_date": _date(header.study_date),
    }


def _description(session: Session, parts: Parts, sender: Sender, header: InstanceHeader) -> dict[str, object]:
    return {"description_sealed": keys.seal_text(session, parts, sender.hospital_id, header.study_description)}


def _date(text: str) -> date | None:
    """Return a DA value as a date (PS3.5 6.2: YYYYMMDD), or None when it is none."""
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _learn_series(
    session: Session,
    parts: Parts,
    sender: Sender,
    study_id: UUID,
    items: list[NewInstance],
    series: dict[tuple[UUID, str], UUID],
    now: datetime,
) -> None:
    """Find or insert the series of some instances that are not known by their ids yet."""
    headers: dict[str, InstanceHeader] = {
        new.header.series_instance_uid: new.header
        for new in items
        if (study_id, new.header.series_instance_uid) not in series
    }
    if not headers:
        return
    known = _known_series(session, study_id, headers)
    missing = [
        {
            "id": new_id(), "hospital_id": sender.hospital_id, "study_id": study_id, "series_instance_uid": uid,
            "modality": header.modality, "number": header.series_number,
            "description_sealed": keys.seal_text(session, parts, sender.hospital_id, header.series_description),
            "changes": 0, "instance_count": 0, "metadata_changes": -1, "preview_changes": -1, "picture_count": 0,
            "shown_count": 0, "created_at": now,
        }
        for uid, header in headers.items()
        if uid not in known
    ]  # fmt: skip
    if missing:
        session.execute(_insert_for(session, Series).on_conflict_do_nothing(), missing)
        known = _known_series(session, study_id, headers)
    series.update({(study_id, uid): series_id for uid, series_id in known.items()})


def _known_series(session: Session, study_id: UUID, headers: dict[str, InstanceHeader]) -> dict[str, UUID]:
    rows = session.connection().execute(_SERIES, {"study": study_id, "uids": list(headers)})
    return {uid: series_id for uid, series_id in rows}  # noqa: C416  a Row is no plain tuple


def _note_identity(session: Session, parts: Parts, study: Row[Any], sender: Sender, fresh: list[NewInstance]) -> bool:
    """Mark a study whose instances disagree about whose it is; returns whether one of these does.

    A study that was announced by the hospital's API before any instance came takes its identity from the first. An
    instance without an accession number, as made by some modalities beside the images, contradicts nobody.
    """
    changes: dict[str, object] = {}
    disagreed, known = False, {name: getattr(study, name) for name in _WHOSE}
    for new in fresh:
        whose = _whose(sender, new.header)
        if not study.revision and not (known["dicom_patient_id"] or known["accession_number"]):
            changes |= _identity(sender, new.header) | _description(session, parts, sender, new.header)
            known = whose
        names = _WHOSE if whose["accession_number"] else _WHOSE[:2]
        disagreed = disagreed or any(known[name] != whose[name] for name in names)
    if disagreed and not study.identity_conflict:
        changes["identity_conflict"] = True
    if changes:
        session.execute(update(Study).where(Study.id == study.id).values(changes))
    return disagreed


def _hold(session: Session, parts: Parts, sender: Sender, study: Row[Any], now: datetime) -> None:
    """Close a study that has reached its patient: what came now may be another's, until a person looked."""
    held = {"held_at": study.held_at or now, "held_reason": DISAGREE}
    session.execute(update(Study).where(Study.id == study.id).values(held))
    fact = Fact(
        Event.STUDY_HELD, sender.actor, f"study:{study.id}", sender.hospital_id, study.patient_id, reason=DISAGREE
    )
    record(session, parts.keys, fact, now=now)


def _stored(sender: Sender, study: Row[Any]) -> Fact:
    return Fact(
        Event.INSTANCES_STORED, sender.actor, f"study:{study.id}", sender.hospital_id, study.patient_id,
        detail={"door": sender.door},
    )  # fmt: skip
