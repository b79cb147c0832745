"""What the import contracts cannot say about the source."""

import ast

import pytest

from tests.rules import tree

UNIT_OF_WORK = "app/services/unit_of_work.py"
OBJECT_WRITERS = {"pack", "self._pack"}
"""What else has a `commit`: an object being written, which no transaction holds."""
ENTRANCES = ("app/routes", "app/web", "app/jobs", "app/dimse", "miniprogram_api")
MAY_WRITE_SQL = ("app/access/load/", UNIT_OF_WORK)
MAY_STATE_CONDITIONS_OF_INDEXES = "app/models/"


def _calling(name: str) -> list[str]:
    return [path for path, module in tree.modules("app").items() for called, _ in tree.calls(module) if called == name]


def test_packages_hold_a_docstring_at_most():
    for path, module in tree.modules("app", "demo").items():
        if path.endswith("__init__.py"):
            rest = module.body[1:] if ast.get_docstring(module) else module.body
            assert not rest, f"{path} holds code: importing any module must start nothing"


def test_there_is_one_commit():
    receivers = {
        path: ast.unparse(call.func.value)
        for path, module in tree.modules("app").items()
        for called, call in tree.calls(module)
        if called == "commit" and isinstance(call.func, ast.Attribute)
    }
    commits = {path for path, receiver in receivers.items() if receiver not in OBJECT_WRITERS}
    assert commits == {UNIT_OF_WORK}


@pytest.mark.parametrize("maker", ["Session", "sessionmaker", "scoped_session", "raw_connection"])
def test_only_the_unit_of_work_makes_sessions(maker):
    assert set(_calling(maker)) <= {UNIT_OF_WORK}


def test_there_are_no_relationships():
    assert _calling("relationship") == []


def test_sql_is_written_by_hand_only_where_row_security_needs_it():
    allowed = (*MAY_WRITE_SQL, MAY_STATE_CONDITIONS_OF_INDEXES)
    assert [path for path in _calling("text") if not path.startswith(allowed)] == []


def test_no_entrance_calls_a_service_that_returns_a_mapped_class():
    called = {name for module in tree.modules(*ENTRANCES).values() for name, _ in tree.calls(module)}
    for path, module in tree.modules("app/services").items():
        assert not called & set(_functions_returning_mapped_classes(module)), path


def _functions_returning_mapped_classes(module: ast.Module):
    mapped = {
        alias.asname or alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("app.models")
        for alias in node.names
    }
    for function in module.body:
        returns = getattr(function, "returns", None)
        if returns and mapped & {node.id for node in ast.walk(returns) if isinstance(node, ast.Name)}:
            yield function.name


def test_only_the_factory_and_the_settings_read_the_environment():
    readers = {
        path
        for path, module in tree.modules("app").items()
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
    }
    assert readers <= {"app/factory.py"}
