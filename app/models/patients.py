"""A patient's record at one hospital, how to reach them, and what was ordered for them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HospitalId, Id, partial_index


class Patient(Base):
    """A record at one hospital; never a person across hospitals. `name` is shown; `name_groups` is it as received."""

    __tablename__ = "patient"
    __table_args__ = (partial_index("ix_patient_no_birth_date", "hospital_id", where="birth_date IS NULL"),)

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    name: Mapped[str]
    name_groups: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    birth_date: Mapped[date | None]
    sex: Mapped[str | None]
    id_number_sealed: Mapped[bytes | None]
    language: Mapped[str | None]
    deceased: Mapped[bool] = mapped_column(default=False)
    protected: Mapped[bool] = mapped_column(default=False)
    opted_out: Mapped[bool] = mapped_column(default=False)
    after_my_doctor: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PatientIdentifier(Base):
    """Patient ID with its issuer (0010,0020 / 0010,0021)."""

    __tablename__ = "patient_identifier"
    __table_args__ = (UniqueConstraint("hospital_id", "issuer", "value"),)

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"), index=True)
    issuer: Mapped[str]
    value: Mapped[str]
    created_at: Mapped[datetime]


class ContactPoint(Base):
    """A phone number (E.164) or e-mail address of a patient: routes messages, proves nothing. One current of a kind.

    `refused_at`: its holder said that the message was not theirs; nothing more is sent until the hospital says so.
    """

    __tablename__ = "contact_point"
    __table_args__ = (UniqueConstraint("hospital_id", "patient_id", "kind", "value_index"),)

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"), index=True)
    kind: Mapped[str]
    value_sealed: Mapped[bytes]
    value_index: Mapped[bytes] = mapped_column(index=True)
    index_key_id: Mapped[str]
    created_at: Mapped[datetime]
    refused_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class ServiceRequest(Base):
    """An order: accession number with issuer, and whose it is."""

    __tablename__ = "service_request"
    __table_args__ = (UniqueConstraint("hospital_id", "issuer", "accession_number"),)

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"), index=True)
    issuer: Mapped[str]
    accession_number: Mapped[str]
    visit_number_sealed: Mapped[bytes | None]
    procedure_sealed: Mapped[bytes]
    procedure_code: Mapped[str | None]
    priority: Mapped[str] = mapped_column(default="routine")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Report(Base):
    """One version of a report; text sealed under the hospital's key, PDF as an encrypted object."""

    __tablename__ = "report"
    __table_args__ = (UniqueConstraint("hospital_id", "number", "version"),)

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    number: Mapped[str]
    version: Mapped[int]
    status: Mapped[str]
    service_request_id: Mapped[UUID] = mapped_column(ForeignKey("service_request.id"), index=True)
    content_sealed: Mapped[bytes]
    pdf_object_id: Mapped[UUID | None]
    issued_at: Mapped[datetime]
    created_at: Mapped[datetime]
