"""What is refused and sent again, and again, is set aside once: by the digest of its bytes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("quarantine", sa.Column("digest", sa.LargeBinary(), nullable=True))


def downgrade():
    op.drop_column("quarantine", "digest")
