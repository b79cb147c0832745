"""The spine over an object store: the same promises, and a store that is away is said to be, not papered over."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from app.dicom.instance import parse_header
from app.jobs.drain import drain
from app.models.imaging import InstanceVersion, Series, StoredObject, Study
from app.services import study_state, sweeping
from app.services.ingest import OUT_OF_RESOURCES, Intake
from app.services.ingest_versions import Sender
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import factories as make
from tests import stores
from tests.app.routes.dicomweb.conftest import Pacs
from tests.factories import slice_file

pytestmark = [
    pytest.mark.flow,
    pytest.mark.postgres,
    pytest.mark.parametrize("database", ["postgresql"], indirect=True),
]
STUDY = "1.2.826.5.1"


@pytest.fixture(scope="module", autouse=True)
def _credentials():
    yield from stores.in_this_process()


@pytest.fixture(scope="module")
def server():
    with stores.moto() as address:
        yield address


@pytest.fixture
def line(server):
    with stores.line_to(server) as line:
        yield line


@pytest.fixture
def settings(settings, line):
    """An installation without a folder of objects."""
    return replace(
        settings, data_folder=type(settings.data_folder)(), object_store=stores.STORE, s3_endpoint_url=line.address
    )


@pytest.fixture
def pacs(client, parts):
    hospital = make.make_hospital(parts)
    return Pacs(client, parts, hospital, "yz1", make.make_api_key(parts, hospital))


def files(*numbers: int) -> list[bytes]:
    return [slice_file(STUDY, number, "P-1", "A-1") for number in numbers]


def counted(parts, hospital, table) -> int:
    with reading(parts, Scope(hospital=hospital)) as session:
        return session.scalar(select(func.count()).select_from(table))


def test_a_study_is_stored_rendered_and_given_back_bit_for_bit(pacs, client, parts):
    case = make.make_case(parts, "yz2", pictures=2)
    opened = make.open_link(parts, make.make_link(parts, case))
    client.set_cookie("__Host-filmpass", opened.secret, secure=True)
    for picture in ("p/1/1.jpg", "p/1/2.jpg", "t/1.jpg"):
        assert client.get(f"/v/{opened.public_id}/{picture}").data.startswith(b"\xff\xd8")

    sent = files(1, 2, 3)
    assert pacs.stow(*sent).status_code == 200
    for number, file in enumerate(sent, 1):
        assert pacs.retrieve(STUDY, f"{STUDY}.1", f"{STUDY}.1.{number}", accept="application/dicom").data == file
    assert client.get("/readyz").json["store"] is True
    assert b"filmpass_store_free_bytes" in client.get("/metrics").data


def test_what_cannot_be_read_is_kept_apart_and_a_sweep_keeps_what_rows_name(pacs, parts, monkeypatch):
    assert pacs.stow(*files(1), b"no DICOM at all").status_code == 202
    assert counted(parts, pacs.hospital, StoredObject) == 2
    with reading(parts, Scope(hospital=pacs.hospital)) as session:
        named = set(session.scalars(select(StoredObject.pack_id)))
    orphan = parts.store.create()
    orphan_id = orphan.pack_id
    orphan.write(b"of an arrival that died before its rows were there")
    orphan.commit()
    assert sweeping.sweep(parts).packs == 0, "it is not a day old"
    monkeypatch.setattr(sweeping, "GRACE_SECONDS", -3600)
    sweeping.sweep(parts)
    left = set(parts.store.packs(older_than=1 << 40))
    assert named <= left
    assert orphan_id not in left


def test_while_the_store_is_away_nothing_is_acknowledged_and_afterwards_all_goes_on(pacs, client, parts, line):
    assert pacs.stow(*files(1)).status_code == 200
    line.down = True

    refused = pacs.stow(*files(2, 3))
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
    assert "00081199" not in refused.json, "nothing is called stored"
    intake = Intake(parts, Sender(pacs.hospital, "c-store", "tests", "YZ1"))
    outcome = intake.take(iter(files(4)), parse_header)
    intake.close()
    assert outcome.failure == OUT_OF_RESOURCES
    unreadable = pacs.stow(b"no DICOM at all")
    assert unreadable.status_code == 400, "its reason is not hidden by a store that cannot keep it apart"
    away = pacs.retrieve(STUDY, f"{STUDY}.1", f"{STUDY}.1.1", accept="application/dicom")
    assert (away.status_code, away.json["code"]) == (503, "store-unavailable")
    assert int(away.headers["Retry-After"]) > 0
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["store"], ready.json["database"]) == (503, False, True)
    assert client.get("/healthz").status_code == 200
    assert counted(parts, pacs.hospital, InstanceVersion) == 1

    line.down = False
    assert pacs.stow(*files(1, 2, 3, 4)).status_code == 200
    assert client.get("/readyz").status_code == 200
    assert counted(parts, pacs.hospital, InstanceVersion) == 4
    for number, file in enumerate(files(1, 2, 3, 4), 1):
        assert pacs.retrieve(STUDY, f"{STUDY}.1", f"{STUDY}.1.{number}", accept="application/dicom").data == file


def test_previews_that_met_a_store_that_was_away_are_made_once_it_is_back(parts, line):
    parts, clock = make.with_clock(parts)
    hospital = make.make_hospital(parts)
    intake = Intake(parts, Sender(hospital, "stow", "tests", "YZ1"))
    intake.take(iter(files(1)), parse_header)
    intake.close()
    with unit_of_work(parts, Scope(hospital=hospital)) as session:
        study = session.scalars(select(Study)).one()
        study_state.call_complete(session, study, expected=None, manifest=(), now=clock())
    drain(parts, study_state.SETTLE)

    line.down = True
    drain(parts, study_state.RENDER)
    assert shown(parts, hospital) == (study_state.RENDERING, 0)

    line.down = False
    clock.forward(hours=1)
    drain(parts, study_state.RENDER)
    assert shown(parts, hospital) == (study_state.READY, 1)


def shown(parts, hospital) -> tuple[str, int]:
    with reading(parts, Scope(hospital=hospital)) as session:
        return session.execute(select(Study.state, Series.shown_count).join(Series, Series.study_id == Study.id)).one()
