"""Who acts: the kinds of principals, each with the facts that policy needs."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Anyone:
    """A stranger, or someone who has not shown anything yet."""


@dataclass(frozen=True, slots=True)
class HospitalClient:
    """A hospital's system that came with its key."""

    hospital_id: UUID
    api_key_id: UUID

    @property
    def actor(self) -> str:
        """Name this principal in the audit."""
        return f"api-key:{self.api_key_id}"


@dataclass(frozen=True, slots=True)
class LinkSession:
    """Someone who opened a link with its token and one fact (assurance A1)."""

    hospital_id: UUID
    capability_id: UUID
    patient_id: UUID
    session_digest: bytes
    assurance: str
    session_expires_at: datetime
    session_revoked: bool
    capability_expires_at: datetime
    capability_revoked: bool

    @property
    def actor(self) -> str:
        """Name this principal in the audit."""
        return f"link:{self.capability_id}"


Principal = Anyone | HospitalClient | LinkSession
