"""Callbacks of carriers: the signature first, then stored, then 204."""

from uuid import UUID

from flask import Blueprint, Response, request

from app.core.errors import Forbidden, NotFound
from app.services import receipts
from app.services.unit_of_work import Scope, reading, unit_of_work
from app.web.authentication import Who, parts, requires

blueprint = Blueprint("webhooks", __name__)


@blueprint.post("/webhooks/twilio/<uuid:attempt_id>")
@requires(Who.CARRIER)
def twilio(attempt_id: UUID) -> Response:
    """Take a status callback of Twilio; its signature covers the public address and every field."""
    verify = parts().verify_callback
    url = f"{parts().settings.public_url.rstrip('/')}{request.path}"
    if request.query_string:
        url += f"?{request.query_string.decode('latin-1')}"  # any bytes at all: whose they are is not known yet
    if verify is None or not verify(url, request.form, dict(request.headers)):
        raise Forbidden("The signature does not fit.")
    with reading(parts(), Scope(attempt=attempt_id)) as session:
        hospital_id = receipts.hospital_of_attempt(session, attempt_id)
    if hospital_id is None:
        raise NotFound
    with unit_of_work(parts(), Scope(hospital=hospital_id)) as session:
        receipts.accept(session, parts(), attempt_id, request.form)
    return Response(status=204)
