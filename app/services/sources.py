"""Imaging sources: what may send by C-STORE, known by both AE titles, its network and, if bound, its certificate."""

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, bindparam, select
from sqlalchemy.orm import Session

from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import Conflict, FieldError, InvalidInput, NotFound
from app.core.identifiers import new_id
from app.models.hospitals import ImagingSource
from app.services.hospitals import REPLACE_POLICIES
from app.services.parts import Parts

_CERTIFICATE = select(ImagingSource.certificate_sha256).where(ImagingSource.id == bindparam("source"))
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class ReportTo(NamedTuple):
    """Where a source listens for reports of storage commitment."""

    host: str
    port: int
    tls: bool

    @classmethod
    def parse(cls, text: str) -> "ReportTo":
        """Read `host:port`, or `tls://host:port`; a ValueError when it is neither."""
        url = urlsplit(text if "://" in text else f"dicom://{text}")
        if url.scheme not in {"dicom", "tls"} or not url.hostname or not url.port or url.path or "@" in text:
            raise ValueError("not an address")
        return cls(url.hostname, url.port, url.scheme == "tls")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSource:
    """What `flask source add` asks for. AE titles as PS3.5 6.2 has them, the network in CIDR form.

    `report_to` is `host:port` or `tls://host:port`, `certificate` a SHA-256 fingerprint in hexadecimal; empty for none.
    """

    called_ae_title: str
    calling_ae_title: str
    network: str
    default_issuer: str
    replace_policy: str
    report_to: str = ""
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A source as the receiver and an operator read it."""

    id: UUID
    hospital_id: UUID
    called_ae_title: str
    calling_ae_title: str
    network: str
    default_issuer: str
    replace_policy: str
    report_to: str | None
    certificate_sha256: bytes | None

    def sends_from(self, address: str) -> bool:
        """Whether an address is in the source's network."""
        return ip_address(address) in ip_network(self.network)

    def shows(self, certificate_sha256: bytes | None) -> bool:
        """Whether a peer's certificate, None for a peer without, is the one that the source is bound to, if it is."""
        return self.certificate_sha256 in {None, certificate_sha256}


def add_source(session: Session, parts: Parts, hospital_id: UUID, new: NewSource) -> UUID:
    """Add a source to a hospital; returns its id.

    The caller's scope names the called AE title as well as the hospital, so that sources of other hospitals that would
    be mistaken for this one are seen.

    Raises
    ------
    InvalidInput
        A field is not usable.
    Conflict
        A source with the same AE titles sends from an overlapping network: who sends would be a guess.
    """
    _check(new)
    network = ip_network(new.network)
    for other in sources_called(session, new.called_ae_title):
        theirs = ip_network(other.network)
        same_kind = other.calling_ae_title == new.calling_ae_title and theirs.version == network.version
        if same_kind and theirs.overlaps(network):
            raise Conflict("A source with these AE titles sends from an overlapping network already.")
    row = ImagingSource(id=new_id(), hospital_id=hospital_id, created_at=parts.clock(), **_columns(new))
    session.add(row)
    session.flush()
    _record(session, parts, hospital_id, row.id, "added")
    return row.id


def remove_source(session: Session, parts: Parts, hospital_id: UUID, source_id: UUID) -> None:
    """Remove a source; from its next instance on it is refused.

    Raises
    ------
    NotFound
        When this hospital has no such source.
    """
    session.delete(_known(session, hospital_id, source_id))
    _record(session, parts, hospital_id, source_id, "removed")


def change_source(
    session: Session,
    parts: Parts,
    hospital_id: UUID,
    source_id: UUID,
    *,
    report_to: str | None,
    certificate: str | None,
) -> None:
    """Change where a source is told, and the certificate that it must show; None leaves either, "" takes it away.

    Raises
    ------
    InvalidInput
        A field is not usable.
    NotFound
        When this hospital has no such source.
    """
    row = _known(session, hospital_id, source_id)
    _refuse(_unusable_peer(report_to or "", certificate or ""))
    if report_to is not None:
        row.report_to = report_to or None
    if certificate is not None:
        row.certificate_sha256 = _fingerprint(certificate)
    _record(session, parts, hospital_id, source_id, "changed")


