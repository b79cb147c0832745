"""The reference documents name everything there is, and nothing that is not."""

import re
from dataclasses import fields

from app.audit.events import Event
from app.core.errors import AppError
from app.core.settings import Settings
from app.web import problems
from tests.rules import tree

ONLY_FOR_TESTS = ("FILMPASS_TEST_", "FILMPASS_SHARED", "FILMPASS_AXE", "FILMPASS_CI")


def _document(name: str) -> str:
    return (tree.ROOT / "docs" / name).read_text()


def _import_everything():
    import importlib

    for path in tree.modules("app"):
        importlib.import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))


def _subclasses(of: type) -> set[type]:
    return {of}.union(*map(_subclasses, of.__subclasses__()))


def test_settings_are_documented():
    names = {f"FILMPASS_{field.name.upper()}" for field in fields(Settings)}
    documented = set(re.findall(r"`(FILMPASS_[A-Z0-9_]+)`", _document("settings.md")))
    assert names - documented == set()
    assert {name for name in documented - names if not name.startswith(ONLY_FOR_TESTS)} == set()


def test_the_environment_example_names_real_settings():
    names = {f"FILMPASS_{field.name.upper()}" for field in fields(Settings)}
    example = (tree.ROOT / "deploy/filmpass.env.example").read_text()
    assert set(re.findall(r"^(FILMPASS_\w+)=", example, re.MULTILINE)) <= names


def test_problems_are_documented():
    _import_everything()
    codes = (
        {error.code for error in _subclasses(AppError) if error.__module__.startswith("app.")}
        | set(problems._CODES.values())
        | {"http-error"}
    )
    assert codes == set(re.findall(r"^#+ `?([a-z][a-z-]+)`?", _document("problems.md"), re.MULTILINE))


def test_audit_events_are_documented():
    kinds = {event.value for event in Event}
    assert kinds == set(re.findall(r"^\| `([a-z.-]+)` \|", _document("audit.md"), re.MULTILINE))


def test_decisions_are_numbered_without_gaps():
    decisions = sorted(path.name for path in (tree.ROOT / "docs/adr").glob("*.md"))
    assert [name[:4] for name in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for name in decisions:
        text = _document(f"adr/{name}")
        assert all(f"**{part}" in text for part in ("Context", "Decision", "Price")), name
