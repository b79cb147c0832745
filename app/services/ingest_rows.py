"""The rows that instances leave: study, series, instance, version, work owed, audit. One unit of work a group."""

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.identifiers import TransferSyntaxUid, new_id
from app.core.logs import get_logger
from app.dicom.instance import InstanceHeader, NeedMoreBytes, UnreadableInstance, parse_header
from app.models.imaging import Instance, InstanceVersion, Quarantine, Series, Study
from app.services import keys, study_state
from app.services.objects import ObjectReader, Placed, index_rows, insert_rows, reader
from app.services.parts import Parts
from app.storage.encrypted import Tampered

DISAGREE = "instances-disagree"
_IDENTITY = (
    "dicom_patient_id", "dicom_issuer", "dicom_patient_name", "dicom_birth_date", "accession_number", "study_date",
    "study_time",
)  # fmt: skip


_log = get_logger("ingest")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: the hospital, by which door, from which source, and what its unqualified Patient IDs mean."""

    hospital_id: UUID
    door: str
    actor: str
    default_issuer: str
    replace_policy: str = "keep-newest"
    source_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewInstance:
    """An instance whose bytes are durable and whose rows are not yet."""

    study_id: UUID
    header: InstanceHeader
    digest: bytes
    placed: Placed


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
    session: Session, parts: Parts, sender: Sender, group: list[NewInstance], *, audit_for: set[UUID]
) -> None:
    """Insert the rows of one group, whatever of it another sender has inserted meanwhile."""
    now = parts.clock()
    by_study: dict[UUID, list[NewInstance]] = defaultdict(list)
    for new in group:
        by_study[new.study_id].append(new)
    for study_id in sorted(by_study):
        items = sorted(by_study[study_id], key=lambda new: new.header.sop_instance_uid)
        study = session.scalars(select(Study).where(Study.id == study_id).with_for_update()).one()
        series = _series_ids(session, parts, sender, study_id, items, now)
        fresh = _insert_versions(session, sender, study_id, items, now)
        if not fresh:
            continue
        insert_rows(session, index_rows([n.placed for n in fresh], sender.hospital_id, study_id=study_id, now=now))
        replaced = _insert_instances(session, parts, sender, study_id, fresh, series)
        if _note_identity(session, parts, study, sender, fresh) and study.patient_id is not None:
            _hold(session, parts, sender, study, now)
        changed = {series[new.header.series_instance_uid] for new in fresh if new not in replaced.kept_back}
        session.execute(update(Series).where(Series.id.in_(changed)).values(changes=Series.changes + 1))
        study_state.arrive(session, parts, study, other_content=bool(replaced.newer), now=now)
        if study_id in audit_for:
            record(session, parts.keys, _stored(sender, study), now=now)


def insert_quarantine(
    session: Session, parts: Parts, sender: Sender, hospital_key_id: UUID, placed: Placed, code: int, reason: str
) -> None:
    """Insert what was set aside, with the reason."""
    now = parts.clock()
    insert_rows(session, index_rows([placed], sender.hospital_id, hospital_key_id=hospital_key_id, now=now))
    quarantine_id = new_id()
    session.execute(
        insert(Quarantine).values(
            id=quarantine_id,
            hospital_id=sender.hospital_id,
            source_id=sender.source_id,
            door=sender.door,
            reason_code=code,
            reason=reason,
            object_id=placed.object_id,
            size=placed.size,
            created_at=now,
        )
    )
    fact = Fact(
        Event.INSTANCES_REFUSED, sender.actor, f"quarantine:{quarantine_id}", sender.hospital_id, reason=f"{code:04X}"
    )
    record(session, parts.keys, fact, now=now)


def _insert_for(session: Session, table: Any) -> Any:
    """Return the dialect's INSERT, which both know ON CONFLICT."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def _identity(sender: Sender, header: InstanceHeader) -> dict[str, object]:
    return {
        "dicom_patient_id": header.patient_id.strip(),
        "dicom_issuer": header.issuer_of_patient_id.strip() or sender.default_issuer,
        "dicom_patient_name": header.patient_name,
        "dicom_birth_date": header.patient_birth_date,
        "accession_number": header.accession_number.strip(),
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


def _series_ids(
    session: Session, parts: Parts, sender: Sender, study_id: UUID, items: list[NewInstance], now: datetime
) -> dict[str, UUID]:
    headers = {new.header.series_instance_uid: new.header for new in items}
    known = _known_series(session, study_id, headers)
    missing = [
        {
            "id": new_id(), "hospital_id": sender.hospital_id, "study_id": study_id, "series_instance_uid": uid,
            "modality": header.modality, "number": header.series_number,
            "description_sealed": keys.seal_text(session, parts, sender.hospital_id, header.series_description),
            "changes": 0, "preview_changes": -1, "picture_count": 0,
            "shown_count": 0, "created_at": now,
        }
        for uid, header in headers.items()
        if uid not in known
    ]  # fmt: skip
    if missing:
        session.execute(_insert_for(session, Series).on_conflict_do_nothing(), missing)
        known = _known_series(session, study_id, headers)
    return known


def _known_series(session: Session, study_id: UUID, headers: dict[Any, InstanceHeader]) -> dict[str, UUID]:
    statement = select(Series.series_instance_uid, Series.id).where(
        Series.study_id == study_id, Series.series_instance_uid.in_(headers)
    )
    return {uid: series_id for uid, series_id in session.execute(statement)}  # noqa: C416  a Row is no plain tuple


def _insert_versions(
    session: Session, sender: Sender, study_id: UUID, items: list[NewInstance], now: datetime
) -> list[NewInstance]:
    """Insert versions; returns those that were not there. The study's row is locked, so the look-up holds."""
    identity = tuple_(InstanceVersion.sop_instance_uid, InstanceVersion.dataset_digest)
    wanted = [(new.header.sop_instance_uid, new.digest) for new in items]
    there = session.execute(
        select(InstanceVersion.sop_instance_uid, InstanceVersion.dataset_digest).where(
            InstanceVersion.study_id == study_id, identity.in_(wanted)
        )
    )
    known = {(uid, digest) for uid, digest in there}
    fresh = [new for new in items if (new.header.sop_instance_uid, new.digest) not in known]
    rows = [
        {
            "study_id": study_id, "sop_instance_uid": new.header.sop_instance_uid, "dataset_digest": new.digest,
            "hospital_id": sender.hospital_id, "transfer_syntax_uid": new.header.transfer_syntax_uid,
            "object_id": new.placed.object_id, "source_id": sender.source_id, "flagged": False, "received_at": now,
        }
        for new in fresh
    ]  # fmt: skip
    if rows:
        session.execute(insert(InstanceVersion), rows)
    return fresh


@dataclass(frozen=True, slots=True)
class _Replaced:
    """Instances that came with other content than before: shown in place of it, or kept back by the source's policy."""

    newer: list[NewInstance]
    kept_back: list[NewInstance]


def _insert_instances(
    session: Session, parts: Parts, sender: Sender, study_id: UUID, fresh: list[NewInstance], series: dict[str, UUID]
) -> _Replaced:
    uids = [new.header.sop_instance_uid for new in fresh]
    there = select(Instance.sop_instance_uid).where(Instance.study_id == study_id, Instance.sop_instance_uid.in_(uids))
    known = set(session.scalars(there))
    replaced = _Replaced([], [])
    rows: dict[str, dict[str, object]] = {}
    for new in fresh:
        uid = new.header.sop_instance_uid
        if uid in known or uid in rows:
            if _is_transcoded(session, parts, study_id, new):
                replaced.kept_back.append(new)
            else:
                _another_version(session, sender, study_id, new, replaced, rows.get(uid))
            continue
        rows[uid] = {
            "study_id": study_id, "sop_instance_uid": uid, "hospital_id": sender.hospital_id,
            "series_id": series[new.header.series_instance_uid], "sop_class_uid": new.header.sop_class_uid,
            "number": new.header.instance_number, "current_digest": new.digest,
        }  # fmt: skip
    if rows:
        session.execute(insert(Instance), list(rows.values()))
    return replaced


def _is_transcoded(session: Session, parts: Parts, study_id: UUID, new: NewInstance) -> bool:
    """Tell whether a version is what is here already in another transfer syntax, which corrects nothing.

    Pixel data is not decoded before a sender is answered, so equal indexed attributes in another transfer syntax are
    taken for equal content. The version is kept either way.
    """
    statement = select(InstanceVersion.object_id, InstanceVersion.hospital_id).where(
        InstanceVersion.study_id == study_id,
        InstanceVersion.sop_instance_uid == new.header.sop_instance_uid,
        InstanceVersion.transfer_syntax_uid != new.header.transfer_syntax_uid,
    )
    others = [reader(session, parts, row.hospital_id, row.object_id) for row in session.execute(statement)]
    return any(_header_of(other) == _comparable(new.header) for other in others)


def _header_of(stored: ObjectReader) -> InstanceHeader | None:
    """Read the header of a stored instance again, or None when it cannot be read: then nothing equals it."""
    head = b""
    try:
        for piece in stored.pieces():
            head += piece
            with suppress(NeedMoreBytes):
                return _comparable(parse_header(head, complete=len(head) == stored.size))
    except (OSError, EOFError, Tampered, UnreadableInstance) as error:
        _log.error("a stored instance cannot be read", object=str(stored.object_id), error=type(error).__name__)
    return None


def _comparable(header: InstanceHeader) -> InstanceHeader:
    return replace(header, transfer_syntax_uid=TransferSyntaxUid(""), dataset_offset=0)


def _another_version(
    session: Session,
    sender: Sender,
    study_id: UUID,
    new: NewInstance,
    replaced: _Replaced,
    pending: dict[str, object] | None,
) -> None:
    """Flag a version whose UID is already taken by other content, and let the source's policy say which is shown."""
    uid = new.header.sop_instance_uid
    session.execute(
        update(InstanceVersion)
        .where(
            InstanceVersion.study_id == study_id,
            InstanceVersion.sop_instance_uid == uid,
            InstanceVersion.dataset_digest == new.digest,
        )
        .values(flagged=True)
    )
    if sender.replace_policy != "keep-newest":
        replaced.kept_back.append(new)
        return
    replaced.newer.append(new)
    if pending is not None:
        pending["current_digest"] = new.digest
        return
    session.execute(
        update(Instance)
        .where(Instance.study_id == study_id, Instance.sop_instance_uid == uid)
        .values(current_digest=new.digest)
    )


def _note_identity(session: Session, parts: Parts, study: Study, sender: Sender, fresh: list[NewInstance]) -> bool:
    """Mark a study whose instances disagree about whose it is; returns whether one of these does.

    A study that was announced by the hospital's API before any instance came takes its identity from the first. An
    instance without an accession number, as made by some modalities beside the images, contradicts nobody.
    """
    disagreed = False
    for new in fresh:
        identity = _identity(sender, new.header)
        if not study.revision and not (study.dicom_patient_id or study.accession_number):
            for name, value in (identity | _description(session, parts, sender, new.header)).items():
                setattr(study, name, value)
        whose = ("dicom_patient_id", "dicom_issuer") + (("accession_number",) if identity["accession_number"] else ())
        disagreed = disagreed or any(getattr(study, name) != identity[name] for name in whose)
    study.identity_conflict = study.identity_conflict or disagreed
    return disagreed


def _hold(session: Session, parts: Parts, sender: Sender, study: Study, now: datetime) -> None:
    """Close a study that has reached its patient: what came now may be another's, until a person looked."""
    study.held_at, study.held_reason = study.held_at or now, DISAGREE
    fact = Fact(
        Event.STUDY_HELD, sender.actor, f"study:{study.id}", sender.hospital_id, study.patient_id, reason=DISAGREE
    )
    record(session, parts.keys, fact, now=now)


def _stored(sender: Sender, study: Study) -> Fact:
    return Fact(
        Event.INSTANCES_STORED, sender.actor, f"study:{study.id}", sender.hospital_id, study.patient_id,
        detail={"door": sender.door},
    )  # fmt: skip
