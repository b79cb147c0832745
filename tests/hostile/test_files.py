"""Files of strangers through both doors, on to settling and the page: nobody dies, nobody waits, neighbours are kept.

`make test` sends a sample of each kind, `make hostile` all of them.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from app.dicom.instance import UnreadableInstance, parse_header
from tests.app.dicom.samples import SHARED, pydicom_file
from tests.hostile.encoding import Stranger, good
from tests.hostile.files import strangers
from tests.hostile.site import ALL, Site, Visit, is_readable
from tests.stand import standing

pytestmark = [pytest.mark.flow, pytest.mark.timeout(900)]
STUDY = "1.2.826.7.9"
SAMPLE = 7
"""Of how many files one is sent in the sample."""
PUBLISHED = sorted((SHARED / "hostile").rglob("*.dcm"))


@pytest.fixture
def site(database) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="filmpass-") as folder:
        limits = {"decode_memory_bytes": 512 << 20, "decode_seconds": 30 if ALL else 5}
        with standing(Path(folder), database, **limits) as stand:
            made = Site(stand)
            made.expect_patient()
            made.start()
            yield made


def some(items: list) -> list:
    return items if ALL else items[2::SAMPLE]


def send_with_neighbours(site: Site, number: int, stranger: Stranger) -> None:
    """Send a stranger between two neighbours of its own study."""
    study = stranger.uid.rsplit(".", 2)[0]
    neighbours = [good(study, 10_000 + 2 * number), good(study, 10_001 + 2 * number)]
    answers = site.stow(neighbours[0].file, stranger.file, neighbours[1].file)
    expected = {neighbour.uid for neighbour in neighbours} | ({stranger.uid} if stranger.readable else set())
    assert answers.stored == expected, f"{stranger.name}: {answers}"
    assert answers.refused == (0 if stranger.readable else 1), stranger.name


def say(site: Site) -> None:
    """Require that all survived, and tell the figures to who asks for them with `pytest -s`."""
    sys.stdout.write(f"\npeaks in MiB: {site.check_survival()}, slowest answer: {site.slowest:.1f} s\n")


def check_series(visit: Visit) -> None:
    """Require that the study page offers series, and that each opens."""
    assert visit.series
    for path in visit.series:
        page, index = visit.get(path), visit.get(f"{path}/index.json")
        assert page.status_code == index.status_code == 200


def test_generated_files_harm_nobody_and_their_neighbours_are_seen(site):
    sent = some(list(strangers(STUDY)))
    for number, stranger in enumerate(sent):
        send_with_neighbours(site, number, stranger)
    statuses = site.c_store(sent)
    for stranger in sent:
        assert (statuses[stranger.uid] == 0) == stranger.readable, f"{stranger.name}: {statuses[stranger.uid]}"
    site.settle(seconds=600)
    visit = site.visit()
    assert len(visit.series) >= 2 * len(sent)
    check_series(visit)
    picture = visit.get(visit.series[0].replace("series", "p") + "/1.jpg")
    assert picture.content.startswith(b"\xff\xd8\xff")
    assert site.ask_as_a_viewer(every=1 if ALL else 9) <= {200, 404, 406, 422}
    say(site)


def test_a_real_file_cut_at_each_hundredth_harms_nobody(site):
    whole = pydicom_file("CT_small.dcm").read_bytes()
    for percent in range(0, 100, 1 if ALL else 10):
        cut = whole[: len(whole) * percent // 100]
        neighbour = good(STUDY, percent + 1)
        answers = site.stow(cut, neighbour.file)
        assert neighbour.uid in answers.stored
        assert len(answers.stored) == 1 + is_readable(cut)
    site.settle()
    site.check_survival()


@pytest.mark.skipif(not PUBLISHED, reason="shared samples of hostile files are not here")
def test_published_files_harm_nobody(site):
    sent = some(PUBLISHED)
    for number, path in enumerate(sent):
        stranger, neighbour = as_stranger(path), good(STUDY, number + 1)
        answers = site.stow(path.read_bytes(), neighbour.file)
        assert neighbour.uid in answers.stored, path.name
        assert answers.refused == (not stranger.readable), path.name
        status = site.c_store([stranger])[stranger.uid]
        assert (status == 0) == stranger.readable, f"{path.name}: {status}"
        assert status not in {None, 0x0110}, path.name
    site.settle()
    site.resolve_waiting()
    neighbours, published = site.visits(2)
    for visit in (neighbours, published):
        check_series(visit)
    assert (len(neighbours.series), len(published.series)) == (len(sent), 1)
    assert site.ask_as_a_viewer(every=1 if ALL else 9) <= {200, 404, 406, 422}
    say(site)


def as_stranger(path: Path) -> Stranger:
    """Take a file apart, as a PACS does that sends it by C-STORE."""
    file = path.read_bytes()
    try:
        header = parse_header(file, complete=True)
    except UnreadableInstance:
        return Stranger(path.name, "1.2.3.4", ExplicitVRLittleEndian, file[132:], readable=False)
    return Stranger(path.name, header.sop_instance_uid, header.transfer_syntax_uid, file[header.dataset_offset :])
