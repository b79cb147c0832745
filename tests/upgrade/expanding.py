"""A migration such as the next release may bring, put after the newest one: it widens, and takes nothing away."""

import shutil
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.databases import ROOT

MIGRATIONS = ROOT / "migrations"
WIDER = """
import sqlalchemy as sa
from alembic import op

revision = "wider"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade():
    for table in ("study", "instance", "notification", "capability", "outbox", "audit_event"):
        op.add_column(table, sa.Column("of_the_next_release", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("counted", sa.Integer(), nullable=False, server_default="0"))
    op.create_table("next_release", sa.Column("id", sa.Uuid(), primary_key=True))
    op.create_index("ix_study_next_release", "study", ["of_the_next_release"])
"""


def head() -> str:
    """Return the newest revision of the tree."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    (newest,) = ScriptDirectory.from_config(config).get_heads()
    return newest


def migrations_of_the_next_release(folder: Path) -> Path:
    """Copy the migrations and add one."""
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_wider.py").write_text(WIDER.format(head=head()))
    return folder
