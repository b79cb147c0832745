"""Studies, series, instances and their versions, stored objects and what was set aside. Slim on purpose.

`instance` and `instance_version` are partitioned by hash of `study_id` on PostgreSQL (migration 0001).
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HospitalId, Id, Sorted, Uid, partial_index


class Study(Base):
    """A study as received; matched to a patient and an order when both are known. UIDs are unique per hospital.

    `revision` counts every completion, `consequence` those that a patient is told of, `announced_revision` the last
    told.
    """

    __tablename__ = "study"
    __table_args__ = (
        UniqueConstraint("hospital_id", "study_instance_uid"),
        Index("ix_study_accession", "hospital_id", "accession_number"),
        Index("ix_study_dicom_patient", "hospital_id", "dicom_patient_id"),
        Index("ix_study_newest", "hospital_id", "id"),
        Index("ix_study_date", "hospital_id", "study_date", "id"),
        Index("ix_study_name", "hospital_id", "name_key", "id"),
        Index("ix_study_ideographic", "hospital_id", "ideographic_key", "id"),
        partial_index("ix_study_unmatched", "hospital_id", "id", where="unmatched_reason IS NOT NULL"),
        partial_index("ix_study_held", "hospital_id", "id", where="held_at IS NOT NULL"),
    )

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    study_instance_uid: Mapped[Uid]
    patient_id: Mapped[UUID | None] = mapped_column(ForeignKey("patient.id"), index=True)
    service_request_id: Mapped[UUID | None] = mapped_column(ForeignKey("service_request.id"), index=True)
    state: Mapped[str] = mapped_column(default="receiving")
    revision: Mapped[int] = mapped_column(default=0)
    consequence: Mapped[int] = mapped_column(default=0)
    announced_revision: Mapped[int] = mapped_column(default=0)
    announced_incomplete: Mapped[bool] = mapped_column(default=False)
    unmatched_reason: Mapped[str | None]
    kept_apart_from: Mapped[UUID | None]
    held_at: Mapped[datetime | None]
    held_reason: Mapped[str | None]
    doctor_released_at: Mapped[datetime | None]
    dicom_patient_id: Mapped[str]
    dicom_issuer: Mapped[str]
    dicom_patient_name: Mapped[str]
    name_key: Mapped[Sorted] = mapped_column(default="", server_default="")
    ideographic_key: Mapped[Sorted] = mapped_column(default="", server_default="")
    dicom_birth_date: Mapped[str]
    dicom_sex: Mapped[str] = mapped_column(default="", server_default="")
    accession_number: Mapped[str]
    study_date: Mapped[str]
    study_time: Mapped[str]
    dicom_study_id: Mapped[str] = mapped_column(default="", server_default="")
    referring_physician_name: Mapped[str] = mapped_column(default="", server_default="")
    description_sealed: Mapped[bytes | None]
    local_date: Mapped[date | None]
    identity_conflict: Mapped[bool] = mapped_column(default=False)
    expected_instances: Mapped[int | None]
    completed_by: Mapped[str | None]
    complete_at: Mapped[datetime | None]
    last_arrival_at: Mapped[datetime]
    created_at: Mapped[datetime]


class ManifestEntry(Base):
    """One instance that the hospital said belongs to the study."""

    __tablename__ = "manifest_entry"

    study_id: Mapped[UUID] = mapped_column(ForeignKey("study.id"), primary_key=True)
    sop_instance_uid: Mapped[Uid] = mapped_column(primary_key=True)
    hospital_id: Mapped[HospitalId]


class Series(Base):
    """A series. `changes` counts its arrivals; previews and metadata are each made for a number of them."""

    __tablename__ = "series"
    __table_args__ = (
        UniqueConstraint("study_id", "series_instance_uid"),
        Index("ix_series_uid", "hospital_id", "series_instance_uid"),
    )

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    study_id: Mapped[UUID] = mapped_column(ForeignKey("study.id"))
    series_instance_uid: Mapped[Uid]
    modality: Mapped[str]
    number: Mapped[int | None]
    description_sealed: Mapped[bytes | None]
    changes: Mapped[int] = mapped_column(default=0)
    instance_count: Mapped[int] = mapped_column(default=0, server_default="0")
    metadata_object_id: Mapped[UUID | None]
    metadata_changes: Mapped[int] = mapped_column(default=-1, server_default="-1")
    performed_date: Mapped[str] = mapped_column(default="", server_default="")
    performed_time: Mapped[str] = mapped_column(default="", server_default="")
    scheduled_step_id: Mapped[str] = mapped_column(default="", server_default="")
    requested_procedure_id: Mapped[str] = mapped_column(default="", server_default="")
    preview_object_id: Mapped[UUID | None]
    preview_changes: Mapped[int] = mapped_column(default=-1)
    picture_count: Mapped[int] = mapped_column(default=0)
    shown_count: Mapped[int] = mapped_column(default=0)
    not_shown_reason: Mapped[str | None]
    created_at: Mapped[datetime]


class Instance(Base):
    """One SOP Instance; `current_digest` names the version that is shown."""

    __tablename__ = "instance"
    __table_args__ = (
        Index("ix_instance_uid", "hospital_id", "sop_instance_uid"),
        {"postgresql_partition_by": "HASH (study_id)"},
    )

    study_id: Mapped[UUID] = mapped_column(ForeignKey("study.id"), primary_key=True)
    sop_instance_uid: Mapped[Uid] = mapped_column(primary_key=True)
    hospital_id: Mapped[UUID] = mapped_column(ForeignKey("hospital.id"))
    series_id: Mapped[UUID] = mapped_column(ForeignKey("series.id"), index=True)
    sop_class_uid: Mapped[Uid]
    number: Mapped[int | None]
    current_digest: Mapped[bytes]


class InstanceVersion(Base):
    """One data set that was sent under a SOP Instance UID, as received."""

    __tablename__ = "instance_version"
    __table_args__ = ({"postgresql_partition_by": "HASH (study_id)"},)

    study_id: Mapped[UUID] = mapped_column(ForeignKey("study.id"), primary_key=True)
    sop_instance_uid: Mapped[Uid] = mapped_column(primary_key=True)
    dataset_digest: Mapped[bytes] = mapped_column(primary_key=True)
    hospital_id: Mapped[UUID] = mapped_column(ForeignKey("hospital.id"))
    transfer_syntax_uid: Mapped[Uid]
    object_id: Mapped[UUID]
    source_id: Mapped[UUID | None]
    crc32: Mapped[int | None] = mapped_column(BigInteger)
    flagged: Mapped[bool] = mapped_column(default=False)
    received_at: Mapped[datetime]


class Marking(Base):
    """What a document of the study says of an instance: `key`, or `rejected`. The instance may not be here yet."""

    __tablename__ = "marking"

    study_id: Mapped[UUID] = mapped_column(ForeignKey("study.id"), primary_key=True)
    sop_instance_uid: Mapped[Uid] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    hospital_id: Mapped[HospitalId]
    marked_by: Mapped[Uid]
    created_at: Mapped[datetime]


class SeriesPreview(Base):
    """Pictures of a series in another look than its own, made when it was first asked for.

    They count as long as `changes` is that of the series: from its next change on, they are asked for anew.
    """

    __tablename__ = "series_preview"

    series_id: Mapped[UUID] = mapped_column(ForeignKey("series.id"), primary_key=True)
    look: Mapped[str] = mapped_column(String(80), primary_key=True)
    hospital_id: Mapped[HospitalId]
    object_id: Mapped[UUID]
    changes: Mapped[int]


class StoredObject(Base):
    """Where an encrypted object lies: a range of a pack file. Its key comes from the study's key or the hospital's."""

    __tablename__ = "stored_object"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    hospital_id: Mapped[HospitalId]
    study_id: Mapped[UUID | None] = mapped_column(ForeignKey("study.id"), index=True)
    hospital_key_id: Mapped[UUID | None]
    purpose: Mapped[str]
    pack_id: Mapped[UUID] = mapped_column(index=True)
    pack_offset: Mapped[int] = mapped_column(BigInteger)
    size: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class Quarantine(Base):
    """What came and could not be taken in, kept under the hospital's key until someone looked."""

    __tablename__ = "quarantine"

    id: Mapped[Id]
    hospital_id: Mapped[HospitalId]
    source_id: Mapped[UUID | None]
    door: Mapped[str]
    reason_code: Mapped[int]
    reason: Mapped[str]
    digest: Mapped[bytes | None]
    object_id: Mapped[UUID | None]
    size: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
