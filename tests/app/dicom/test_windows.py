"""Windows of the file, presets by modality and part of the body."""

import pytest
from pydicom.dataset import Dataset

from app.dicom.render import VoiFunction, Window
from app.dicom.windows import file_windows, presets


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("CT", "CHEST"), ["lung", "soft_tissue", "bone"]),
        (("CT", "", "胸部CT平扫"), ["lung", "soft_tissue", "bone"]),
        (("CT", "HEAD"), ["brain", "bone"]),
        (("CT", "ABDOMEN", "CHEST"), ["soft_tissue", "bone"]),
        (("CT", ""), ["soft_tissue", "bone"]),
        (("MR", "HEAD"), []),
        (("PT", "CHEST"), []),
    ],
)
def test_presets_go_by_modality_and_body_part(arguments, names):
    assert [preset.name for preset in presets(*arguments)] == names


def test_the_windows_of_the_file_keep_their_place_and_words():
    voi = Dataset()
    voi.WindowCenter, voi.WindowWidth = ["1", "2", "3"], ["10", "0", "30"]
    voi.WindowCenterWidthExplanation = ["WINDOW1", "WINDOW2"]
    found = [(preset.name, preset.label, preset.window) for preset in file_windows(voi)]
    assert found == [("file-1", "WINDOW1", Window(1, 10)), ("file-3", "", Window(3, 30))]
    voi.VOILUTFunction = "SIGMOID"
    assert next(file_windows(voi)).window == Window(1, 10, VoiFunction.SIGMOID)
