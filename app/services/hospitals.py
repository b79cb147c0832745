"""Hospitals: what each decided, its keys for systems, its imaging sources, trial mode."""

import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.release import DEFAULT_RULE, rule_problem
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import Conflict, FieldError, InvalidInput, NotFound
from app.core.identifiers import digest_of, new_id
from app.models.hospitals import ApiKey, Hospital, TrialNumber
from app.notify.compose import ONE_PART, longest_chinese
from app.notify.quiet_hours import parse_quiet_hours
from app.services import keys
from app.services.parts import Parts

FACTS = ("birth_date", "id_last4", "visit_number")
REPLACE_POLICIES = ("keep-newest", "keep-first", "ask")
LANGUAGES = ("zh", "en", "fr")
_PLAIN = ("name", "message_name", "time_zone", "telephone", "telephone_hours", "language")
_POLICY = ("quiet_hours", "link_days", "tries", "fallback_hours", "replace_policy", "default_issuer")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHospital:
    """What `flask hospital add` asks for."""

    code: str
    name: str
    message_name: str
    time_zone: str
    telephone: str
    telephone_hours: str | None = None
    language: str = "zh"
    default_issuer: str
    quiet_hours: str = "21:00-08:00"
    facts: tuple[str, ...] = FACTS
    release: Mapping[str, Any] = field(default_factory=lambda: DEFAULT_RULE)
    link_days: int = 30
    tries: int = 5
    fallback_hours: int = 24
    replace_policy: str = "keep-newest"


@dataclass(frozen=True, slots=True)
class HospitalProfile:
    """A hospital as the rest of the system reads it."""

    id: UUID
    code: str
    name: str
    message_name: str
    zone: ZoneInfo
    telephone: str
    telephone_hours: str | None
    language: str
    live: bool
    policy: Mapping[str, Any]


def enrol(session: Session, parts: Parts, new: NewHospital, hospital_id: UUID) -> None:
    """Enrol a hospital in trial mode under a new id, which the caller's scope names.

    Raises
    ------
    InvalidInput
        A field is not usable; a message name that would make the Chinese SMS longer than one part says by how much.
    Conflict
        The code is taken.
    """
    _check(new, parts.settings.public_url)
    now = parts.clock()
    session.add(Hospital(id=hospital_id, code=new.code, created_at=now, **_columns(new)))
    session.flush()
    keys.create_hospital_key(session, parts, hospital_id)
    _record(session, parts, hospital_id, None, now)


def change(session: Session, parts: Parts, hospital_id: UUID, changes: Mapping[str, Any]) -> None:
    """Change what a hospital decided; `changes` holds fields of `NewHospital` other than the code.

    Raises
    ------
    InvalidInput
        As for `enrol`.
    """
    row = session.scalars(select(Hospital).where(Hospital.id == hospital_id)).one()
    new = replace(_decided(row), **changes)
    _check(new, parts.settings.public_url)
    for name, value in _columns(new).items():
        setattr(row, name, value)
    _record(session, parts, hospital_id, "changed", parts.clock())


def _columns(new: NewHospital) -> dict[str, Any]:
    policy = {name: getattr(new, name) for name in _POLICY} | {"release": dict(new.release), "facts": list(new.facts)}
    return {name: getattr(new, name) for name in _PLAIN} | {"policy": policy}


def _decided(row: Hospital) -> NewHospital:
    policy = {name: row.policy[name] for name in _POLICY}
    return NewHospital(
        code=row.code,
        facts=tuple(row.policy["facts"]),
        release=row.policy["release"],
        **{name: getattr(row, name) for name in _PLAIN},
        **policy,
    )


def _record(session: Session, parts: Parts, hospital_id: UUID, reason: str | None, now: datetime) -> None:
    fact = Fact(Event.HOSPITAL_WRITTEN, "operator", f"hospital:{hospital_id}", hospital_id, reason=reason)
    record(session, parts.keys, fact, now=now)


def profile(session: Session, hospital_id: UUID) -> HospitalProfile:
    """Return a hospital by its id."""
    return _profile(session.scalar(select(Hospital).where(Hospital.id == hospital_id)))


def profile_by_code(session: Session, code: str) -> HospitalProfile:
    """Return a hospital by its code."""
    return _profile(session.scalar(select(Hospital).where(Hospital.code == code)))


