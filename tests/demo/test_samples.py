import uuid
from io import BytesIO

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.data import get_testdata_file

from demo.patients import CAMILLE
from demo.samples import FILES, sample_study


@pytest.fixture(scope="module")
def study():
    return list(sample_study(CAMILLE, seed=uuid.UUID(int=9)))


def original(name):
    return dcmread(get_testdata_file(name, download=False))


def test_all_samples_are_one_study_of_one_patient(study):
    assert len(study) == len(FILES)
    assert len({(i.StudyInstanceUID, i.PatientID, i.AccessionNumber) for i in study}) == 1
    assert len({i.SOPInstanceUID for i in study}) == len({i.SeriesInstanceUID for i in study}) == len(FILES)


def test_syntaxes_and_classes_are_many(study):
    assert len({i.file_meta.TransferSyntaxUID for i in study}) >= 8
    assert len({i.SOPClassUID for i in study}) >= 6


@pytest.mark.parametrize("index", range(len(FILES)), ids=FILES)
def test_pixels_and_text_survive_relabelling_and_writing(study, index):
    buffer = BytesIO()
    dcmwrite(buffer, study[index], enforce_file_format=True)
    buffer.seek(0)
    written, before = dcmread(buffer), original(FILES[index])
    assert written.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
    assert written.file_meta.MediaStorageSOPInstanceUID == written.SOPInstanceUID
    assert written.PatientName == "Lefèvre^Camille"
    assert written.get("PixelData") == before.get("PixelData")
    assert written.get("ImageComments") == before.get("ImageComments")
    assert written.get("ContentSequence") == before.get("ContentSequence")
