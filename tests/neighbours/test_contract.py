"""The hospital API holds its own document, whatever it is sent and by whom.

`make contract` asks as much more as it is told to.
"""

import os
from itertools import product

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import factories as make
from tests.neighbours.visitors import key
from tests.neighbours.world import IDENTIFIER, end_key

pytestmark = pytest.mark.flow
ASKED_FOR = os.environ.get("FILMPASS_TEST_CONTRACT_EXAMPLES")
EXAMPLES = int(ASKED_FOR or 4)
"""Of each operation, kind of data and caller: a few that are always the same, or as many new ones as were asked for."""
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
CALLERS = {
    "its own key": lambda world: key(world.key),
    "another hospital's key": lambda world: key(make.make_api_key(world.parts, world.neighbour.hospital)),
    "an ended key": lambda world: key(end_key(world)),
    "no key": lambda world: {},
}
SEEN = {
    "its own key": {200, 201, 400, 404, 422},
    "another hospital's key": {200, 404, 422},
    "an ended key": {401},
    "no key": {401},
}
"""What has to come up at least, or the requests say too little."""


def operations(app):
    """Return the API's operations by name, from the document at its own address."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    found = [result.ok() for result in schema.get_all_operations()]
    return {f"{operation.method.upper()} {operation.path}": operation for operation in found}


@pytest.mark.parametrize("caller", CALLERS)
def test_every_operation_answers_as_its_document_says(world, caller):
    headers = CALLERS[caller](world)
    gets_in, seen = 200 in SEEN[caller], set()
    for operation in operations(world.app).values():
        for mode, known in product(GenerationMode, (False, True)):
            names = _known_names(world, operation) if known and gets_in else {}
            if names or not known:
                seen |= _hold(operation.as_strategy(generation_mode=mode, **names), headers)
    assert seen >= SEEN[caller]


def _known_names(world, operation):
    """Name what is there, which no generator would think of."""
    known = {"uid": world.study_uid, "quarantine_id": str(world.quarantine)}
    path = {item.name: known[item.name] for item in operation.path_parameters}
    query = {item.name: IDENTIFIER for item in operation.query if item.name == "identifier"}
    return {name: value for name, value in (("path_parameters", path), ("query", query)) if value}


def _hold(strategy, headers):
    """Ask, and hold each answer against the document; returns the statuses that were seen."""
    seen = set()

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=not ASKED_FOR,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy)
    def ask(case):
        answer = case.call(headers=headers)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    ask()
    return seen
