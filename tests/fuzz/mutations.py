"""Mutations of bytes and of JSON documents, each following from its random numbers alone."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

_SIZES = (0, 1, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 1 << 31, 0xFFFFFFFE, 0xFFFFFFFF)
_TOKENS = (
    b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0", b"\xe0\x7f\x10\x00", b"SQ\0\0", b"\xff\x4f\xff\x51",
    b"\xff\xd8", b"\xff\xc0", b"\xff\xda", b"\0" * 16,
)  # fmt: skip
_SCALARS = (
    None, True, 0, -1, 1 << 31, 1 << 63, 10**400, 1.5, 1e308, "", " ", "\0", "\ud800", "\u202e", "\uffff", "a" * 70, "a" * 100_000,
    "0000-00-00", "9999-12-31", "0001-01-01", "2026-03-02T12:00:00+23:59", "9999-12-31T23:59:59.999999-23:59", "+8613800138000",
    "{{7*7}}", "%s%n", "'; DROP TABLE patient; --", "../../etc/passwd", "JVBERi0xLjc=", [], {}, [[]], [None] * 2000,
)  # fmt: skip


def mutated(random: Random, data: bytes, other: bytes) -> bytes:
    """Change a file in one to eight places."""
    for _ in range(random.choice((1, 1, 2, 4, 8))):
        (edit,) = random.choices(tuple(_EDITS), _EDITS.values())
        data = edit(random, data, other)
    return data


def _flip(random: Random, data: bytes, _: bytes) -> bytes:
    at = _place(random, data)
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :] if data else data


def _resize(random: Random, data: bytes, _: bytes) -> bytes:
    """Overwrite what may be a length."""
    at, width = _place(random, data), random.choice((2, 4))
    size = (random.choice(_SIZES) & (1 << 8 * width) - 1).to_bytes(width, random.choice(("little", "big")))
    return data[:at] + size + data[at + width :]


def _cut(random: Random, data: bytes, _: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _drop(random: Random, data: bytes, _: bytes) -> bytes:
    at = _place(random, data)
    return data[:at] + data[at + random.choice((1, 2, 8, 64, 1024)) :]


def _repeat(random: Random, data: bytes, _: bytes) -> bytes:
    at = _place(random, data)
    return data[:at] + data[at : at + random.choice((1, 8, 64, 1024))] * random.choice((2, 3, 50)) + data[at:]


def _splice(random: Random, data: bytes, other: bytes) -> bytes:
    return data[: _place(random, data)] + other[_place(random, other) :]


def _insert(random: Random, data: bytes, _: bytes) -> bytes:
    at = _place(random, data)
    return data[:at] + random.choice(_TOKENS) + data[at:]


_EDITS: dict[Callable[[Random, bytes, bytes], bytes], int] = {
    _flip: 8, _resize: 8, _insert: 2, _cut: 1, _drop: 1, _repeat: 1, _splice: 1,
}  # fmt: skip
"""How often each is chosen: most of a file stays readable, so that what lies deep in it is reached."""


def _place(random: Random, data: bytes) -> int:
    """Choose a place, more often near the start of the whole or of its last half, where headers are."""
    half = len(data) // 2
    start, size = random.choice(((0, len(data)), (half, len(data) - half)))
    return start + int(random.random() ** random.choice((1, 3)) * size) if data else 0


def mutated_json(random: Random, document: Any, other: Any) -> bytes:
    """Change a document in one to four places, or its bytes."""
    if random.random() < 0.2:
        return mutated(random, json.dumps(document, ensure_ascii=False).encode(), json.dumps(other).encode())
    for _ in range(random.choice((1, 1, 2, 4))):
        document = _changed(random, document, other)
    text = json.dumps(document, ensure_ascii=random.random() < 0.5)
    return text.encode("utf-8", "surrogatepass")


def _changed(random: Random, node: Any, other: Any) -> Any:
    if not node or not isinstance(node, dict | list) or random.random() < 0.15:
        return random.choice((random.choice(_SCALARS), other, [node], {"x": node}))
    if isinstance(node, list):
        at = random.randrange(len(node))
        return [*node[:at], _changed(random, node[at], other), *node[at + 1 :]]
    key = random.choice(list(node))
    kept = {name: value for name, value in node.items() if name != key}
    if random.random() < 0.2:
        return kept | ({random.choice(("x", "__class__", "")): node[key]} if random.random() < 0.5 else {})
    return kept | {key: _changed(random, node[key], other)}
