"""What a hospital says about a study: complete, held, released, not this patient's, to be told of again."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from sqlalchemy.orm import Session

from app.access.load.study_states import study_by_uid
from app.access.principals import HospitalClient
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import Conflict, NotFound, TooOften
from app.models.imaging import Study
from app.services import announcing, ingest_rows, matching, resending, study_state
from app.services.parts import Parts
from app.services.shapes import Input, Uid, Written, refuse

_DAY = 86_400


class Completeness(Input):
    """What belongs to a study: nothing said, a number, or the SOP Instance UIDs."""

    instances: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    manifest: Annotated[list[Uid], Field(min_length=1, max_length=100_000)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.instances is not None and self.manifest is not None:
            raise refuse("Give a number or a manifest, not both.")
        return self


class Hold(Input):
    """Why a study is held: a code, since free text could name a person."""

    reason: Literal["wrong-patient", "wrong-study", "quality", "under-review", "patient-request", "other"]


class UndoMatch(Input):
    """Why a match was wrong."""

    reason: Literal["wrong-patient", "wrong-order", "other"]


class Nothing(Input):
    """An act that needs no field."""


def complete(session: Session, parts: Parts, client: HospitalClient, uid: str, given: Completeness) -> Written:
    """Call a study complete, before or after its instances; it settles once what was promised is here."""
    now = parts.clock()
    study, created = ensure_study(session, parts, client.hospital_id, uid)
    manifest = given.manifest or []
    study_state.call_complete(session, study, expected=given.instances, manifest=manifest, now=now)
    detail = {"instances": given.instances, "manifest": len(manifest)}
    _record(session, parts, client, study, Event.STUDY_CALLED_COMPLETE, detail=detail)
    return Written(id=study.id, outcome="created" if created else "changed")


def hold(session: Session, parts: Parts, client: HospitalClient, uid: str, given: Hold) -> Written:
    """Close every door to a study at the next request: links, sessions and messages all ask for `held_at`."""
    study, created = ensure_study(session, parts, client.hospital_id, uid)
    study.held_at, study.held_reason = study.held_at or parts.clock(), given.reason
    _record(session, parts, client, study, Event.STUDY_HELD, reason=given.reason)
    return Written(id=study.id, outcome="created" if created else "changed")


def release(session: Session, parts: Parts, client: HospitalClient, uid: str) -> Written:
    """End a hold, and release what waits for the patient's doctor; messages that were held for either go on."""
    now = parts.clock()
    study, created = ensure_study(session, parts, client.hospital_id, uid)
    lift(study)
    study.doctor_released_at = study.doctor_released_at or now
    session.flush()
    announcing.wake(session, study, now=now)
    matching.look_again(session, [study], now=now)
    _record(session, parts, client, study, Event.STUDY_RELEASED)
    return Written(id=study.id, outcome="created" if created else "changed")


def lift(study: Study) -> None:
    """End a hold; instances of a matched study that disagreed are settled by it, since a person looked."""
    if study.patient_id is not None:
        study.identity_conflict = False
    study.held_at, study.held_reason = None, None


def undo_match(session: Session, parts: Parts, client: HospitalClient, uid: str, given: UndoMatch) -> Written:
    """Take a study away from the patient that it was matched to; it waits in the worklist for a person.

    Raises
    ------
    NotFound
        When this hospital has no such study.
    Conflict
        When the study is not matched.
    """
    study = _known(session, client.hospital_id, uid)
    if study.patient_id is None:
        raise Conflict("The study is not matched to anybody.")
    matching.undo(session, parts, study, by=client.actor, reason=given.reason, now=parts.clock())
    return Written(id=study.id, outcome="changed")


def send_again(session: Session, parts: Parts, client: HospitalClient, uid: str) -> Written:
    """Replace the study's link and send the new one to the number that is current now, also if its holder refused it.

    Raises
    ------
    NotFound
        When this hospital has no such study.
    Conflict
        When nothing was announced yet, or the patient has no phone number.
    TooOften
        When this day's messages about the study are used up.
    """
    study = _known(session, client.hospital_id, uid)
    if study.patient_id is not None:
        announcing.trust_number(session, study.patient_id)
        session.flush()
    if study.patient_id is not None and announcing.current_phone(session, study.patient_id) is None:
        raise Conflict("The patient has no phone number to write to.")
    if not resending.send_again(session, parts, study, by=client.actor):
        raise TooOften("The study was sent again three times within a day.", retry_after=_DAY)
    return Written(id=study.id, outcome="changed")


def _known(session: Session, hospital_id: UUID, uid: str) -> Study:
    study = study_by_uid(session, hospital_id, uid)
    if study is None:
        raise NotFound
    return study


def ensure_study(session: Session, parts: Parts, hospital_id: UUID, uid: str) -> tuple[Study, bool]:
    """Return a hospital's study, made now when nothing of it came yet, and whether it was made."""
    study = study_by_uid(session, hospital_id, uid)
    if study is not None:
        return study, False
    ingest_rows.expect_study(session, parts, hospital_id, uid)
    return _known(session, hospital_id, uid), True


def _record(
    session: Session, parts: Parts, client: HospitalClient, study: Study, event: Event, *,
    reason: str | None = None, detail: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    fact = Fact(
        event, client.actor, f"study:{study.id}", client.hospital_id, study.patient_id, reason=reason,
        detail=detail or {},
    )  # fmt: skip
    record(session, parts.keys, fact, now=parts.clock())
