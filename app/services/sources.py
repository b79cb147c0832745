"""Imaging sources: what may send by C-STORE, known by both AE titles and its network."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from uuid import UUID

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session

from app.audit.events import Event
from app.audit.record import Fact, record
from app.core.errors import Conflict, FieldError, InvalidInput, NotFound
from app.core.identifiers import new_id
from app.models.hospitals import ImagingSource
from app.services.hospitals import REPLACE_POLICIES
from app.services.parts import Parts

_IS_KNOWN = select(ImagingSource.id).where(ImagingSource.id == bindparam("source"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSource:
    """What `flask source add` asks for. AE titles as PS3.5 6.2 has them, the network in CIDR form."""

    called_ae_title: str
    calling_ae_title: str
    network: str
    default_issuer: str
    replace_policy: str


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

    def sends_from(self, address: str) -> bool:
        """Whether an address is in the source's network."""
        return ip_address(address) in ip_network(self.network)


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
    row = session.scalar(
        select(ImagingSource).where(ImagingSource.id == source_id, ImagingSource.hospital_id == hospital_id)
    )
    if row is None:
        raise NotFound("No source has this id; list them with: flask source list")
    session.delete(row)
    _record(session, parts, hospital_id, source_id, "removed")


def sources_called(session: Session, called_ae_title: str) -> list[Source]:
    """Return every source that calls us by this title; the scope names the title."""
    return _sources(session, ImagingSource.called_ae_title == called_ae_title)


def sources_of(session: Session, hospital_id: UUID) -> list[Source]:
    """Return the sources of a hospital."""
    return _sources(session, ImagingSource.hospital_id == hospital_id)


def is_known(connection: Connection, source_id: UUID) -> bool:
    """Tell whether a source is still there; asked for each instance."""
    return connection.execute(_IS_KNOWN, {"source": source_id}).first() is not None


def _sources(session: Session, condition: object) -> list[Source]:
    rows = session.scalars(select(ImagingSource).where(condition).order_by(ImagingSource.id))  # type: ignore[arg-type]  # a column expression
    return [
        Source(
            row.id, row.hospital_id, row.called_ae_title, row.calling_ae_title, row.network, row.default_issuer,
            row.replace_policy,
        )
        for row in rows
    ]  # fmt: skip


def _columns(new: NewSource) -> dict[str, str]:
    return {
        "called_ae_title": new.called_ae_title,
        "calling_ae_title": new.calling_ae_title,
        "network": str(ip_network(new.network)),
        "default_issuer": new.default_issuer,
        "replace_policy": new.replace_policy,
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
    if errors:
        raise InvalidInput(errors)


def _is_ae_title(title: str) -> bool:
    printable = title.isascii() and title.isprintable() and "\\" not in title
    return printable and 1 <= len(title) <= 16 and title == title.strip()
