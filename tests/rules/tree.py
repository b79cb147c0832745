"""The project's own files and their syntax trees, for the rules."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NOT_OURS = {".git", ".venv", "var", "htmlcov", ".hypothesis", "node_modules", "__pycache__"}


def project_files() -> Iterator[Path]:
    """Every file that a person wrote: no environment, no caches, nothing that a run made."""
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in _NOT_OURS and not name.endswith("cache")]
        yield from (Path(folder, name) for name in names if not name.startswith(".coverage"))


def modules(*folders: str) -> dict[str, ast.Module]:
    """Parse every module below the folders; the keys are paths from the project's root."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in paths}


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a module with the last part of the called name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr, node
            elif isinstance(node.func, ast.Name):
                yield node.func.id, node
