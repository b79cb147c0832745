"""A study's state, and what a hospital says about a study. Saying it works before the first instance too."""

from flask import Blueprint
from sqlalchemy.orm import Session

from app.access.actions import Action
from app.core.identifiers import parse_uid
from app.services import study_control, study_progress
from app.services.shapes import Written
from app.services.study_control import Completeness, Hold, Nothing, UndoMatch
from app.services.study_progress import StudyProgress
from app.web.authentication import Who, hospital_client, parts, requires
from app.web.operations import reads, writes

blueprint = Blueprint("hospital_studies", __name__, url_prefix="/api/v1/studies/<uid>")
_OF_ANY = {200: Written, 201: Written}
_OF_KNOWN = {200: Written}


@blueprint.get("")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
@reads("Read a study's state", StudyProgress, refusals=(400, 404))
def get_study(session: Session, uid: str) -> StudyProgress:
    return study_progress.read(session, parts(), hospital_client(), parse_uid(uid))


@blueprint.post("/complete")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_WRITE)
@writes("Call a study complete", Completeness, _OF_ANY)
def complete_study(session: Session, body: Completeness, uid: str) -> tuple[int, Written]:
    written = study_control.complete(session, parts(), hospital_client(), parse_uid(uid), body)
    return written.status, written


@blueprint.post("/hold")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_WRITE)
@writes("Close every door to a study", Hold, _OF_ANY)
def hold_study(session: Session, body: Hold, uid: str) -> tuple[int, Written]:
    written = study_control.hold(session, parts(), hospital_client(), parse_uid(uid), body)
    return written.status, written


@blueprint.post("/release")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_WRITE)
@writes("End a hold; release what waits for the doctor", Nothing, _OF_ANY)
def release_study(session: Session, body: Nothing, uid: str) -> tuple[int, Written]:  # noqa: ARG001  the body is empty
    written = study_control.release(session, parts(), hospital_client(), parse_uid(uid))
    return written.status, written


@blueprint.post("/undo-match")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_WRITE)
@writes("Take a study away from a wrong patient", UndoMatch, _OF_KNOWN, refusals=(404,))
def undo_match(session: Session, body: UndoMatch, uid: str) -> tuple[int, Written]:
    return 200, study_control.undo_match(session, parts(), hospital_client(), parse_uid(uid), body)


@blueprint.post("/send-again")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_WRITE)
@writes("Replace the link and send it again", Nothing, _OF_KNOWN, refusals=(404,))
def send_again(session: Session, body: Nothing, uid: str) -> tuple[int, Written]:  # noqa: ARG001  the body is empty
    return 200, study_control.send_again(session, parts(), hospital_client(), parse_uid(uid))
