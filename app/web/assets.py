"""Addresses of static files: each with the hash of its content, so that a changed file has a new one."""

import hashlib
from functools import lru_cache
from pathlib import Path

_STATIC = Path(__file__).parents[1] / "static"


def asset(name: str) -> str:
    """Return the address of a static file with the hash of its content, so that it may be cached for ever."""
    return _assets()[name]


def is_asset(address: str) -> bool:
    """Tell whether an address is one of those that `asset` returns."""
    return address in _assets().values()


@lru_cache(maxsize=1)
def _assets() -> dict[str, str]:
    """Hash the files that there are, once: what a request names is looked up here and never becomes a path."""
    files = {path.relative_to(_STATIC).as_posix(): path for path in _STATIC.rglob("*") if path.is_file()}
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    return {name: f"/static/{name}?v={digest[:12]}" for name, digest in digests.items()}
