"""What no file of the project says."""

import re

import pytest

from tests.rules import tree

# In pieces, so that this file does not say them either.
UNWANTED = {
    "a path of one machine": r"/" + r"(?:work|home/\w+|root)/",
    "a package registry": r"(?:py" + r"pi|npm" + r"js|python" + r"hosted)\b",
    "who typed it": r"\b(?:cl" + r"aude|anth" + r"ropic|chat" + r"gpt|open" + r"ai|cop" + r"ilot)\b",
    "work left in a comment": r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b",
}
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-uv.txt")


def _texts():
    for path in tree.project_files():
        try:
            yield str(path.relative_to(tree.ROOT)), path.read_text()
        except UnicodeDecodeError:
            continue


@pytest.mark.parametrize("what", UNWANTED)
def test_no_file_mentions(what):
    flags = 0 if what.startswith("work left") else re.IGNORECASE
    pattern = re.compile(UNWANTED[what], flags)
    found = [f"{path}: {match.group()}" for path, text in _texts() if (match := pattern.search(text))]
    assert found == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_files_carry_hashes_and_no_addresses(lock):
    text = (tree.ROOT / lock).read_text()
    assert "://" not in text
    pins = len(re.findall(r"^[a-z0-9][^=\n]*==", text, re.MULTILINE | re.IGNORECASE))
    assert pins
    assert len(re.findall(r"\\\n +--hash=sha256:[0-9a-f]{64}(?! \\)", text)) == pins


def test_every_dependency_has_its_reason():
    reasons = (tree.ROOT / "docs/adr/0007-dependencies.md").read_text()
    for source in ("requirements.in", "requirements-dev.in", "requirements-uv.in"):
        for line in (tree.ROOT / source).read_text().splitlines():
            if line and not line.startswith(("#", "-")):
                package = re.split(r"==|\[", line)[0].strip()
                assert re.search(rf"(?<![\w-]){re.escape(package)}(?![\w-])", reasons), f"{package} has no reason"
