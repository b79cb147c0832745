"""What the papers tell an operator to type exists, with its options and arguments."""

import re
import shlex

import click
import pytest
from flask.cli import FlaskGroup, ScriptInfo

from tests.rules import tree

PAPERS = [tree.ROOT / "README.md", *sorted((tree.ROOT / "docs").glob("*.md"))]
SHIPPED = sorted(path for path in (tree.ROOT / "deploy").rglob("*") if path.is_file())
_AN_ID = "01980000-0000-7000-8000-000000000000"


def _shell_lines(text: str):
    """Give every line of the shell blocks that calls `flask`, continued lines joined."""
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        joined = block.replace("\\\n", " ")
        yield from re.findall(r"^(?:flask|\s*\.venv/bin/flask --app wsgi) (.*?)(?: \))?$", joined, re.MULTILINE)


def _mentions(text: str):
    """Give every `flask ...` that stands in running text."""
    return re.findall(r"`(?:[\w./-]*/)?flask ([a-z][^`]*)`", text)


FULL = [(path.name, line) for path in PAPERS for line in _shell_lines(path.read_text())]
MENTIONED = [(path.name, line) for path in [*PAPERS, *SHIPPED] for line in _mentions(path.read_text())]


@pytest.fixture
def command(app):
    """Find a command by its words; what is left of them are its options and arguments."""
    group = FlaskGroup(create_app=lambda: app)
    context = click.Context(group, obj=ScriptInfo(create_app=lambda: app))

    def find(line: str) -> tuple[click.Command, list[str]]:
        found, words = group, shlex.split(re.sub(r"\$\w+_ID", _AN_ID, line))
        while isinstance(found, click.Group) and words:
            name = words.pop(0)
            found = found.get_command(context, name)
            assert found is not None, f"there is no {name} in: flask {line}"
        return found, words

    with context:  # the group enters the application's context, which must not outlive this test
        yield find


def test_there_is_something_to_check():
    assert len(FULL) > 10
    assert len(MENTIONED) > 5


@pytest.mark.parametrize(("paper", "line"), FULL)
def test_a_command_line_can_be_typed_as_it_stands(command, paper, line):
    found, words = command(line)
    assert not isinstance(found, click.Group), f"{paper}: flask {line} lacks a subcommand"
    found.make_context(found.name, words)  # parses and converts everything, runs nothing


@pytest.mark.parametrize(("paper", "line"), MENTIONED)
def test_a_command_that_is_mentioned_exists(command, paper, line):
    found, words = command(line)
    known = {option for parameter in found.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known, paper


def test_the_map_names_every_room_and_no_other():
    there = {path.relative_to(tree.ROOT).parts for path in tree.project_files()}
    rooms = {parts[0] for parts in there if len(parts) > 1} | {
        "/".join(parts[:2]) for parts in there if parts[0] == "app" and parts[1] != "__init__.py"
    }
    chart = (tree.ROOT / "README.md").read_text().partition("## The map")[2].partition("\n\n")[0]
    first_column = " ".join(re.findall(r"^\|([^|]*)\|", chart, re.MULTILINE))
    named = set(re.findall(r"`([^`]+)`", first_column))
    assert {room for room in rooms if not room.startswith(".")} - {"app"} == named - {"wsgi.py"}


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_links_between_papers_lead_somewhere(paper):
    targets = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([\w-]+))?\)", paper.read_text())
    for name, heading in targets:
        target = (paper.parent / name) if name else paper
        assert target.exists(), f"{paper.name}: {name}"
        if heading:
            assert heading in _headings(target.read_text()), f"{paper.name}: #{heading}"


def _headings(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.*)", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
