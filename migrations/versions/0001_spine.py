"""The spine: hospitals, patients, imaging, links, messages, work owed, audit, keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "audit_checkpoint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("previous_root", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_checkpoint")),
        sa.UniqueConstraint("size", name=op.f("uq_audit_checkpoint_size")),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("on_behalf_of", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_hospital_id"), "audit_event", ["hospital_id"], unique=False)
    op.create_index(op.f("ix_audit_event_resource"), "audit_event", ["resource"], unique=False)
    op.create_index(op.f("ix_audit_event_patient_id"), "audit_event", ["patient_id"], unique=False)
    op.create_table(
        "hospital",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("message_name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("telephone", sa.Text(), nullable=False),
        sa.Column("telephone_hours", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("live_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hospital")),
        sa.UniqueConstraint("code", name=op.f("uq_hospital_code")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("credential_digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_api_key_hospital_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("credential_digest", name=op.f("uq_api_key_credential_digest")),
    )
    op.create_index(op.f("ix_api_key_hospital_id"), "api_key", ["hospital_id"], unique=False)
    op.create_table(
        "audit_leaf",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("checkpoint_id", sa.Uuid(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["audit_checkpoint.id"], name=op.f("fk_audit_leaf_checkpoint_id")),
        sa.ForeignKeyConstraint(["event_id"], ["audit_event.id"], name=op.f("fk_audit_leaf_event_id")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_leaf")),
        sa.UniqueConstraint("event_id", name=op.f("uq_audit_leaf_event_id")),
    )
    op.create_table(
        "hospital_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("root_key_id", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_hospital_key_hospital_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hospital_key")),
        sa.UniqueConstraint("hospital_id", "version", name=op.f("uq_hospital_key_hospital_id_version")),
    )
    op.create_index(op.f("ix_hospital_key_hospital_id"), "hospital_key", ["hospital_id"], unique=False)
    op.create_table(
        "imaging_source",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("called_ae_title", sa.Text(), nullable=False),
        sa.Column("calling_ae_title", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("default_issuer", sa.Text(), nullable=False),
        sa.Column("replace_policy", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_imaging_source_hospital_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imaging_source")),
        sa.UniqueConstraint(
            "called_ae_title",
            "calling_ae_title",
            "network",
            name=op.f("uq_imaging_source_called_ae_title_calling_ae_title_network"),
        ),
    )
    op.create_index(op.f("ix_imaging_source_hospital_id"), "imaging_source", ["hospital_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim", sa.Uuid(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_outbox_hospital_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(op.f("ix_outbox_hospital_id"), "outbox", ["hospital_id"], unique=False)
    op.create_index(
        "uq_outbox_open",
        "outbox",
        ["topic", "key"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "patient",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_groups", sa.JSON(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("id_number_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("deceased", sa.Boolean(), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("opted_out", sa.Boolean(), nullable=False),
        sa.Column("after_my_doctor", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_patient_hospital_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient")),
    )
    op.create_index(op.f("ix_patient_hospital_id"), "patient", ["hospital_id"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_quarantine_hospital_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_index(op.f("ix_quarantine_hospital_id"), "quarantine", ["hospital_id"], unique=False)
    op.create_table(
        "suppression",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("value_index", sa.LargeBinary(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_suppression_hospital_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
        sa.UniqueConstraint(
            "hospital_id", "value_index", "channel", name=op.f("uq_suppression_hospital_id_value_index_channel")
        ),
    )
    op.create_index(op.f("ix_suppression_hospital_id"), "suppression", ["hospital_id"], unique=False)
    op.create_table(
        "trial_number",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("value_index", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_trial_number_hospital_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial_number")),
        sa.UniqueConstraint("hospital_id", "value_index", name=op.f("uq_trial_number_hospital_id_value_index")),
    )
    op.create_index(op.f("ix_trial_number_hospital_id"), "trial_number", ["hospital_id"], unique=False)
    op.create_table(
        "capability",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("tries_total", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_capability_hospital_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_capability_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capability")),
        sa.UniqueConstraint("public_id", name=op.f("uq_capability_public_id")),
    )
    op.create_index(op.f("ix_capability_hospital_id"), "capability", ["hospital_id"], unique=False)
    op.create_index(op.f("ix_capability_patient_id"), "capability", ["patient_id"], unique=False)
    op.create_table(
        "contact_point",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("value_index", sa.LargeBinary(), nullable=False),
        sa.Column("index_key_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_contact_point_hospital_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_contact_point_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_point")),
        sa.UniqueConstraint(
            "hospital_id",
            "patient_id",
            "kind",
            "value_index",
            name=op.f("uq_contact_point_hospital_id_patient_id_kind_value_index"),
        ),
    )
    op.create_index(op.f("ix_contact_point_hospital_id"), "contact_point", ["hospital_id"], unique=False)
    op.create_index(op.f("ix_contact_point_patient_id"), "contact_point", ["patient_id"], unique=False)
    op.create_index(op.f("ix_contact_point_value_index"), "contact_point", ["value_index"], unique=False)
    op.create_table(
        "idempotency_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("response", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_key.id"], name=op.f("fk_idempotency_key_api_key_id")),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_idempotency_key_hospital_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_key")),
        sa.UniqueConstraint("api_key_id", "key", name=op.f("uq_idempotency_key_api_key_id_key")),
    )
    op.create_index(op.f("ix_idempotency_key_hospital_id"), "idempotency_key", ["hospital_id"], unique=False)
    op.create_table(
        "patient_identifier",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_patient_identifier_hospital_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_patient_identifier_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_identifier")),
        sa.UniqueConstraint(
            "hospital_id", "issuer", "value", name=op.f("uq_patient_identifier_hospital_id_issuer_value")
        ),
    )
    op.create_index(op.f("ix_patient_identifier_hospital_id"), "patient_identifier", ["hospital_id"], unique=False)
    op.create_index(op.f("ix_patient_identifier_patient_id"), "patient_identifier", ["patient_id"], unique=False)
    op.create_table(
        "service_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("accession_number", sa.Text(), nullable=False),
        sa.Column("visit_number_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("procedure_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("procedure_code", sa.Text(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_service_request_hospital_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_service_request_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_request")),
        sa.UniqueConstraint(
            "hospital_id",
            "issuer",
            "accession_number",
            name=op.f("uq_service_request_hospital_id_issuer_accession_number"),
        ),
    )
    op.create_index(op.f("ix_service_request_hospital_id"), "service_request", ["hospital_id"], unique=False)
    op.create_index(op.f("ix_service_request_patient_id"), "service_request", ["patient_id"], unique=False)
    op.create_table(
        "access_token",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("capability_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["capability_id"], ["capability.id"], name=op.f("fk_access_token_capability_id")),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_access_token_hospital_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_access_token")),
    )
    op.create_index(op.f("ix_access_token_capability_id"), "access_token", ["capability_id"], unique=False)
    op.create_index(op.f("ix_access_token_hospital_id"), "access_token", ["hospital_id"], unique=False)
    op.create_table(
        "report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("service_request_id", sa.Uuid(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("pdf_object_id", sa.Uuid(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_report_hospital_id")),
        sa.ForeignKeyConstraint(
            ["service_request_id"], ["service_request.id"], name=op.f("fk_report_service_request_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
        sa.UniqueConstraint("hospital_id", "number", "version", name=op.f("uq_report_hospital_id_number_version")),
    )
    op.create_index(op.f("ix_report_hospital_id"), "report", ["hospital_id"], unique=False)
    op.create_index(op.f("ix_report_service_request_id"), "report", ["service_request_id"], unique=False)
    op.create_table(
        "session",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("capability_id", sa.Uuid(), nullable=False),
        sa.Column("assurance", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["capability_id"], ["capability.id"], name=op.f("fk_session_capability_id")),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_session_hospital_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_capability_id"), "session", ["capability_id"], unique=False)
    op.create_index(op.f("ix_session_hospital_id"), "session", ["hospital_id"], unique=False)
    op.create_table(
        "study",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("service_request_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("consequence", sa.Integer(), nullable=False),
        sa.Column("announced_revision", sa.Integer(), nullable=False),
        sa.Column("announced_incomplete", sa.Boolean(), nullable=False),
        sa.Column("unmatched_reason", sa.Text(), nullable=True),
        sa.Column("kept_apart_from", sa.Uuid(), nullable=True),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_reason", sa.Text(), nullable=True),
        sa.Column("doctor_released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dicom_patient_id", sa.Text(), nullable=False),
        sa.Column("dicom_issuer", sa.Text(), nullable=False),
        sa.Column("dicom_patient_name", sa.Text(), nullable=False),
        sa.Column("dicom_birth_date", sa.Text(), nullable=False),
        sa.Column("accession_number", sa.Text(), nullable=False),
        sa.Column("study_date", sa.Text(), nullable=False),
        sa.Column("study_time", sa.Text(), nullable=False),
        sa.Column("description_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("local_date", sa.Date(), nullable=True),
        sa.Column("identity_conflict", sa.Boolean(), nullable=False),
        sa.Column("expected_instances", sa.Integer(), nullable=True),
        sa.Column("completed_by", sa.Text(), nullable=True),
        sa.Column("complete_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_arrival_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_study_hospital_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_study_patient_id")),
        sa.ForeignKeyConstraint(
            ["service_request_id"], ["service_request.id"], name=op.f("fk_study_service_request_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("hospital_id", "study_instance_uid", name=op.f("uq_study_hospital_id_study_instance_uid")),
    )
    op.create_index("ix_study_accession", "study", ["hospital_id", "accession_number"], unique=False)
    op.create_index("ix_study_dicom_patient", "study", ["hospital_id", "dicom_patient_id"], unique=False)
    op.create_index(op.f("ix_study_hospital_id"), "study", ["hospital_id"], unique=False)
    op.create_index(op.f("ix_study_patient_id"), "study", ["patient_id"], unique=False)
    op.create_index(op.f("ix_study_service_request_id"), "study", ["service_request_id"], unique=False)
    op.create_table(
        "capability_study",
        sa.Column("capability_id", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["capability_id"], ["capability.id"], name=op.f("fk_capability_study_capability_id")),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_capability_study_hospital_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_capability_study_study_id")),
        sa.PrimaryKeyConstraint("capability_id", "study_id", name=op.f("pk_capability_study")),
    )
    op.create_index(op.f("ix_capability_study_hospital_id"), "capability_study", ["hospital_id"], unique=False)
    op.create_index(op.f("ix_capability_study_study_id"), "capability_study", ["study_id"], unique=False)
    op.create_table(
        "instance_version",
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("dataset_digest", sa.LargeBinary(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("transfer_syntax_uid", sa.String(length=64), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_instance_version_hospital_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_instance_version_study_id")),
        sa.PrimaryKeyConstraint("study_id", "sop_instance_uid", "dataset_digest", name=op.f("pk_instance_version")),
        postgresql_partition_by="HASH (study_id)",
    )
    op.create_table(
        "manifest_entry",
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_manifest_entry_hospital_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_manifest_entry_study_id")),
        sa.PrimaryKeyConstraint("study_id", "sop_instance_uid", name=op.f("pk_manifest_entry")),
    )
    op.create_index(op.f("ix_manifest_entry_hospital_id"), "manifest_entry", ["hospital_id"], unique=False)
    op.create_table(
        "notification",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("subject_revision", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact_point.id"], name=op.f("fk_notification_contact_id")),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_notification_hospital_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["study.id"], name=op.f("fk_notification_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
        sa.UniqueConstraint(
            "kind",
            "subject_id",
            "subject_revision",
            "contact_id",
            name=op.f("uq_notification_kind_subject_id_subject_revision_contact_id"),
        ),
    )
    op.create_index(op.f("ix_notification_contact_id"), "notification", ["contact_id"], unique=False)
    op.create_index(op.f("ix_notification_hospital_id"), "notification", ["hospital_id"], unique=False)
    op.create_index(op.f("ix_notification_subject_id"), "notification", ["subject_id"], unique=False)
    op.create_table(
        "opening",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("session_digest", sa.LargeBinary(), nullable=False),
        sa.Column("capability_id", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["capability_id"], ["capability.id"], name=op.f("fk_opening_capability_id")),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_opening_hospital_id")),
        sa.ForeignKeyConstraint(["session_digest"], ["session.digest"], name=op.f("fk_opening_session_digest")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_opening_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening")),
        sa.UniqueConstraint(
            "session_digest", "study_id", "action", name=op.f("uq_opening_session_digest_study_id_action")
        ),
    )
    op.create_index(op.f("ix_opening_hospital_id"), "opening", ["hospital_id"], unique=False)
    op.create_index(op.f("ix_opening_study_id"), "opening", ["study_id"], unique=False)
    op.create_table(
        "series",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("modality", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("description_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("preview_object_id", sa.Uuid(), nullable=True),
        sa.Column("preview_changes", sa.Integer(), nullable=False),
        sa.Column("picture_count", sa.Integer(), nullable=False),
        sa.Column("shown_count", sa.Integer(), nullable=False),
        sa.Column("not_shown_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_series_hospital_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_series_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.UniqueConstraint("study_id", "series_instance_uid", name=op.f("uq_series_study_id_series_instance_uid")),
    )
    op.create_index(op.f("ix_series_hospital_id"), "series", ["hospital_id"], unique=False)
    op.create_table(
        "stored_object",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.Uuid(), nullable=True),
        sa.Column("hospital_key_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("pack_id", sa.Uuid(), nullable=False),
        sa.Column("pack_offset", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_stored_object_hospital_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_stored_object_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_object")),
    )
    op.create_index(op.f("ix_stored_object_hospital_id"), "stored_object", ["hospital_id"], unique=False)
    op.create_index(op.f("ix_stored_object_pack_id"), "stored_object", ["pack_id"], unique=False)
    op.create_index(op.f("ix_stored_object_study_id"), "stored_object", ["study_id"], unique=False)
    op.create_table(
        "study_key",
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("hospital_key_id", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_study_key_hospital_id")),
        sa.ForeignKeyConstraint(["hospital_key_id"], ["hospital_key.id"], name=op.f("fk_study_key_hospital_key_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_study_key_study_id")),
        sa.PrimaryKeyConstraint("study_id", name=op.f("pk_study_key")),
    )
    op.create_index(op.f("ix_study_key_hospital_id"), "study_key", ["hospital_id"], unique=False)
    op.create_table(
        "delivery_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("provider_reference", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("provider_status", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_delivery_attempt_hospital_id")),
        sa.ForeignKeyConstraint(
            ["notification_id"], ["notification.id"], name=op.f("fk_delivery_attempt_notification_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempt")),
        sa.UniqueConstraint(
            "channel", "provider_reference", name=op.f("uq_delivery_attempt_channel_provider_reference")
        ),
        sa.UniqueConstraint(
            "notification_id", "channel", "number", name=op.f("uq_delivery_attempt_notification_id_channel_number")
        ),
    )
    op.create_index(op.f("ix_delivery_attempt_hospital_id"), "delivery_attempt", ["hospital_id"], unique=False)
    op.create_index(op.f("ix_delivery_attempt_notification_id"), "delivery_attempt", ["notification_id"], unique=False)
    op.create_table(
        "instance",
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("sop_class_uid", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("current_digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_instance_hospital_id")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_instance_series_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_instance_study_id")),
        sa.PrimaryKeyConstraint("study_id", "sop_instance_uid", name=op.f("pk_instance")),
        postgresql_partition_by="HASH (study_id)",
    )
    op.create_index(op.f("ix_instance_series_id"), "instance", ["series_id"], unique=False)
    op.create_table(
        "delivery_receipt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("provider_status", sa.Text(), nullable=False),
        sa.Column("payload_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["delivery_attempt.id"], name=op.f("fk_delivery_receipt_attempt_id")),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_delivery_receipt_hospital_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_receipt")),
        sa.UniqueConstraint(
            "attempt_id", "provider_status", name=op.f("uq_delivery_receipt_attempt_id_provider_status")
        ),
    )
    op.create_index(op.f("ix_delivery_receipt_hospital_id"), "delivery_receipt", ["hospital_id"], unique=False)


def downgrade():
    op.drop_index(op.f("ix_delivery_receipt_hospital_id"), table_name="delivery_receipt")
    op.drop_table("delivery_receipt")
    op.drop_index(op.f("ix_instance_series_id"), table_name="instance")
    op.drop_table("instance")
    op.drop_index(op.f("ix_delivery_attempt_notification_id"), table_name="delivery_attempt")
    op.drop_index(op.f("ix_delivery_attempt_hospital_id"), table_name="delivery_attempt")
    op.drop_table("delivery_attempt")
    op.drop_index(op.f("ix_study_key_hospital_id"), table_name="study_key")
    op.drop_table("study_key")
    op.drop_index(op.f("ix_stored_object_study_id"), table_name="stored_object")
    op.drop_index(op.f("ix_stored_object_pack_id"), table_name="stored_object")
    op.drop_index(op.f("ix_stored_object_hospital_id"), table_name="stored_object")
    op.drop_table("stored_object")
    op.drop_index(op.f("ix_series_hospital_id"), table_name="series")
    op.drop_table("series")
    op.drop_index(op.f("ix_opening_study_id"), table_name="opening")
    op.drop_index(op.f("ix_opening_hospital_id"), table_name="opening")
    op.drop_table("opening")
    op.drop_index(op.f("ix_notification_subject_id"), table_name="notification")
    op.drop_index(op.f("ix_notification_hospital_id"), table_name="notification")
    op.drop_index(op.f("ix_notification_contact_id"), table_name="notification")
    op.drop_table("notification")
    op.drop_index(op.f("ix_manifest_entry_hospital_id"), table_name="manifest_entry")
    op.drop_table("manifest_entry")
    op.drop_table("instance_version")
    op.drop_index(op.f("ix_capability_study_study_id"), table_name="capability_study")
    op.drop_index(op.f("ix_capability_study_hospital_id"), table_name="capability_study")
    op.drop_table("capability_study")
    op.drop_index(op.f("ix_study_service_request_id"), table_name="study")
    op.drop_index(op.f("ix_study_patient_id"), table_name="study")
    op.drop_index(op.f("ix_study_hospital_id"), table_name="study")
    op.drop_index("ix_study_dicom_patient", table_name="study")
    op.drop_index("ix_study_accession", table_name="study")
    op.drop_table("study")
    op.drop_index(op.f("ix_session_hospital_id"), table_name="session")
    op.drop_index(op.f("ix_session_capability_id"), table_name="session")
    op.drop_table("session")
    op.drop_index(op.f("ix_report_service_request_id"), table_name="report")
    op.drop_index(op.f("ix_report_hospital_id"), table_name="report")
    op.drop_table("report")
    op.drop_index(op.f("ix_access_token_hospital_id"), table_name="access_token")
    op.drop_index(op.f("ix_access_token_capability_id"), table_name="access_token")
    op.drop_table("access_token")
    op.drop_index(op.f("ix_service_request_patient_id"), table_name="service_request")
    op.drop_index(op.f("ix_service_request_hospital_id"), table_name="service_request")
    op.drop_table("service_request")
    op.drop_index(op.f("ix_patient_identifier_patient_id"), table_name="patient_identifier")
    op.drop_index(op.f("ix_patient_identifier_hospital_id"), table_name="patient_identifier")
    op.drop_table("patient_identifier")
    op.drop_index(op.f("ix_idempotency_key_hospital_id"), table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_index(op.f("ix_contact_point_value_index"), table_name="contact_point")
    op.drop_index(op.f("ix_contact_point_patient_id"), table_name="contact_point")
    op.drop_index(op.f("ix_contact_point_hospital_id"), table_name="contact_point")
    op.drop_table("contact_point")
    op.drop_index(op.f("ix_capability_patient_id"), table_name="capability")
    op.drop_index(op.f("ix_capability_hospital_id"), table_name="capability")
    op.drop_table("capability")
    op.drop_index(op.f("ix_trial_number_hospital_id"), table_name="trial_number")
    op.drop_table("trial_number")
    op.drop_index(op.f("ix_suppression_hospital_id"), table_name="suppression")
    op.drop_table("suppression")
    op.drop_index(op.f("ix_quarantine_hospital_id"), table_name="quarantine")
    op.drop_table("quarantine")
    op.drop_index(op.f("ix_patient_hospital_id"), table_name="patient")
    op.drop_table("patient")
    op.drop_index(
        "uq_outbox_open",
        table_name="outbox",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_index(op.f("ix_outbox_hospital_id"), table_name="outbox")
    op.drop_index(
        "ix_outbox_due",
        table_name="outbox",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_table("outbox")
    op.drop_index(op.f("ix_imaging_source_hospital_id"), table_name="imaging_source")
    op.drop_table("imaging_source")
    op.drop_index(op.f("ix_hospital_key_hospital_id"), table_name="hospital_key")
    op.drop_table("hospital_key")
    op.drop_table("audit_leaf")
    op.drop_index(op.f("ix_api_key_hospital_id"), table_name="api_key")
    op.drop_table("api_key")
    op.drop_table("hospital")
    op.drop_index(op.f("ix_audit_event_resource"), table_name="audit_event")
    op.drop_index(op.f("ix_audit_event_patient_id"), table_name="audit_event")
    op.drop_index(op.f("ix_audit_event_hospital_id"), table_name="audit_event")
    op.drop_table("audit_event")
    op.drop_table("audit_checkpoint")
