"""Reports as a hospital sends them: every version is kept, none is rewritten."""

import base64
import binascii
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints, WithJsonSchema
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.load.studies import newest_report
from app.access.principals import HospitalClient
from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import Conflict
from app.core.identifiers import new_id
from app.models.patients import Report, ServiceRequest
from app.services import keys, matching, objects, service_requests
from app.services.hospitals import profile
from app.services.parts import Parts
from app.services.reports import ReportContent, open_content, seal_content
from app.services.shapes import LongText, OrderReference, ShortText, Uid, Written, refuse

PDF_LIMIT = 10 << 20
_PURPOSE = "report-pdf"
_Line = Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00-\x08\x0a-\x1f\x7f]*$")]


def _lines(value: object) -> object:
    return value.splitlines() if isinstance(value, str) else value


def _pdf(value: object) -> bytes:
    if not isinstance(value, str):
        raise refuse("A PDF is needed, in base64.")
    try:
        pdf = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise refuse("This is not base64 (RFC 4648 section 4).") from None
    if not pdf.startswith(b"%PDF-"):
        raise refuse("This is no PDF.")
    if len(pdf) > PDF_LIMIT:
        raise refuse(f"A PDF has at most {PDF_LIMIT} bytes.")
    return pdf


_TEXT = {"type": "string"}
Lines = Annotated[
    list[_Line],
    Field(max_length=1000),
    BeforeValidator(_lines),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "maxItems": 1000, "items": _TEXT}]}),
]


class ReportRecord(OrderReference):
    """One version of a report; the conclusion stands apart from the findings."""

    number: ShortText
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    status: Literal["preliminary", "final", "amended"]
    issued_at: AwareDatetime
    conclusion: Lines = Field(default_factory=list)
    findings: Lines = Field(default_factory=list)
    authors: Annotated[list[ShortText], Field(max_length=20)] = Field(default_factory=list)
    signer: ShortText | None = None
    change: LongText | None = None
    key_instances: Annotated[list[Uid], Field(max_length=100)] = Field(default_factory=list)
    pdf: (
        Annotated[
            bytes,
            BeforeValidator(_pdf),
            WithJsonSchema({"type": "string", "contentEncoding": "base64", "contentMediaType": "application/pdf"}),
        ]
        | None
    ) = None

    @property
    def content(self) -> ReportContent:
        """Return what is sealed as the report's text."""
        return ReportContent(
            conclusion=tuple(self.conclusion),
            findings=tuple(self.findings),
            authors=tuple(self.authors),
            signer=self.signer,
            change=self.change,
            key_instances=tuple(self.key_instances),
        )


def put(session: Session, parts: Parts, client: HospitalClient, given: ReportRecord) -> Written:
    """Keep a version of a report and let the studies of its order be looked at again.

    Raises
    ------
    InvalidInput
        When the order is not registered.
    Conflict
        When this version says something else, or the number belongs to another order.
    OutOfResources
        When the store cannot take the PDF.
    """
    hospital = profile(session, client.hospital_id)
    request = service_requests.known_order(session, hospital, given)
    versions = session.scalars(
        select(Report).where(Report.hospital_id == hospital.id, Report.number == given.number)
    ).all()
    if any(row.service_request_id != request.id for row in versions):
        raise Conflict("This report number belongs to another order.")
    same = next((row for row in versions if row.version == given.version), None)
    if same is not None:
        if not _says_the_same(session, parts, same, given):
            raise Conflict("This version of the report says something else; send a higher version.")
        return Written(id=same.id, outcome="unchanged")
    row = _insert(session, parts, request, given)
    fact = Fact(
        Event.REPORT_WRITTEN, client.actor, f"report:{row.id}", hospital.id, request.patient_id, reason=given.status,
        detail={"number": given.number, "version": given.version},
    )  # fmt: skip
    record(session, parts.keys, fact, now=parts.clock())
    if newest_report(session, request.id) is row:
        matching.report_changed(session, request, status=given.status, now=parts.clock())
    return Written(id=row.id, outcome="created")


def _insert(session: Session, parts: Parts, request: ServiceRequest, given: ReportRecord) -> Report:
    row = Report(
        id=new_id(), hospital_id=request.hospital_id, number=given.number, version=given.version, status=given.status,
        service_request_id=request.id,
        content_sealed=seal_content(session, parts, request.hospital_id, given.content),
        pdf_object_id=_put_pdf(session, parts, request.hospital_id, given.pdf) if given.pdf else None,
        issued_at=given.issued_at, created_at=parts.clock(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def _put_pdf(session: Session, parts: Parts, hospital_id: UUID, pdf: bytes) -> UUID:
    key_id, secret = keys.hospital_key(session, parts, hospital_id)
    placed = objects.put(parts, secret, _PURPOSE, [pdf])
    objects.insert_rows(session, objects.index_rows([placed], hospital_id, hospital_key_id=key_id, now=parts.clock()))
    return placed.object_id


def _says_the_same(session: Session, parts: Parts, row: Report, given: ReportRecord) -> bool:
    if (row.status, row.issued_at) != (given.status, given.issued_at):
        return False
    if open_content(session, parts, row.content_sealed) != given.content:
        return False
    if row.pdf_object_id is None or given.pdf is None:
        return row.pdf_object_id is None and given.pdf is None
    return objects.reader(session, parts, row.hospital_id, row.pdf_object_id).read() == given.pdf
