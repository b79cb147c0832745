"""A case with a link, on a clock of the test's own."""

from dataclasses import replace

import pytest

from app.factory import build_parts
from tests import factories as make


@pytest.fixture
def clock():
    return make.HandClock()


@pytest.fixture
def parts(settings, clock):
    built = replace(build_parts(settings), clock=clock)
    yield built
    built.decoder.close()
    built.engine.dispose()


@pytest.fixture
def case(parts):
    return make.make_case(parts)


@pytest.fixture
def token(parts, case):
    return make.make_link(parts, case)
