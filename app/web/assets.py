"""Addresses of static files: each with the hash of its content, so that a changed file has a new one."""

import hashlib
from functools import lru_cache
from pathlib import Path

_STATIC = Path(__file__).parents[1] / "static"


def asset(name: str) -> str:
    """Return the address of a static file with the hash of its content, so that it may be cached for ever."""
    return f"/static/{name}?v={_digest(name)}"


@lru_cache(maxsize=64)  # one file has any number of spellings
def _digest(name: str) -> str:
    return hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:12]
