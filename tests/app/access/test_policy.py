"""The matrix: every principal, every action, every state; each cell says the decision and the reason."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.actions import DOWNLOAD, VIEW, Action
from app.access.policy import Decision, HospitalFacts, StudyFacts, decide
from app.access.principals import Anyone, HospitalClient, LinkSession
from app.access.release import OPEN, Release, Releases

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
OURS, THEIRS = UUID(int=1), UUID(int=2)
PATIENT, SOMEONE, STUDY, LINK = UUID(int=3), UUID(int=4), UUID(int=5), UUID(int=6)
CLOSED = Release(open=False, reason="report-not-final")

SESSION = LinkSession(
    hospital_id=OURS,
    capability_id=LINK,
    patient_id=PATIENT,
    session_digest=b"digest",
    assurance="A1",
    session_expires_at=NOW + SECOND,
    session_revoked=False,
    capability_expires_at=NOW + SECOND,
    capability_revoked=False,
)
OPEN_STUDY = StudyFacts(OURS, STUDY, PATIENT, held=False, releases=Releases(OPEN, OPEN), opened_by=frozenset({LINK}))
CLIENT = HospitalClient(OURS, UUID(int=9))

PRINCIPALS = {
    "nobody": Anyone(),
    "session": SESSION,
    "session that ended": replace(SESSION, session_revoked=True),
    "session run out": replace(SESSION, session_expires_at=NOW),
    "session of a revoked link": replace(SESSION, capability_revoked=True),
    "session of a link run out": replace(SESSION, capability_expires_at=NOW),
    "session of another link": replace(SESSION, capability_id=UUID(int=7)),
    "session at another hospital": replace(SESSION, hospital_id=THEIRS),
    "hospital": CLIENT,
    "other hospital": replace(CLIENT, hospital_id=THEIRS),
}
STUDIES = {
    "open": OPEN_STUDY,
    "held": replace(OPEN_STUDY, held=True),
    "match undone": replace(OPEN_STUDY, patient_id=None),
    "of another patient": replace(OPEN_STUDY, patient_id=SOMEONE),
    "images only": replace(OPEN_STUDY, releases=Releases(OPEN, CLOSED)),
    "report only": replace(OPEN_STUDY, releases=Releases(CLOSED, OPEN)),
    "closed": replace(OPEN_STUDY, releases=Releases(CLOSED, CLOSED)),
    "closed without a reason": replace(OPEN_STUDY, releases=Releases(Release(open=False), Release(open=False))),
}
MACHINE = {Action.INSTANCES_STORE, Action.HOSPITAL_WRITE, Action.HOSPITAL_READ}

# What ends a session's right whatever the study is, in the order in which policy asks.
ENDED = {
    "session that ended": "session-ended",
    "session run out": "session-ended",
    "session of a revoked link": "revoked",
    "session of a link run out": "expired",
    "session of another link": "not-in-capability",
    "session at another hospital": "not-in-capability",
}
# What closes a study to a session that lives.
SHUT = {"held": "held", "match undone": "match-undone", "of another patient": "match-undone"}
# The doors of a study: state -> (metadata, pictures, report).
DOORS = {
    "open": ("allowed", "allowed", "allowed"),
    "images only": ("allowed", "allowed", "report-not-final"),
    "report only": ("allowed", "report-not-final", "allowed"),
    "closed": ("not-released", "report-not-final", "report-not-final"),
    "closed without a reason": ("not-released", "not-released", "not-released"),
}
LOOKS = {Action.STUDY_METADATA: 0, Action.STUDY_RENDERED: 1, Action.STUDY_FRAMES: 1, Action.REPORT_READ: 2}
OF_OWN_STUDIES = {
    Action.STUDY_METADATA, Action.STUDY_RENDERED, Action.STUDY_FRAMES, Action.INSTANCE_DOWNLOAD, Action.BULK_DOWNLOAD,
    Action.ARCHIVE_DOWNLOAD,
}  # fmt: skip


def expected_reason(who: str, action: Action, study: str) -> str:
    if who == "nobody":
        return "not-for-this-principal"
    if who in {"hospital", "other hospital"}:
        if who == "other hospital":
            return "other-hospital"
        return "allowed" if action in OF_OWN_STUDIES else "unknown-action"
    if reason := ENDED.get(who) or SHUT.get(study):
        return reason
    return DOORS[study][LOOKS[action]] if action in LOOKS else "view-only"


@pytest.mark.parametrize(("who", "action", "study"), list(product(PRINCIPALS, Action, STUDIES)))
def test_study_matrix(who, action, study):
    reason = expected_reason(who, action, study)
    expected = Decision(allowed=reason == "allowed", reason=reason)
    assert decide(PRINCIPALS[who], action, STUDIES[study], now=NOW) == expected


@pytest.mark.parametrize(("who", "action"), list(product(PRINCIPALS, Action)))
def test_hospital_matrix(who, action):
    if who == "hospital":
        reason = "allowed" if action in MACHINE | OF_OWN_STUDIES else "unknown-action"
    else:
        reason = "other-hospital" if who == "other hospital" else "not-for-this-principal"
    expected = Decision(allowed=reason == "allowed", reason=reason)
    assert decide(PRINCIPALS[who], action, HospitalFacts(OURS), now=NOW) == expected


def test_view_and_download_are_different_rights():
    assert not VIEW & DOWNLOAD
    for action in DOWNLOAD:
        assert not decide(SESSION, action, OPEN_STUDY, now=NOW).allowed


@pytest.mark.parametrize("moment", ["session_expires_at", "capability_expires_at"])
def test_the_last_moment_is_already_closed(moment):
    at = replace(SESSION, **{moment: NOW})
    assert not decide(at, Action.STUDY_METADATA, OPEN_STUDY, now=NOW).allowed
    assert decide(at, Action.STUDY_METADATA, OPEN_STUDY, now=NOW - SECOND).allowed


@given(st.text())
def test_an_unknown_action_is_refused_to_everybody(action):
    if action in set(Action):
        return
    for principal in PRINCIPALS.values():
        assert not decide(principal, action, OPEN_STUDY, now=NOW).allowed
        assert not decide(principal, action, HospitalFacts(OURS), now=NOW).allowed


def test_an_unknown_principal_is_refused():
    assert decide(object(), Action.STUDY_METADATA, OPEN_STUDY, now=NOW) == Decision(
        allowed=False, reason="not-for-this-principal"
    )


def test_the_audit_names_a_principal_by_kind_and_id():
    assert CLIENT.actor == f"api-key:{CLIENT.api_key_id}"
    assert SESSION.actor == f"link:{LINK}"
