"""The bench itself, small: it measures the real processes, and what it claims about a hold is what it saw."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import clients, readiness, reading
from bench.corpus import Corpus
from bench.sides import running_filmpass
from bench.stage import Stage
from tests import databases

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def stage(sqlite_template) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="filmpass-bench-") as name:
        folder = Path(name)
        with databases.sqlite(sqlite_template, folder) as database, running_filmpass(folder, database) as ours:
            yield Stage(Corpus(), ours, None, 1, slices=3)


def test_a_study_is_timed_from_the_call_to_the_patients_phone(stage):
    figures = {figure.name: figure for figure in readiness.ready(stage)}
    assert figures["3 CT uncompressed: call to previews"].ours > 0
    assert figures["3 CT uncompressed: last instance to message accepted"].ours > 0
    assert figures["3 CT JPEG 2000 lossless: CPU each"].ours > 0


def test_every_instance_that_was_timed_is_there_by_both_doors(stage):
    for kind in ("ct", "mr", "j2k"):
        assert clients.stow(stage.ours, [stage.corpus.study(kind, 3), stage.corpus.study(kind, 2)], 2) > 0
    assert clients.c_store(stage.ours, [stage.corpus.study("ct", 2), stage.corpus.study("ct", 3)]) > 0


def test_a_short_count_ends_the_bench(stage, monkeypatch):
    monkeypatch.setattr(stage.ours, "received", lambda _uid: 1)
    with pytest.raises(RuntimeError, match="holds 1 of 2"):
        clients.stow(stage.ours, [stage.corpus.study("ct", 2)], 2)


def test_pictures_are_counted_and_a_refusal_ends_the_bench(stage):
    load = clients.wrk(stage.ours, stage.opened.previews, stage.opened.headers, connections=2, seconds=1)
    assert load.per_second > 10
    assert load.cpu_ms > 0
    with pytest.raises(RuntimeError, match="requests failed"):
        clients.wrk(stage.ours, stage.opened.previews, {}, connections=2, seconds=1)


def test_a_hold_closes_every_picture_under_load(stage):
    served, refused, workers = (figure.ours for figure in reading.hold(stage))
    assert served == 0
    assert refused > 0
    assert workers == 2
