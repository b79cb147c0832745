"""Lists of a hospital stay quick with a million studies: an index for each reason to wait, and for pages of messages."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PARTIAL = (
    ("ix_study_unmatched", "study", ["hospital_id", "id"], "unmatched_reason IS NOT NULL"),
    ("ix_study_held", "study", ["hospital_id", "id"], "held_at IS NOT NULL"),
    ("ix_patient_no_birth_date", "patient", ["hospital_id"], "birth_date IS NULL"),
)
WHOLE = (
    ("ix_notification_page", "notification", ["hospital_id", "id"]),
    ("ix_notification_state_page", "notification", ["hospital_id", "state", "id"]),
)


def upgrade():
    for name, table, columns, where in PARTIAL:
        op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    for name, table, columns in WHOLE:
        op.create_index(name, table, columns)


def downgrade():
    for name, table, *_ in (*PARTIAL, *WHOLE):
        op.drop_index(name, table_name=table)
