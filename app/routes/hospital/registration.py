"""What a hospital's systems register: patients, orders, reports. PUT makes the record what the body says."""

from flask import Blueprint
from sqlalchemy.orm import Session

from app.access.actions import Action
from app.services import patients, report_writing, service_requests
from app.services.patients import PatientQuery, PatientRecord, PatientView
from app.services.report_writing import ReportRecord
from app.services.service_requests import ServiceRequestRecord
from app.services.shapes import Written
from app.web.authentication import Who, hospital_client, parts, requires
from app.web.operations import reads, writes

blueprint = Blueprint("hospital_registration", __name__, url_prefix="/api/v1")
_PUT = {200: Written, 201: Written}


@blueprint.put("/patients")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_WRITE)
@writes("Register or change a patient", PatientRecord, _PUT)
def put_patient(session: Session, body: PatientRecord) -> tuple[int, Written]:
    written = patients.put(session, parts(), hospital_client(), body)
    return written.status, written


@blueprint.get("/patients")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_READ)
@reads("Read a patient as registered", PatientView, query=PatientQuery, refusals=(404,))
def get_patient(session: Session, query: PatientQuery) -> PatientView:
    return patients.get(session, parts(), hospital_client(), query)


@blueprint.put("/service-requests")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_WRITE)
@writes("Register or change an order", ServiceRequestRecord, _PUT)
def put_service_request(session: Session, body: ServiceRequestRecord) -> tuple[int, Written]:
    written = service_requests.put(session, parts(), hospital_client(), body)
    return written.status, written


@blueprint.put("/reports")
@requires(Who.HOSPITAL_CLIENT, Action.HOSPITAL_WRITE)
@writes("Send a version of a report", ReportRecord, _PUT, refusals=(503,))
def put_report(session: Session, body: ReportRecord) -> tuple[int, Written]:
    written = report_writing.put(session, parts(), hospital_client(), body)
    return written.status, written
