"""The runner of the checks tells the truth about what failed and what did not run."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lanes(monkeypatch):
    specification = importlib.util.spec_from_file_location("lanes", ROOT / "scripts/lanes.py")
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "lanes", module)
    specification.loader.exec_module(module)
    return module


def test_first_failure_is_shown_last_and_sets_the_exit_code(lanes, capsys):
    fails = [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"]
    passes = [sys.executable, "-c", "print('fine')"]
    outcomes = [lanes.run("lint", fails, {**os.environ}), lanes.run("unit", passes, {**os.environ})]
    capsys.readouterr()
    assert lanes.report(outcomes) == 1
    summary, _, failure = capsys.readouterr().out.partition("== first failure: lint")
    assert "FAILED" in summary
    assert "the reason" in failure


@pytest.mark.parametrize(("in_ci", "code"), [(True, 1), (False, 0)])
def test_a_skipped_lane_is_a_failure_where_nobody_looks(lanes, monkeypatch, capsys, in_ci, code):
    monkeypatch.setattr(lanes, "IN_CI", in_ci)
    assert lanes.report([lanes.Outcome("unit", 1.0), lanes.Outcome("pages", skipped="no browser")]) == code
    assert "SKIPPED  no browser" in capsys.readouterr().out


def test_what_is_missing_is_named_with_its_command(lanes, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(lanes, "AXE", tmp_path / "axe.min.js")
    assert "apt-get install chromium fonts-noto-cjk" in lanes.missing_for_pages()
    assert "apt-get install npm" in lanes.obtain_axe()
