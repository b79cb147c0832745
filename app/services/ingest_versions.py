"""The versions of an instance: what came under its UID, which of them is shown, and what is flagged."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from app.core.identifiers import TransferSyntaxUid
from app.core.logs import get_logger
from app.dicom.instance import InstanceHeader, NeedMoreBytes, UnreadableInstance, parse_header
from app.models.imaging import Instance, InstanceVersion
from app.services.objects import ObjectReader, Placed, reader
from app.services.parts import Parts
from app.storage.encrypted import Tampered

_VERSIONS = select(InstanceVersion.sop_instance_uid, InstanceVersion.dataset_digest).where(
    InstanceVersion.study_id == bindparam("study"),
    InstanceVersion.sop_instance_uid.in_(bindparam("uids", expanding=True)),
)
_IS_KNOWN = select(InstanceVersion.study_id).where(
    InstanceVersion.study_id == bindparam("study"),
    InstanceVersion.sop_instance_uid == bindparam("uid"),
    InstanceVersion.dataset_digest == bindparam("digest"),
)
_INSERT_VERSION, _INSERT_INSTANCE = insert(InstanceVersion), insert(Instance)

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
    crc32: int
    placed: Placed


def is_known(session: Session, study_id: UUID, sop_instance_uid: str, digest: bytes) -> bool:
    """Tell whether a version is here already."""
    wanted = {"study": study_id, "uid": sop_instance_uid, "digest": digest}
    return session.connection().execute(_IS_KNOWN, wanted).first() is not None


def insert_versions(
    session: Session, sender: Sender, study_id: UUID, items: list[NewInstance], now: datetime
) -> tuple[list[NewInstance], set[str]]:
    """Insert versions; returns those that were not there, and the SOP Instance UIDs that were.

    The study's row is locked, so the look-up holds.
    """
    uids = [new.header.sop_instance_uid for new in items]
    there = session.connection().execute(_VERSIONS, {"study": study_id, "uids": uids})
    known = {(uid, digest) for uid, digest in there}
    fresh = [new for new in items if (new.header.sop_instance_uid, new.digest) not in known]
    rows = [
        {
            "study_id": study_id, "sop_instance_uid": new.header.sop_instance_uid, "dataset_digest": new.digest,
            "hospital_id": sender.hospital_id, "transfer_syntax_uid": new.header.transfer_syntax_uid,
            "object_id": new.placed.object_id, "source_id": sender.source_id, "crc32": new.crc32, "flagged": False,
            "received_at": now,
        }
        for new in fresh
    ]  # fmt: skip
    if rows:
        session.connection().execute(_INSERT_VERSION, rows)
    return fresh, {uid for uid, _ in known}


@dataclass(frozen=True, slots=True)
class Replaced:
    """Instances that came with other content than before: shown in place of it, or kept back by the source's policy."""

    newer: list[NewInstance]
    kept_back: list[NewInstance]


def insert_instances(
    session: Session,
    parts: Parts,
    sender: Sender,
    study_id: UUID,
    fresh: list[NewInstance],
    known: set[str],
    series: dict[tuple[UUID, str], UUID],
) -> Replaced:
    """Insert the instances of fresh versions; `known` are those that had a version before."""
    replaced = Replaced([], [])
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
            "series_id": series[study_id, new.header.series_instance_uid], "sop_class_uid": new.header.sop_class_uid,
            "number": new.header.instance_number, "current_digest": new.digest,
        }  # fmt: skip
    if rows:
        session.connection().execute(_INSERT_INSTANCE, list(rows.values()))
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
    replaced: Replaced,
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
