"""The worklist: studies that reached nobody, with the reason, and the person's decision whose they are."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.access.load.study_states import study_by_uid
from app.access.load.worklist import waiting_studies
from app.access.principals import HospitalClient
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import Conflict, NotFound
from app.services import ingest_rows, keys, matching, service_requests, study_control
from app.services.hospitals import profile
from app.services.parts import Parts
from app.services.shapes import OrderReference, Output, PageQuery, Written


class ReceivedIdentity(Output):
    """Whose study it is by its own instances, as they said it."""

    patient_id: str
    issuer: str
    patient_name: str
    birth_date: str
    accession_number: str
    study_date: str
    study_description: str


class WaitingStudy(Output):
    """A study that waits for a person."""

    study_instance_uid: str
    reason: str
    received: ReceivedIdentity
    instances: int
    created_at: datetime
    age_seconds: int


class WorklistPage(Output):
    """Waiting studies, oldest first."""

    studies: list[WaitingStudy]
    next_cursor: UUID | None


def page(session: Session, parts: Parts, client: HospitalClient, query: PageQuery) -> WorklistPage:
    """Return a page of the worklist, and record that it was read."""
    now, hospital = parts.clock(), profile(session, client.hospital_id)
    rows = waiting_studies(session, hospital.id, hospital.policy["facts"], after=query.cursor, limit=query.limit + 1)
    shown = rows[: query.limit]
    fact = Fact(
        Event.WORKLIST_READ, client.actor, f"hospital:{hospital.id}", hospital.id,
        detail={"studies": [str(study.id) for study, _ in shown]},
    )  # fmt: skip
    record(session, parts.keys, fact, now=now)
    studies = [
        WaitingStudy(
            study_instance_uid=study.study_instance_uid,
            reason=study.unmatched_reason or (ingest_rows.DISAGREE if study.identity_conflict else "no-fact"),
            received=ReceivedIdentity(
                patient_id=study.dicom_patient_id,
                issuer=study.dicom_issuer,
                patient_name=study.dicom_patient_name,
                birth_date=study.dicom_birth_date,
                accession_number=study.accession_number,
                study_date=study.study_date,
                study_description=keys.open_text(session, parts, study.description_sealed),
            ),
            instances=count,
            created_at=study.created_at,
            age_seconds=int((now - study.created_at).total_seconds()),
        )
        for study, count in shown
    ]
    return WorklistPage(studies=studies, next_cursor=shown[-1][0].id if len(rows) > len(shown) else None)


def resolve(session: Session, parts: Parts, client: HospitalClient, uid: str, order: OrderReference) -> Written:
    """Bind a waiting study to an order because a person said so, whatever its instances say.

    Raises
    ------
    NotFound
        When this hospital has no such study.
    InvalidInput
        When the order is not registered.
    Conflict
        When the study is matched already.
    """
    now, hospital = parts.clock(), profile(session, client.hospital_id)
    study = study_by_uid(session, hospital.id, uid)
    if study is None:
        raise NotFound
    if study.service_request_id is not None:
        raise Conflict("The study is matched already; undo the match first.")
    request = service_requests.known_order(session, hospital, order)
    if study.kept_apart_from == request.patient_id and study.consequence:
        study.consequence += 1  # the patient's link was ended when the match was undone: a new one has to reach them
    study.kept_apart_from, study.identity_conflict = None, False
    if study.held_reason == ingest_rows.DISAGREE:
        study_control.lift(study)
    matching.assign(session, parts, study, request, by=client.actor, now=now)
    session.flush()
    matching.look_again(session, [study], now=now)
    return Written(id=study.id, outcome="changed")
