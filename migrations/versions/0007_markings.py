"""What Key Object Selections say of instances: that they are key, or that they are rejected and must not be shown."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

HOSPITAL = "nullif(current_setting('filmpass.hospital', true), '')::uuid"
ROLE = "filmpass_app"


def upgrade():
    op.create_table(
        "marking",
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("marked_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_marking_study_id")),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_marking_hospital_id")),
        sa.PrimaryKeyConstraint("study_id", "sop_instance_uid", "kind", name=op.f("pk_marking")),
    )
    op.create_index(op.f("ix_marking_hospital_id"), "marking", ["hospital_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON marking TO {ROLE}")
        op.execute("ALTER TABLE marking ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE marking FORCE ROW LEVEL SECURITY")
        own = f"hospital_id = {HOSPITAL}"
        op.execute(f"CREATE POLICY marking_hospital ON marking USING ({own}) WITH CHECK ({own})")


def downgrade():
    op.drop_table("marking")
