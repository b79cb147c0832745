"""Patients as a hospital registers them: the whole record at once, found by Patient ID and issuer."""

import re
from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from sqlalchemy.orm import Session

from app.access.load.patients import patient_by_identifier
from app.access.principals import HospitalClient
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import FieldError, InvalidInput, NotFound
from app.core.identifiers import new_id
from app.models.patients import Patient, PatientIdentifier
from app.services import contacts, facts, keys, matching
from app.services.hospitals import profile
from app.services.parts import Parts
from app.services.shapes import Input, LongText, Output, PatientReference, ShortText, Written, refuse

# A group of a person name: no "=", which divides the groups (PS3.5 6.2.1.1).
_Group = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f=]*$")]
_KEPT = ("birth_date", "sex", "language", "deceased", "protected", "opted_out", "after_my_doctor")


def _address(text: str) -> str:
    if not re.fullmatch(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+", text):
        raise refuse("This is no e-mail address.")
    return text


class Names(Input):
    """A person name in its component groups, components divided by `^` (PS3.5 6.2.1)."""

    alphabetic: _Group | None = None
    ideographic: _Group | None = None
    phonetic: _Group | None = None

    @model_validator(mode="after")
    def _one_is_shown(self) -> Self:
        if not self.shown:
            raise refuse("An alphabetic or an ideographic name is needed.")
        return self

    @property
    def shown(self) -> str:
        """Return the name as people read it.

        The ideographic group with its components joined, as names are written in Chinese; else the alphabetic one with
        blanks between components, in their order (family name first).
        """
        if self.ideographic and self.ideographic.strip("^ "):
            return "".join(self.ideographic.split("^"))
        return " ".join(part.strip() for part in (self.alphabetic or "").split("^") if part.strip())


class PatientRecord(Input):
    """Everything that a hospital knows of a patient and we need. What is left out is taken away."""

    identifier: PatientReference
    names: Names
    birth_date: date | None = None
    sex: Literal["M", "F", "O", "U"] = "U"
    phone: ShortText | None = None
    email: Annotated[LongText, Field(max_length=254), AfterValidator(_address)] | None = None
    id_number: ShortText | None = None
    language: Literal["zh", "en", "fr"] | None = None
    deceased: bool = False
    protected: bool = False
    opted_out: bool = False
    after_my_doctor: bool = False


class PatientQuery(Input):
    """Which patient."""

    identifier: ShortText
    issuer: ShortText | None = None


class PatientView(Output):
    """A patient as registered; phone number and address are masked, an ID number is never given back."""

    id: UUID
    identifier: str
    issuer: str
    names: dict[str, str]
    shown_name: str
    birth_date: date | None
    sex: str | None
    phone: str | None
    email: str | None
    has_id_number: bool
    language: str | None
    deceased: bool
    protected: bool
    opted_out: bool
    after_my_doctor: bool
    updated_at: datetime


def put(session: Session, parts: Parts, client: HospitalClient, given: PatientRecord) -> Written:
    """Register a patient, or make the registered one what was given; studies and messages that wait look again.

    Raises
    ------
    InvalidInput
        When the phone number cannot take messages, or the birth date is nobody's.
    """
    now, hospital = parts.clock(), profile(session, client.hospital_id)
    phone = contacts.parse_phone(given.phone, hospital.zone.key) if given.phone else None
    if given.birth_date and given.birth_date > now.astimezone(hospital.zone).date():
        raise InvalidInput([FieldError("/birth_date", "This day has not come yet.")])
    if given.birth_date and given.birth_date.year < facts.OLDEST_YEAR:
        raise InvalidInput([FieldError("/birth_date", "Nobody alive was born then; leave out what is not known.")])
    issuer = given.identifier.issuer or str(hospital.policy["default_issuer"])
    patient = patient_by_identifier(session, hospital.id, issuer, given.identifier.value)
    created = patient is None
    patient = patient or _create(session, hospital.id, issuer, given, now)
    changed = _set(session, parts, patient, given)
    changed += [kind for kind, value in (("phone", phone), ("email", given.email))
                if contacts.keep(session, parts, patient.id, hospital.id, kind, value)]  # fmt: skip
    if changed:
        patient.updated_at = now
    session.flush()
    outcome: Literal["created", "changed", "unchanged"] = (
        "created" if created else "changed" if changed else "unchanged"
    )
    fact = Fact(
        Event.PATIENT_WRITTEN, client.actor, f"patient:{patient.id}", hospital.id, patient.id, reason=outcome,
        detail={"changed": changed},
    )  # fmt: skip
    record(session, parts.keys, fact, now=now)
    matching.look_again_for_patient(session, patient.id, given.identifier.value, hospital.id, now=now)
    return Written(id=patient.id, outcome=outcome)


def get(session: Session, parts: Parts, client: HospitalClient, query: PatientQuery) -> PatientView:
    """Return a patient as registered, and record that it was read.

    Raises
    ------
    NotFound
        When this hospital registered no such patient.
    """
    hospital = profile(session, client.hospital_id)
    issuer = query.issuer or str(hospital.policy["default_issuer"])
    patient = patient_by_identifier(session, hospital.id, issuer, query.identifier)
    if patient is None:
        raise NotFound
    fact = Fact(Event.PATIENT_READ, client.actor, f"patient:{patient.id}", hospital.id, patient.id)
    record(session, parts.keys, fact, now=parts.clock())
    return PatientView(
        id=patient.id,
        identifier=query.identifier,
        issuer=issuer,
        names=patient.name_groups,
        shown_name=patient.name,
        phone=contacts.masked(session, parts, patient.id, "phone"),
        email=contacts.masked(session, parts, patient.id, "email"),
        has_id_number=patient.id_number_sealed is not None,
        updated_at=patient.updated_at,
        **{name: getattr(patient, name) for name in _KEPT},
    )


def _create(session: Session, hospital_id: UUID, issuer: str, given: PatientRecord, now: datetime) -> Patient:
    patient = Patient(id=new_id(), hospital_id=hospital_id, name=given.names.shown, created_at=now, updated_at=now)
    session.add(patient)
    session.flush()
    session.add(
        PatientIdentifier(
            hospital_id=hospital_id, patient_id=patient.id, issuer=issuer, value=given.identifier.value, created_at=now
        )
    )
    return patient


def _set(session: Session, parts: Parts, patient: Patient, given: PatientRecord) -> list[str]:
    """Set what differs; returns the names of the fields that did."""
    wanted = {name: getattr(given, name) for name in _KEPT}
    wanted |= {"name": given.names.shown, "name_groups": given.names.model_dump(exclude_none=True)}
    changed = [name for name, value in wanted.items() if getattr(patient, name) != value]
    for name in changed:
        setattr(patient, name, wanted[name])
    sealed = patient.id_number_sealed
    before = keys.open_field(session, parts, "id-number", sealed) if sealed else None
    if before != given.id_number:
        number = given.id_number
        patient.id_number_sealed = (
            keys.seal_field(session, parts, patient.hospital_id, "id-number", number) if number else None
        )
        changed.append("id_number")
    return changed
