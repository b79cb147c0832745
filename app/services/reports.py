"""Reports: versions kept, text sealed under the hospital's key, the newest one read."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.load.studies import newest_report
from app.models.patients import Report
from app.services import keys
from app.services.parts import Parts

Status = Literal["preliminary", "final", "amended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """What a report says. Lines are as the hospital broke them; `key_instances` are SOP Instance UIDs."""

    conclusion: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    signer: str | None = None
    change: str | None = None
    key_instances: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadReport:
    """The newest version of a report, opened."""

    status: Status
    issued_at: datetime
    first_issued_at: datetime
    content: ReportContent
    pdf_object_id: UUID | None


def seal_content(session: Session, parts: Parts, hospital_id: UUID, content: ReportContent) -> bytes:
    """Seal a report's text."""
    return keys.seal_field(session, parts, hospital_id, "report", json.dumps(asdict(content), ensure_ascii=False))


def open_content(session: Session, parts: Parts, sealed: bytes) -> ReportContent:
    """Open what `seal_content` made."""
    return _content(json.loads(keys.open_field(session, parts, "report", sealed)))


def read(session: Session, parts: Parts, service_request_id: UUID) -> ReadReport | None:
    """Return the newest report of an order, or None."""
    row = newest_report(session, service_request_id)
    if row is None:
        return None
    content = open_content(session, parts, row.content_sealed)
    first = session.scalar(
        select(Report.issued_at)
        .where(Report.service_request_id == service_request_id)
        .order_by(Report.issued_at)
        .limit(1)
    )
    return ReadReport(cast("Status", row.status), row.issued_at, first or row.issued_at, content, row.pdf_object_id)


def _content(raw: dict[str, Any]) -> ReportContent:
    return ReportContent(
        conclusion=tuple(raw["conclusion"]),
        findings=tuple(raw["findings"]),
        authors=tuple(raw["authors"]),
        signer=raw["signer"],
        change=raw["change"],
        key_instances=tuple(raw["key_instances"]),
    )
