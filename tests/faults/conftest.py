"""What the tests of broken neighbours share: a line to the carrier, a stand of real processes."""

import tempfile
from pathlib import Path

import pytest

from tests.flows.line import running_line
from tests.stand import standing


@pytest.fixture
def line(settings, tmp_path):
    with running_line(settings, tmp_path) as line:
        yield line


@pytest.fixture
def stand(database):
    with tempfile.TemporaryDirectory(prefix="filmpass-") as folder, standing(Path(folder), database) as made:
        yield made
