"""Metadata written behind the acknowledgement: what is new is described, nothing twice, and nobody is kept waiting."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select, text, update

from app.dicom.metadata_pack import read_entries
from app.jobs.drain import JOBS, drain
from app.models.imaging import Series, StoredObject, Study
from app.outbox import claim
from app.services import series_metadata, study_state
from app.services.objects import reader
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import factories as make


@pytest.fixture
def later(parts):
    return replace(parts, clock=lambda: parts.clock() + make.SOON)


def entries(parts, case):
    with reading(parts, case.scope) as session:
        series = session.scalars(select(Series).where(Series.study_id == case.study)).one()
        data = reader(session, parts, case.hospital, series.metadata_object_id).read()
        packs = session.scalars(select(StoredObject.id).where(StoredObject.purpose == "metadata")).all()
    return read_entries(data), packs


@pytest.mark.both_databases
def test_what_was_described_is_kept_and_what_is_new_is_added(parts, later, monkeypatch):
    case = make.make_case(parts, pictures=3)
    drain(later, series_metadata.WRITE)
    monkeypatch.delattr(series_metadata, "describe")
    with unit_of_work(parts, case.scope) as session:
        session.execute(update(Series).values(changes=Series.changes + 1))
        series_id = session.scalars(select(Series.id)).one()
        series_metadata.owe_metadata(session, parts, case.hospital, series_id)
    drain(later, series_metadata.WRITE)
    found, packs = entries(parts, case)
    assert [entry.row.facts["rows"] for entry in found] == [32] * 3
    assert len(packs) == 1


@pytest.mark.both_databases
def test_what_is_owed_again_and_again_is_done_all_the_same(parts):
    case = make.make_case(parts, pictures=1)
    with unit_of_work(parts, case.scope) as session:
        series_id = session.scalars(select(Series.id)).one()
    for seconds in (0, 0.4, 0.8):
        early = replace(parts, clock=lambda s=seconds: parts.clock() + s * series_metadata.GATHER)
        with unit_of_work(early, case.scope) as session:
            series_metadata.owe_metadata(session, early, case.hospital, series_id)
    soon = parts.clock() + series_metadata.GATHER
    with unit_of_work(parts, Scope(worker=True)) as session:
        assert [owed.key for owed in claim(session, series_metadata.WRITE, limit=8, now=soon)] == [str(series_id)]


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("job", [series_metadata.WRITE, study_state.RENDER])
def test_a_job_waits_for_who_holds_the_study_and_holds_nothing_meanwhile(parts, later, job, database):
    case = make.make_case(parts, pictures=1)
    with unit_of_work(parts, case.scope) as session:
        session.execute(update(Series).values(changes=Series.changes + 1))
        series_id = session.scalars(select(Series.id)).one()
        study_state.owe(session, case.hospital, job, str(series_id), due_at=parts.clock(), now=parts.clock())
    with unit_of_work(parts, Scope(worker=True)) as session:
        (owed,) = claim(session, job, limit=8, now=later.clock())
    with ThreadPoolExecutor(1) as pool:
        with unit_of_work(parts, case.scope) as session:
            session.execute(select(Study.id).where(Study.id == case.study).with_for_update())
            running = pool.submit(JOBS[job], later, owed)
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            while not session.scalar(waiting):
                assert not running.done()
            session.execute(text("SET LOCAL lock_timeout = '3s'"))
            session.execute(update(Series).values(picture_count=1))
        running.result(30)
