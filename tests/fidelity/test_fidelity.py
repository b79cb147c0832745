"""A sample of `make fidelity`, beside DCMTK alone; and faults planted on purpose, which must turn it red."""

import io
import shutil
from dataclasses import replace

import numpy as np
import pytest

from app.dicom import look as look_module
from app.dicom.decode_pool import DecodePool
from app.dicom.frames import PixelSource
from app.dicom.rendition import rendition
from tests.app.dicom.samples import file_of, image, pydicom_file
from tests.fidelity.__main__ import verdict
from tests.fidelity.cases import made_files, task_of
from tests.fidelity.compare import compare
from tests.fidelity.lossless import compare_bits
from tests.fidelity.report import write_report

pytestmark = [
    pytest.mark.skipif(shutil.which("dcm2pnm") is None, reason="DCMTK is not installed; apt-get install dcmtk"),
    pytest.mark.filterwarnings("ignore"),
]
PUBLISHED = ["CT_small.dcm", "MR_small_RLE.dcm", "examples_palette.dcm", "examples_ybr_color.dcm", "JPGExtended.dcm"]


@pytest.fixture(scope="module")
def pool():
    with DecodePool(2) as pool:
        yield pool


@pytest.fixture(scope="module")
def cases(tmp_path_factory, pool):
    folder = tmp_path_factory.mktemp("fidelity")
    paths = [*made_files(folder), *map(pydicom_file, PUBLISHED)]
    tasks = [task for path in paths if (task := task_of(path))]
    return compare(tasks, folder, pool, ["DCMTK"])


def test_pictures_are_those_of_dcmtk(cases):
    drawn = [case for case in cases if case.peers]
    assert len(drawn) > 30
    assert [case.task.path.name for case in drawn if not case.passes] == []
    assert verdict(cases, []) == []


def test_the_report_needs_nothing_else(cases, tmp_path):
    write_report(cases, ["a fault"], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("<tr>") == 10
    assert page.count("data:image/png;base64,") >= 20
    assert "a fault" in page
    assert "http" not in page


def test_lossless_values_are_those_of_the_reference_decoders(tmp_path, pool):
    compressed = [path for path in made_files(tmp_path) if not path.stem.endswith(("explicit", "implicit"))]
    compared, faults = compare_bits(compressed, tmp_path, pool)
    assert compared >= 12
    assert faults == []


def test_a_wrong_value_is_seen(tmp_path):
    class Wrong:
        def explicit(self, file):
            with DecodePool(1) as pool:
                decoded = bytearray(pool.explicit(file))
            decoded[-1] ^= 1
            return bytes(decoded)

    (path,) = [path for path in made_files(tmp_path) if path.stem == "ct-rle"]
    assert len(compare_bits([path], tmp_path, Wrong())[1]) == 1


class InProcess:
    """Draws where faults can be planted, and asks for another frame or window than it should."""

    def __init__(self, **other):
        self._other = other

    def rendition(self, file, asked):
        off = {name: getattr(asked, name) + by for name, by in self._other.items()}
        return rendition(PixelSource(io.BytesIO(file)), replace(asked, **off))


@pytest.fixture
def scan(tmp_path):
    y, x = np.mgrid[:96, :128]
    frames = [(1064 + 150 * np.sin(x / (7 + 3 * at)) * np.cos(y / 11)).astype(np.int16) for at in range(4)]
    dataset = image(
        np.stack(frames),
        Modality="CT",
        RescaleSlope="1",
        RescaleIntercept="-1024",
        WindowCenter=["40", "100"],
        WindowWidth=["400", "700"],
    )
    path = tmp_path / "scan.dcm"
    path.write_bytes(file_of(dataset))
    return path


def faults_of(scan, tmp_path, pool):
    return verdict(compare([task_of(scan)], tmp_path, pool, ["DCMTK"]), [])


def test_without_a_fault_it_is_green(scan, tmp_path):
    assert faults_of(scan, tmp_path, InProcess()) == []


def test_five_hounsfield_units_too_many_turn_it_red(scan, tmp_path, monkeypatch):
    right = look_module.Looks._new_grey_look

    def brighter(self, groups, index):
        look = right(self, groups, index)
        return replace(look, intercept=look.intercept + 5)

    monkeypatch.setattr(look_module.Looks, "_new_grey_look", brighter)
    assert faults_of(scan, tmp_path, InProcess())


@pytest.mark.parametrize("other", [{"window_index": 1}, {"frame": -1}])
def test_another_window_or_frame_turns_it_red(scan, tmp_path, other):
    assert faults_of(scan, tmp_path, InProcess(**other))
