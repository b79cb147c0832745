"""What is shipped to run Filmpass names only what there is."""

import ast
import re

import pytest

from tests.rules import tree

UNITS = sorted((tree.ROOT / "deploy").glob("*.service"))


def test_alerts_watch_metrics_that_exist():
    # A counter is declared without the suffix that its client adds.
    texts = {
        node.value
        for module in tree.modules("app").values()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    watched = set(re.findall(r"\bfilmpass_[a-z_]+", (tree.ROOT / "deploy/alerts.yml").read_text()))
    assert watched
    assert {name for name in watched if not texts & {name, name.removesuffix("_total")}} == set()


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_start_what_exists(unit, app):
    started = re.findall(r"^ExecStart=/opt/filmpass/\.venv/bin/(\w+) (.*)", unit.read_text(), re.MULTILINE)
    assert len(started) == 1
    program, arguments = started[0]
    assert (tree.ROOT / ".venv/bin" / program).exists()
    if program == "flask":
        assert arguments.split()[-1] in app.cli.list_commands(None)
