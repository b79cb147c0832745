"""What flows share."""

import pytest

from tests.flows.line import running_line


@pytest.fixture
def line(settings, tmp_path):
    with running_line(settings, tmp_path) as line:
        yield line
