"""The import contracts catch what they are there for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rules import tree

FLOORS = "One staircase, downwards only; every package has its floor"
VIOLATIONS = {
    "upstairs": ("app/core/clock.py", "app.services.unit_of_work", FLOORS),
    "between entrances": ("app/routes/health.py", "app.jobs.drain", "Entrances do not know each other"),
    "in a circle": ("app/services/parts.py", "app.services.unit_of_work", "No circles between neighbours at any depth"),
    "Flask below": ("app/core/clock.py", "flask", "Only the HTTP entrances know Flask"),
    "imaging tables": ("app/services/receipts.py", "app.models.imaging", "Imaging, key and audit tables have named"),
    "the registry": ("app/services/receipts.py", "app.models.registry", "The table registry is for the factory"),
    "tables in an entrance": ("app/routes/health.py", "app.models.hospitals", "Entrances hold no tables"),
    "a library's second door": ("app/services/receipts.py", "twilio", "twilio has one door"),
}


def _contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imports")
    for package in ("app", "miniprogram_api"):
        if (tree.ROOT / package).exists():
            shutil.copytree(tree.ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(tree.ROOT / ".importlinter", folder)
    return folder


def test_the_contracts_are_kept(copy):
    result = _contracts(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("what", VIOLATIONS)
def test_a_planted_violation_is_caught(copy, what):
    path, imported, contract = VIOLATIONS[what]
    module = copy / path
    before = module.read_text()
    module.write_text(f"{before}\nimport {imported}\n")
    try:
        result = _contracts(copy)
    finally:
        module.write_text(before)
    assert result.returncode == 1, result.stdout
    broken = [line for line in result.stdout.splitlines() if " BROKEN" in line]
    assert any(line.startswith(contract) for line in broken), result.stdout
