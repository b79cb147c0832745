"""What waits for a person: unmatched studies, quarantined objects, messages by their fate; and the API's document."""

from uuid import UUID

from flask import Blueprint, Response, current_app, jsonify
from sqlalchemy.orm import Session

from app.access.actions import Action
from app.core.identifiers import parse_uid
from app.services import messages, quarantine, worklist
from app.services.messages import MessagesPage, MessagesQuery
from app.services.quarantine import QuarantinePage, Settlement
from app.services.shapes import OrderReference, PageQuery, Written
from app.services.worklist import WorklistPage
from app.web import openapi
from app.web.authentication import Who, hospital_client, parts, requires
from app.web.operations import Operation, describes, reads, writes

blueprint = Blueprint("hospital_worklists", __name__, url_prefix="/api/v1")


@blueprint.get("/worklist")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
@reads("List studies that reached nobody", WorklistPage, query=PageQuery)
def get_worklist(session: Session, query: PageQuery) -> WorklistPage:
    return worklist.page(session, parts(), hospital_client(), query)


@blueprint.post("/worklist/<uid>/resolve")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_WRITE)
@writes("Say which order a study belongs to", OrderReference, {200: Written}, refusals=(404,))
def resolve_study(session: Session, body: OrderReference, uid: str) -> tuple[int, Written]:
    return 200, worklist.resolve(session, parts(), hospital_client(), parse_uid(uid), body)


@blueprint.get("/quarantine")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
@reads("List objects that were set aside", QuarantinePage, query=PageQuery)
def get_quarantine(session: Session, query: PageQuery) -> QuarantinePage:
    return quarantine.page(session, parts(), hospital_client(), query)


@blueprint.post("/quarantine/<uuid:quarantine_id>/resolve")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_WRITE)
@writes("Settle an object that was set aside", Settlement, {200: Written}, refusals=(404,))
def resolve_quarantine(session: Session, body: Settlement, quarantine_id: UUID) -> tuple[int, Written]:
    return 200, quarantine.resolve(session, parts(), hospital_client(), quarantine_id, body)


@blueprint.get("/messages")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
@reads("List messages and their fates", MessagesPage, query=MessagesQuery)
def get_messages(session: Session, query: MessagesQuery) -> MessagesPage:
    return messages.page(session, parts(), hospital_client(), query)


@blueprint.get("/openapi.json")
@requires(Who.ANYONE)
@describes(Operation("This document", {200: None}, frozenset({500})))
def get_openapi() -> Response:
    return jsonify(openapi.document(current_app))
