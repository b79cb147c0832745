"""Pictures of a series in another look than its own: a window, or a presentation state."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

HOSPITAL = "nullif(current_setting('filmpass.hospital', true), '')::uuid"
ROLE = "filmpass_app"


def upgrade():
    op.create_table(
        "series_preview",
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("look", sa.String(length=80), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_series_preview_series_id")),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name=op.f("fk_series_preview_hospital_id")),
        sa.PrimaryKeyConstraint("series_id", "look", name=op.f("pk_series_preview")),
    )
    op.create_index(op.f("ix_series_preview_hospital_id"), "series_preview", ["hospital_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON series_preview TO {ROLE}")
        op.execute("ALTER TABLE series_preview ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE series_preview FORCE ROW LEVEL SECURITY")
        own = f"hospital_id = {HOSPITAL}"
        op.execute(f"CREATE POLICY series_preview_hospital ON series_preview USING ({own}) WITH CHECK ({own})")


def downgrade():
    op.drop_table("series_preview")
