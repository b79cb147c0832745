"""Rows behind a link: capability, token, session, and the facts policy needs, in few statements."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session as DbSession

from app.access.principals import LinkSession
from app.models.links import AccessToken, Capability, CapabilityStudy, Session


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """A link's capability and the study it opens."""

    capability_id: UUID
    hospital_id: UUID
    public_id: str
    patient_id: UUID
    study_id: UUID
    expires_at: datetime
    revoked_at: datetime | None
    revoked_reason: str | None
    tries_left: int
    tries_total: int
    channel: str


def hospital_of_token(session: DbSession, digest: bytes) -> UUID | None:
    """Return the hospital that minted a token; the digest is the key of the row."""
    return session.scalar(select(AccessToken.hospital_id).where(AccessToken.digest == digest))


def link_by_token(session: DbSession, digest: bytes) -> LinkFacts | None:
    """Return the link that a token carries."""
    statement = (
        select(Capability, CapabilityStudy.study_id, AccessToken.channel)
        .join(AccessToken, AccessToken.capability_id == Capability.id)
        .join(CapabilityStudy, CapabilityStudy.capability_id == Capability.id)
        .where(AccessToken.digest == digest)
    )
    row = session.execute(statement).first()
    if row is None:
        return None
    capability, study_id, channel = row
    return LinkFacts(
        capability.id, capability.hospital_id, capability.public_id, capability.patient_id, study_id,
        capability.expires_at, capability.revoked_at, capability.revoked_reason, capability.tries_left,
        capability.tries_total, channel,
    )  # fmt: skip


def hospital_of_session(session: DbSession, digest: bytes) -> UUID | None:
    """Return the hospital of a session; the digest is the key of the row."""
    return session.scalar(select(Session.hospital_id).where(Session.digest == digest))


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A session with its capability, as policy and pages need it."""

    principal: LinkSession
    public_id: str
    study_id: UUID
    revoked_reason: str | None


def open_link(session: DbSession, digest: bytes, public_id: str) -> OpenLink | None:
    """Return the session behind a cookie when it belongs to the link in the address."""
    statement = (
        select(Session, Capability, CapabilityStudy.study_id)
        .join(Capability, Capability.id == Session.capability_id)
        .join(CapabilityStudy, CapabilityStudy.capability_id == Capability.id)
        .where(Session.digest == digest, Capability.public_id == public_id)
    )
    row = session.execute(statement).first()
    if row is None:
        return None
    opened, capability, study_id = row
    principal = LinkSession(
        hospital_id=opened.hospital_id,
        capability_id=capability.id,
        patient_id=capability.patient_id,
        session_digest=opened.digest,
        assurance=opened.assurance,
        session_expires_at=opened.expires_at,
        session_revoked=opened.revoked_at is not None,
        capability_expires_at=capability.expires_at,
        capability_revoked=capability.revoked_at is not None,
    )
    return OpenLink(principal, capability.public_id, study_id, capability.revoked_reason)
