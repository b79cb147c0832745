"""The one place where it is decided who may do what. Pure, total, and no by default.

The decision is taken anew on each request from rows read in it, so a revocation, a hold or an undone match works at the
next request on every worker.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.access.actions import DOWNLOAD, VIEW, Action
from app.access.principals import HospitalClient, LinkSession, Principal
from app.access.release import Releases


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed or not, and the reason code that the audit keeps."""

    allowed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What a decision about a study depends on. `opened_by` holds the capabilities that name it."""

    hospital_id: UUID
    study_id: UUID
    patient_id: UUID | None
    held: bool
    releases: Releases
    opened_by: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class HospitalFacts:
    """The data of one hospital as a whole, its studies among it."""

    hospital_id: UUID


Resource = StudyFacts | HospitalFacts

_YES = Decision(allowed=True, reason="allowed")
_MACHINE = frozenset({Action.INSTANCES_STORE, Action.HOSPITAL_WRITE, Action.HOSPITAL_READ})
_OF_OWN_STUDIES = DOWNLOAD | (VIEW - {Action.REPORT_READ})


def decide(principal: Principal, action: Action, resource: Resource, *, now: datetime) -> Decision:
    """Decide whether `principal` may do `action` to `resource` at `now`."""
    if isinstance(principal, HospitalClient):
        return _hospital_client(principal, action, resource)
    if isinstance(principal, LinkSession) and isinstance(resource, StudyFacts):
        return _link_session(principal, action, resource, now)
    return _no("not-for-this-principal")


def _no(reason: str) -> Decision:
    return Decision(allowed=False, reason=reason)


def _hospital_client(client: HospitalClient, action: Action, resource: Resource) -> Decision:
    if resource.hospital_id != client.hospital_id:
        return _no("other-hospital")
    may = _MACHINE | _OF_OWN_STUDIES if isinstance(resource, HospitalFacts) else _OF_OWN_STUDIES
    return _YES if action in may else _no("unknown-action")


def _link_session(session: LinkSession, action: Action, study: StudyFacts, now: datetime) -> Decision:
    if session.session_revoked or session.session_expires_at <= now:
        return _no("session-ended")
    if session.capability_revoked:
        return _no("revoked")
    if session.capability_expires_at <= now:
        return _no("expired")
    if study.hospital_id != session.hospital_id or session.capability_id not in study.opened_by:
        return _no("not-in-capability")
    if study.patient_id != session.patient_id:
        return _no("match-undone")
    if study.held:
        return _no("held")
    if action not in VIEW:
        return _no("view-only")
    return _released(action, study.releases)


def _released(action: Action, releases: Releases) -> Decision:
    if action == Action.STUDY_METADATA:
        return _YES if releases.any_open else _no("not-released")
    door = releases.report if action == Action.REPORT_READ else releases.images
    return _YES if door.open else _no(door.reason or "not-released")