def source_by_id(session: Session, hospital_id: UUID, source_id: UUID) -> Source | None:
    """Return a source of a hospital, or None when it is there no longer."""
    condition = and_(ImagingSource.id == source_id, ImagingSource.hospital_id == hospital_id)
    return next(iter(_sources(session, condition)), None)


def sources_called(session: Session, called_ae_title: str) -> list[Source]:
    """Return every source that calls us by this title; the scope names the title."""
    return _sources(session, ImagingSource.called_ae_title == called_ae_title)


def sources_of(session: Session, hospital_id: UUID) -> list[Source]:
    """Return the sources of a hospital."""
    return _sources(session, ImagingSource.hospital_id == hospital_id)


def is_known(connection: Connection, source: Source) -> bool:
    """Tell whether a source is still there and bound as it was when it was let in; asked for each instance."""
    row = connection.execute(_CERTIFICATE, {"source": source.id}).first()
    return row is not None and row[0] == source.certificate_sha256


def _known(session: Session, hospital_id: UUID, source_id: UUID) -> ImagingSource:
    row = session.scalar(
        select(ImagingSource).where(ImagingSource.id == source_id, ImagingSource.hospital_id == hospital_id)
    )
    if row is None:
        raise NotFound("No source has this id; list them with: flask source list")
    return row


def _sources(session: Session, condition: ColumnElement[bool]) -> list[Source]:
    rows = session.scalars(select(ImagingSource).where(condition).order_by(ImagingSource.id))
    return [
        Source(
            row.id, row.hospital_id, row.called_ae_title, row.calling_ae_title, row.network, row.default_issuer,
            row.replace_policy, row.report_to, row.certificate_sha256,
        )
        for row in rows
    ]  # fmt: skip


def _columns(new: NewSource) -> dict[str, object]:
    return {
        "called_ae_title": new.called_ae_title,
        "calling_ae_title": new.calling_ae_title,
        "network": str(ip_network(new.network)),
        "default_issuer": new.default_issuer,
        "replace_policy": new.replace_policy,
        "report_to": new.report_to or None,
        "certificate_sha256": _fingerprint(new.certificate),
    }


def _record(session: Session, parts: Parts, hospital_id: UUID, source_id: UUID, reason: str) -> None:
    fact = Fact(Event.SOURCE_WRITTEN, "operator", f"source:{source_id}", hospital_id, reason=reason)
    record(session, parts.keys, fact, now=parts.clock())


def _check(new: NewSource) -> None:
    errors = [
        FieldError(f"/{name}", "1 to 16 ASCII characters without a backslash, not starting or ending in a space.")
        for name, title in (("called", new.called_ae_title), ("calling", new.calling_ae_title))
        if not _is_ae_title(title)
    ]
    try:
        ip_network(new.network)
    except ValueError:
        errors.append(FieldError("/network", "The form is 10.1.2.0/24 or 10.1.2.3, with no bits set beyond the mask."))
    if not new.default_issuer.strip():
        errors.append(FieldError("/issuer", "Say which issuer Patient IDs without one belong to."))
    if new.replace_policy not in REPLACE_POLICIES:
        errors.append(FieldError("/replace_policy", f"One of {', '.join(REPLACE_POLICIES)}."))
    _refuse(errors + _unusable_peer(new.report_to, new.certificate))


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise InvalidInput(errors)


def _unusable_peer(report_to: str, certificate: str) -> list[FieldError]:
    errors = []
    try:
        if report_to:
            ReportTo.parse(report_to)
    except ValueError:
        errors.append(FieldError("/report_to", "The form is host:port, or tls://host:port."))
    if certificate and not _FINGERPRINT.fullmatch(_plain(certificate)):
        errors.append(
            FieldError("/certificate", "The SHA-256 fingerprint: 64 hexadecimal digits, colons between or not.")
        )
    return errors


def _plain(fingerprint: str) -> str:
    return fingerprint.replace(":", "").lower()


def _fingerprint(certificate: str) -> bytes | None:
    return bytes.fromhex(_plain(certificate)) or None


def _is_ae_title(title: str) -> bool:
    printable = title.isascii() and title.isprintable() and "\\" not in title
    return printable and 1 <= len(title) <= 16 and title == title.strip()
