"""Storage commitment: what is asked for, where a source is told, and the certificate that it shows."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

HOSPITAL = "nullif(current_setting('filmpass.hospital', true), '')::uuid"
ROLE = "filmpass_app"


def upgrade():
    op.add_column("imaging_source", sa.Column("report_to", sa.Text(), nullable=True))
    op.add_column("imaging_source", sa.Column("certificate_sha256", sa.LargeBinary(), nullable=True))
    op.create_table(
        "commitment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("transaction_uid", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("references", sa.JSON(), nullable=False),
        sa.Column("repeats", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_commitment_hospital_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commitment")),
        sa.UniqueConstraint(
            "hospital_id", "source_id", "transaction_uid", "digest",
            name=op.f("uq_commitment_hospital_id_source_id_transaction_uid_digest"),
        ),
    )  # fmt: skip
    op.create_index(op.f("ix_commitment_hospital_id"), "commitment", ["hospital_id"])
    still_open = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_commitment_open", "commitment", ["hospital_id", "source_id", "id"], sqlite_where=still_open,
        postgresql_where=still_open,
    )  # fmt: skip
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON commitment TO {ROLE}")
        op.execute("ALTER TABLE commitment ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE commitment FORCE ROW LEVEL SECURITY")
        own = f"hospital_id = {HOSPITAL}"
        op.execute(f"CREATE POLICY commitment_hospital ON commitment USING ({own}) WITH CHECK ({own})")


def downgrade():
    op.drop_table("commitment")
    op.drop_column("imaging_source", "certificate_sha256")
    op.drop_column("imaging_source", "report_to")
