"""Every write of the worker and the relay fails once, each in turn: the work is done at the next try, and nothing lies."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.durability.faults import BROKEN, CUT, FULL, Fault, Injector
from tests.durability.places import ALL, Places, tries
from tests.durability.works import Works, working
from tests.stand import standing

pytestmark = [
    pytest.mark.flow,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing: apt-get install gcc libc6-dev"),
]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("fault", [FULL, BROKEN, CUT] if ALL else [CUT], ids=str)
def test_work_is_done_at_the_next_try_whichever_write_fails(database, fault):
    with tempfile.TemporaryDirectory(prefix="filmpass-") as folder, standing(Path(folder), database) as stand:
        settings = stand.settings
        places = Places(database, settings.data_folder, settings.heads_file)
        injector = Injector(stand.folder, places.roots)
        with working(stand, stand.enrol()[0], injector.wrapper) as works:
            try_each(works, injector, places, fault)


def try_each(works: Works, injector: Injector, places: Places, fault: Fault) -> None:
    number = works.receive()
    with injector.noting():
        works.step()
    works.check_done(number)
    calls, failed = injector.calls, set()
    expected = places.of_a_pack_and_its_rows | {f"{call} {places.heads}" for call in ("open", "write", "fsync")}
    for kind in sorted(places.kinds(calls) | expected):
        for at in tries(kind, calls):
            if not try_one(works, injector, kind, at, fault):
                break
            failed.add(kind)
    assert expected <= failed
    works.check_audit()


def try_one(works: Works, injector: Injector, kind: str, at: int, fault: Fault) -> bool:
    """Let one call fail while the work of a new study is done; returns whether there was such a call."""
    number = works.receive()
    with injector.failing(kind, at, fault):
        works.step()
    works.check_what_is_named()
    works.step()
    works.check_done(number)
    return injector.fired