def profiles(session: Session) -> list[HospitalProfile]:
    """Return every hospital that the scope shows, by code."""
    return [_profile(row) for row in session.scalars(select(Hospital).order_by(Hospital.code))]


def _profile(row: Hospital | None) -> HospitalProfile:
    if row is None:
        raise NotFound("No such hospital.")
    return HospitalProfile(
        row.id, row.code, row.name, row.message_name, ZoneInfo(row.time_zone), row.telephone, row.telephone_hours,
        row.language, row.live_at is not None, row.policy,
    )  # fmt: skip


def mint_api_key(session: Session, parts: Parts, hospital_id: UUID, label: str) -> str:
    """Make a bearer key; the caller shows it once."""
    now, credential = parts.clock(), f"fpk_{secrets.token_urlsafe(32)}"
    row = ApiKey(
        id=new_id(), hospital_id=hospital_id, label=label, credential_digest=digest_of(credential), created_at=now
    )
    session.add(row)
    record(session, parts.keys, Fact(Event.API_KEY_WRITTEN, "operator", f"api-key:{row.id}", hospital_id), now=now)
    return credential


def add_trial_number(session: Session, parts: Parts, hospital_id: UUID, number: str) -> None:
    """List a number (E.164) that trial mode may write to."""
    _, index = keys.index_of(parts.keys, "phone", number)
    listed = select(TrialNumber.id).where(TrialNumber.hospital_id == hospital_id, TrialNumber.value_index == index)
    if session.scalar(listed) is None:
        session.add(TrialNumber(hospital_id=hospital_id, value_index=index, created_at=parts.clock()))


def may_write_to(session: Session, hospital: HospitalProfile, value_index: bytes) -> bool:
    """Tell whether trial mode, if on, allows this number."""
    if hospital.live:
        return True
    listed = select(TrialNumber.id).where(
        TrialNumber.hospital_id == hospital.id, TrialNumber.value_index == value_index
    )
    return session.scalar(listed) is not None


def go_live(session: Session, parts: Parts, hospital_id: UUID) -> None:
    """End trial mode."""
    now = parts.clock()
    row = session.scalars(select(Hospital).where(Hospital.id == hospital_id)).one()
    if row.live_at is not None:
        raise Conflict("The hospital is live already.")
    row.live_at = now
    _record(session, parts, hospital_id, "live", now)


def _check(new: NewHospital, public_url: str) -> None:
    errors = []
    if not new.code.replace("-", "").isalnum() or not new.code.isascii() or len(new.code) > 32:
        errors.append(FieldError("/code", "Letters, digits and hyphens, at most 32."))
    errors += [
        FieldError(f"/{name}", "Some text is needed, without line breaks and invisible characters.")
        for name in ("name", "message_name", "telephone")
        if not _is_plain(getattr(new, name))
    ]
    units = longest_chinese(new.message_name, public_url)
    if units > ONE_PART:
        errors.append(
            FieldError(
                "/message_name",
                f"The Chinese SMS would be {units} UTF-16 units long with host and token; one part holds {ONE_PART}. "
                f"Shorten the message name by {units - ONE_PART}.",
            )
        )
    try:
        ZoneInfo(new.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        errors.append(FieldError("/time_zone", "An IANA zone, such as Asia/Shanghai."))
    try:
        parse_quiet_hours(new.quiet_hours)
    except ValueError:
        errors.append(FieldError("/quiet_hours", "The form is 21:00-08:00, or none."))
    if not new.facts or set(new.facts) - set(FACTS):
        errors.append(FieldError("/facts", f"One or more of {', '.join(FACTS)}."))
    if problem := rule_problem(new.release):
        errors.append(FieldError("/release", problem))
    if new.language not in LANGUAGES:
        errors.append(FieldError("/language", f"One of {', '.join(LANGUAGES)}."))
    if new.replace_policy not in REPLACE_POLICIES:
        errors.append(FieldError("/replace_policy", f"One of {', '.join(REPLACE_POLICIES)}."))
    if errors:
        raise InvalidInput(errors)


def _is_plain(text: str) -> bool:
    """Tell whether there is something to read, and no character that breaks, hides or turns what stands around it."""
    return bool(text.strip()) and not any(unicodedata.category(character).startswith("C") for character in text)
