"""The state of a study in plain fields: n of m, what is missing, what it waits for, the fate of each message."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.orm import Session

from app.access.load import study_states as load
from app.access.principals import HospitalClient
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import NotFound
from app.services import announcing, messages, study_state
from app.services.announcing import Gate
from app.services.messages import MessageView
from app.services.parts import Parts
from app.services.shapes import Output

_TAKEN = {"accepted", "delivered"}


class InstanceCounts(Output):
    """Instances here, promised, and lacking; `missing_uids` names up to 100 when there is a manifest."""

    received: int
    expected: int | None
    missing: int
    missing_uids: list[str]


class WaitsFor(Output):
    """What keeps the patient from being told, and when it opens if that is known."""

    reason: str
    opens_at: datetime | None


class IdentifierView(Output):
    """A Patient ID and its issuer."""

    value: str
    issuer: str


class OrderView(Output):
    """An accession number and its issuer."""

    accession_number: str
    issuer: str


class SeriesView(Output):
    """A series; `shown` of `pictures` can be seen, and `not_shown_reason` says why the others cannot."""

    series_instance_uid: str
    modality: str
    instances: int
    pictures: int
    shown: int
    not_shown_reason: str | None


class OtherVersion(Output):
    """A data set that came under a SOP Instance UID taken by other content; `shown` says whether it won."""

    sop_instance_uid: str
    received_at: datetime
    shown: bool


class StudyProgress(Output):
    """A study's state."""

    study_instance_uid: str
    state: Literal["receiving", "rendering", "ready"]
    revision: int
    complete_at: datetime | None
    told: bool
    waits_for: WaitsFor | None
    held: bool
    held_reason: str | None
    instances: InstanceCounts
    patient_identifiers: list[IdentifierView]
    order: OrderView | None
    series: list[SeriesView]
    other_versions: list[OtherVersion]
    messages: list[MessageView]


def read(session: Session, parts: Parts, client: HospitalClient, study_instance_uid: str) -> StudyProgress:
    """Return a study's state, and record that it was read.

    Raises
    ------
    NotFound
        When this hospital has no such study.
    """
    now = parts.clock()
    study = load.study_by_uid(session, client.hospital_id, study_instance_uid)
    if study is None:
        raise NotFound
    fact = Fact(Event.STUDY_READ, client.actor, f"study:{study.id}", client.hospital_id, study.patient_id)
    record(session, parts.keys, fact, now=now)
    gate = announcing.waits_for(session, study, now=now)
    series, sent = load.series_counts(session, study.id), messages.of_study(session, study.id)
    return StudyProgress.model_validate(
        {
            "study_instance_uid": study.study_instance_uid,
            "state": study.state,
            "revision": study.revision,
            "complete_at": study.complete_at,
            "told": study.announced_revision >= study.consequence > 0 and _went_out(sent),
            "waits_for": _waits_for(gate),
            "held": study.held_at is not None,
            "held_reason": study.held_reason,
            "instances": {
                "received": sum(item.instances for item in series),
                "expected": study.expected_instances,
                "missing": study_state.missing(session, study),
                "missing_uids": load.missing_uids(session, study.id),
            },
            "patient_identifiers": [
                {"value": value, "issuer": issuer}
                for value, issuer in (load.identifiers_of(session, study.patient_id) if study.patient_id else ())
            ],
            "order": _order(session, study.service_request_id),
            "series": [_series(item) for item in series],
            "other_versions": [
                {"sop_instance_uid": uid, "received_at": at, "shown": shown}
                for uid, at, shown in load.other_versions(session, study.id)
            ],
            "messages": sent,
        }
    )


def _went_out(sent: Sequence[MessageView]) -> bool:
    """Tell whether the carrier took the last announcement, or a repetition of it."""
    taken = False
    for message in sent:
        taken = message.state in _TAKEN or (taken and message.kind != "study")
    return taken


def _waits_for(gate: Gate | None) -> WaitsFor | None:
    """Return what is waited for; nothing once the patient was told, or is about to be."""
    return WaitsFor(reason=gate.reason, opens_at=gate.opens_at) if gate and gate.reason != "told" else None


def _order(session: Session, service_request_id: UUID | None) -> OrderView | None:
    if service_request_id is None:
        return None
    accession_number, issuer = load.order_of(session, service_request_id)
    return OrderView(accession_number=accession_number, issuer=issuer)


def _series(item: load.SeriesCounts) -> SeriesView:
    return SeriesView(
        series_instance_uid=item.series_instance_uid,
        modality=item.modality,
        instances=item.instances,
        pictures=item.picture_count,
        shown=item.shown_count,
        not_shown_reason=item.not_shown_reason,
    )
