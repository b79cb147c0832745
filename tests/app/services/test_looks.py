"""Other looks of a series: offered, made when first asked for, kept, and gone at once with what they were made of."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from app.access.load.links import open_link
from app.core.errors import NotFound
from app.core.identifiers import digest_of
from app.dicom.kinds import Kind
from app.jobs.drain import drain, drain_all
from app.models.imaging import SeriesPreview, StoredObject, Study
from app.models.outbox import OutboxEntry
from app.outbox import claim
from app.services import previews, viewing
from app.services.pictures import Asked, PictureDesk
from app.services.unit_of_work import Scope, reading, unit_of_work
from tests import factories as make
from tests import objects

pytestmark = pytest.mark.both_databases


@pytest.fixture
def case(parts):
    return make.make_case(parts, pictures=2)


class Viewer:
    """A patient who looks at series of one study."""

    def __init__(self, parts, case):
        self.parts, self.case = parts, case
        opened = make.open_link(parts, make.make_link(parts, case))
        self.digest, self.public_id = digest_of(opened.secret), opened.public_id
        with reading(parts, case.scope) as session:
            self.link = open_link(session, self.digest, self.public_id)
        self.desk = PictureDesk(parts)

    def look(self, name=None, position=1):
        return viewing.series_pictures(self.parts, self.link, position, name)

    def picture(self, name=None, place=1):
        jpeg = self.desk.picture(self.digest, self.public_id, Asked("preview", 1, place, name))
        return np.asarray(Image.open(BytesIO(jpeg)), int)

    def rows(self, table):
        with reading(self.parts, self.case.scope) as session:
            return session.scalars(select(table)).all()


@pytest.fixture
def viewer(parts, case):
    return Viewer(parts, case)


def hounsfield_slices(count):
    """Make slices of a chest CT, whose lung window shows another grey than its own one."""
    for at in range(count):
        dataset = objects.object_of("1.2.840.10008.5.1.4.1.1.2", "CT")
        dataset.BodyPartExamined, dataset.RescaleIntercept, dataset.RescaleSlope = "CHEST", -1024, 1
        dataset.RescaleType = "HU"
        dataset.set_pixel_data(np.full((16, 16), 424 + at, np.uint16), "MONOCHROME2", 12, generate_instance_uid=False)
        yield dataset


@pytest.fixture
def chest(parts):
    hospital = make.make_hospital(parts)
    patient = make.make_patient(parts, hospital, identifier="P-1")
    order = make.make_order(parts, hospital, patient)
    case = make.Case(hospital, patient, order, make.make_study_ready(parts, hospital, order, pictures=1))
    make.add_series(parts, case, 0, *hounsfield_slices(2))  # before the series 1 of the study
    return Viewer(parts, case)


def test_a_window_is_made_when_first_asked_for_and_kept(parts, chest):
    assert {"lung", "bone"} <= {look.name for look in chest.look().looks}
    first = chest.look("lung")
    assert (first.look, first.preparing) == (None, "lung")
    with pytest.raises(NotFound):
        chest.picture("lung")
    chest.look("lung")
    (owed,) = [entry for entry in chest.rows(OutboxEntry) if entry.topic == previews.RENDER_LOOK]
    assert owed.closed_at is None
    drain(parts, previews.RENDER_LOOK)
    made = chest.look("lung")
    assert (made.look, made.preparing, len(made.index.frames)) == ("lung", None, 2)
    assert made.index.frames[0].window == (-600, 1500)
    assert chest.picture("lung").mean() > chest.picture().mean() + 50  # -600 HU is mid-grey there, black in soft tissue
    drain_all(parts)
    assert len([entry for entry in chest.rows(OutboxEntry) if entry.topic == previews.RENDER_LOOK]) == 1


def test_asking_while_it_is_under_way_takes_nothing_from_the_worker(parts, chest):
    chest.look("lung")
    with unit_of_work(parts, Scope(worker=True)) as session:
        (owed,) = claim(session, previews.RENDER_LOOK, limit=8, now=parts.clock())
    chest.look("lung")
    previews.render_look(parts, owed)
    assert all(entry.closed_at for entry in chest.rows(OutboxEntry) if entry.topic == previews.RENDER_LOOK)


def test_a_look_that_is_not_offered_is_the_own_one_and_owes_nothing(parts, chest):
    for name in ("liver", "state-1.2.3", "", "../x", "file-1"):
        found = chest.look(name)
        assert (found.look, found.preparing) == (None, None), name
    assert not [entry for entry in chest.rows(OutboxEntry) if entry.topic == previews.RENDER_LOOK]


def test_a_series_that_changed_is_made_anew_in_its_looks(parts, chest):
    chest.look("lung")
    drain(parts, previews.RENDER_LOOK)
    (before,) = chest.rows(SeriesPreview)
    make.add_series(parts, chest.case, 0, *hounsfield_slices(3))
    with pytest.raises(NotFound):
        chest.picture("lung")
    assert chest.look("lung").preparing == "lung"
    drain(parts, previews.RENDER_LOOK)
    (after,) = chest.rows(SeriesPreview)
    assert len(chest.look("lung").index.frames) == 3
    assert before.object_id != after.object_id
    assert before.object_id not in {row.id for row in chest.rows(StoredObject)}


def test_what_the_hospital_takes_back_is_gone_from_every_look_at_once(parts, chest):
    chest.look("lung")
    drain(parts, previews.RENDER_LOOK)
    assert chest.picture("lung").size
    with unit_of_work(parts, chest.case.scope) as session:
        study = session.get_one(Study, chest.case.study)
        series_id = chest.look().series[0].series_id
        previews.study_state.withdraw(session, study, [series_id], now=parts.clock())
    with pytest.raises(NotFound):
        chest.picture("lung")


def test_a_presentation_state_is_offered_where_it_refers_to_and_shows_its_look(parts, viewer):
    first = viewer.look().index.frames[0].sop_instance_uid
    series_uid = first.rpartition(".")[0]
    state = objects.presentation_state(series_uid, [first], "AS READ", ImageRotation=180, ImageHorizontalFlip="N")
    other = objects.presentation_state("1.2.3.4.5", ["1.2.3.4.5.6"], "OTHER")
    make.add_series(parts, viewer.case, 8, state, other)
    (offered,) = [look for look in viewer.look().looks if look.is_presentation]
    assert offered.label == "AS READ"
    assert offered.name == f"state-{state.SOPInstanceUID}"
    viewer.look(offered.name)
    drain(parts, previews.RENDER_LOOK)
    found = viewer.look(offered.name)
    assert found.look == offered.name
    assert found.index.frames[0].edges is None
    turned, own = viewer.picture(offered.name), viewer.picture()
    assert np.abs(turned - own[::-1, ::-1]).mean() < np.abs(turned - own).mean()
    assert np.abs(viewer.picture(offered.name, 2) - viewer.picture(None, 2)).max() == 0  # it says nothing of the second
    assert Kind.PRESENTATION in found.series[1].kinds
