"""Removing what interrupted arrivals left: packs that no row names, and files that were never finished.

A process that dies between the commit of a pack and that of its rows leaves a pack which nothing acknowledged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from app.services import hospitals
from app.services.objects import named_packs
from app.services.parts import Parts
from app.services.unit_of_work import Scope, reading

GRACE_SECONDS = 24 * 3600  # no request or association holds a pack open for a day
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Swept:
    """How much was removed."""

    packs: int
    unfinished: int


def sweep(parts: Parts) -> Swept:
    """Remove packs that no row of any hospital names, and unfinished files, once they are a day old."""
    before = parts.clock().timestamp() - GRACE_SECONDS
    unfinished = parts.store.clean_incoming(before)
    with reading(parts, Scope(worker=True)) as session:
        hospital_ids = [item.id for item in hospitals.profiles(session)]
    removed = 0
    for batch in _batches(parts.store.packs(older_than=before)):
        for pack_id in batch - _named(parts, hospital_ids, batch):
            parts.store.remove(pack_id)
            removed += 1
    return Swept(removed, unfinished)


def _named(parts: Parts, hospital_ids: list[UUID], batch: set[UUID]) -> set[UUID]:
    named: set[UUID] = set()
    for hospital_id in hospital_ids:
        with reading(parts, Scope(hospital=hospital_id)) as session:
            named |= named_packs(session, hospital_id, batch)
    return named


def _batches(packs: Iterator[UUID]) -> Iterator[set[UUID]]:
    while batch := set(islice(packs, _BATCH)):
        yield batch
