"""How a patient is reached: one current phone number and one current address, sealed; a corrected one ends the old."""

from datetime import datetime
from importlib.resources import files
from uuid import UUID

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType, ValidationResult
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import FieldError, InvalidInput
from app.core.identifiers import new_id
from app.models.patients import ContactPoint
from app.services import announcing, keys
from app.services.parts import Parts

# A range that the numbering plan here does not know may be a new mobile one; what it knows to be no mobile is refused.
_REACHABLE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.UNKNOWN}


def parse_phone(text: str, time_zone: str) -> str:
    """Return a mobile number in E.164; without a country code it belongs to the country of the hospital's zone.

    Raises
    ------
    InvalidInput
        When it is no number, or the number of a fixed line or a service.
    """
    try:
        number = phonenumbers.parse(text, _country(time_zone))
    except phonenumbers.NumberParseException:
        raise InvalidInput([FieldError("/phone", "This is no telephone number.")]) from None
    fits = phonenumbers.is_possible_number_for_type_with_reason(number, PhoneNumberType.MOBILE)
    if fits != ValidationResult.IS_POSSIBLE:
        raise InvalidInput([FieldError("/phone", "A mobile number of this country has another length.")])
    if phonenumbers.number_type(number) not in _REACHABLE:
        raise InvalidInput([FieldError("/phone", "A mobile number is needed; this one takes no messages.")])
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def _country(time_zone: str) -> str:
    """Return the ISO 3166 code of a zone, by the table of the IANA database; China for zones without a country."""
    for line in files("tzdata").joinpath("zoneinfo", "zone.tab").read_text().splitlines():
        columns = line.split("\t")
        if len(columns) > 2 and columns[2] == time_zone:
            return columns[0]
    return "CN"


def keep(session: Session, parts: Parts, patient_id: UUID, hospital_id: UUID, kind: str, value: str | None) -> bool:
    """Make `value` the current contact of its kind, or leave none; returns whether that changed anything.

    What was announced to the old number and not sent yet is announced again to the new one.
    """
    now = parts.clock()
    current = _current(session, patient_id, kind)
    if value is None:
        return current is not None and _end(session, current, now)
    key_id, index = keys.index_of(parts.keys, kind, value)
    if current is not None and current.value_index == index:
        return False
    if current is not None:
        _end(session, current, now)
    known = session.scalar(
        select(ContactPoint).where(
            ContactPoint.patient_id == patient_id, ContactPoint.kind == kind, ContactPoint.value_index == index
        )
    )
    if known is not None:
        known.ended_at = None
        return True
    sealed = keys.seal_field(session, parts, hospital_id, "contact", value)
    session.add(
        ContactPoint(
            id=new_id(), hospital_id=hospital_id, patient_id=patient_id, kind=kind, value_sealed=sealed,
            value_index=index, index_key_id=key_id, created_at=now,
        )
    )  # fmt: skip
    return True


def masked(session: Session, parts: Parts, patient_id: UUID, kind: str) -> str | None:
    """Return the current contact with all but its ends hidden, enough for a person to recognise it."""
    current = _current(session, patient_id, kind)
    if current is None:
        return None
    value = keys.open_field(session, parts, "contact", current.value_sealed)
    if kind == "email":
        name, _, host = value.rpartition("@")
        return f"{name[:1]}***@{host}"
    return f"{value[:3]}***{value[-4:]}"


def _current(session: Session, patient_id: UUID, kind: str) -> ContactPoint | None:
    return session.scalar(
        select(ContactPoint).where(
            ContactPoint.patient_id == patient_id, ContactPoint.kind == kind, ContactPoint.ended_at.is_(None)
        )
    )


def _end(session: Session, contact: ContactPoint, now: datetime) -> bool:
    contact.ended_at = now
    announcing.take_back(session, contact.id, now=now)
    return True
