"""Migrations of a release never change; a new one only widens, so that the code before runs over the tables after."""

import ast
import hashlib
import re

import pytest

from tests.databases import ROOT
from tests.upgrade.expanding import WIDER

VERSIONS = ROOT / "migrations" / "versions"
FROZEN = {
    "0001_spine.py": "466e2e281d0d0c0a5310d85512fde07b5e2fd0fe453edce80a2b9b6fd2f10b83",
    "0002_fences.py": "73b02a7aef2963a70d854f60b4c380c768a6e64ba2551f344afd1311603651c1",
}
"""What release 0.1.0 shipped, by SHA-256. A release adds its own."""

WIDENS = {"create_table", "add_column", "create_index", "get_bind", "f", "execute", "bulk_insert"}
"""What `upgrade` may ask of Alembic. That a unique index stands on a new table alone is for the reviewer to see."""
NARROWS = re.compile(
    r"\b(DROP|RENAME|TRUNCATE|REVOKE|DELETE\s+FROM|SET\s+NOT\s+NULL|ALTER\s+COLUMN|ADD\s+CONSTRAINT)\b",
    re.IGNORECASE,
)


def narrowings(source: str) -> list[str]:
    """Return what of a migration's way up would break the release that still runs."""
    module = ast.parse(source)
    way_up = [part for part in module.body if getattr(part, "name", "") != "downgrade"]
    calls = [node for part in way_up for node in ast.walk(part) if isinstance(node, ast.Call)]
    return [text for call in calls if (text := ast.unparse(call)).startswith("op.") and _narrows(call.func, text)]


def _narrows(function: ast.expr, text: str) -> bool:
    must_be_given = "nullable=False" in text and "server_default=" not in text  # the code before does not give it
    return (
        function.attr not in WIDENS
        or (function.attr == "add_column" and must_be_given)
        or (function.attr == "execute" and NARROWS.search(text) is not None)
    )


def test_the_migrations_of_a_release_are_as_they_were_shipped():
    shipped = {name: hashlib.sha256((VERSIONS / name).read_bytes()).hexdigest() for name in FROZEN}
    assert shipped == FROZEN


@pytest.mark.parametrize(
    "path", sorted(set(VERSIONS.glob("*.py")) - {VERSIONS / name for name in FROZEN}), ids=lambda p: p.name
)
def test_a_new_migration_only_widens(path):
    assert narrowings(path.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        'op.drop_column("study", "state")',
        'op.alter_column("study", "state", nullable=False)',
        'op.rename_table("study", "studies")',
        'op.create_unique_constraint("uq", "study", ["state"])',
        'op.add_column("study", sa.Column("mood", sa.Text(), nullable=False))',
        'op.execute("ALTER TABLE study DROP COLUMN state")',
        'op.execute("ALTER TABLE study ALTER COLUMN state SET NOT NULL")',
        'op.execute("REVOKE INSERT ON study FROM filmpass_app")',
    ],
)
def test_a_migration_that_takes_away_is_caught(line):
    assert narrowings(f"def upgrade():\n    {line}\n") != []
    assert narrowings(f"def downgrade():\n    {line}\n") == []


def test_the_example_of_the_next_release_widens():
    assert narrowings(WIDER) == []
