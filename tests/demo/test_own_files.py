import shutil
import zipfile

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from demo.own_files import read_own_files
from demo.premises import Trouble

SAMPLES = ("CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "rtplan.dcm")


@pytest.fixture
def folder(tmp_path):
    below = tmp_path / "films" / "deeper"
    below.mkdir(parents=True)
    for name in SAMPLES:
        shutil.copy(get_testdata_file(name, download=False), below / name)
    (tmp_path / "films" / "README.txt").write_text("not an image")
    (tmp_path / "films" / "cut.dcm").write_bytes((below / "CT_small.dcm").read_bytes()[:140])
    (tmp_path / "films" / "empty").touch()
    return tmp_path / "films"


def zipped(folder, name="{}"):
    archive = folder.parent / "films.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        for file in folder.rglob("*"):
            if file.is_file():
                files.write(file, name.format(file.name))
    return archive


def content(found):
    return {uid: sorted(b"".join(pieces) for pieces in study.pieces()) for uid, study in found.studies.items()}


def expected(folder):
    files = [(folder / "deeper" / name) for name in SAMPLES]
    studies = {}
    for file in files:
        studies.setdefault(str(dcmread(file).StudyInstanceUID), []).append(file.read_bytes())
    return {uid: sorted(contents) for uid, contents in studies.items()}


def test_folder_is_grouped_by_study_and_the_rest_is_counted(folder):
    found = read_own_files(folder)
    assert content(found) == expected(folder)
    assert len(found.studies) == 3, "two of the samples are of one study"
    assert found.ignored == 3


def test_zip_file_is_read_where_it_lies_whatever_its_names_say(folder):
    archive = zipped(folder, "../../../../{}")
    before = sorted(folder.parent.rglob("*"))
    found = read_own_files(archive)
    assert content(found) == expected(folder)
    assert found.ignored == 3
    assert sorted(folder.parent.rglob("*")) == before


def test_study_uid_that_is_none_is_left_out(folder):
    image = dcmread(folder / "deeper" / "CT_small.dcm")
    image["StudyInstanceUID"]._value = "../../etc/passwd"
    image.save_as(folder / "deeper" / "CT_small.dcm")
    assert read_own_files(folder).ignored == 4


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"text"])
def test_file_that_is_no_zip_file_is_refused(tmp_path, content):
    path = tmp_path / "own"
    path.write_bytes(content)
    with pytest.raises(Trouble, match="neither a folder nor a ZIP file"):
        read_own_files(path)


def test_folder_without_dicom_is_refused_with_what_is_there(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(Trouble, match=r"no DICOM instance in .*; 1 other files"):
        read_own_files(tmp_path)


def test_encrypted_zip_file_is_refused(folder):
    archive = zipped(folder)
    changed = bytearray(archive.read_bytes())
    changed[changed.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(changed)
    with pytest.raises(Trouble, match="is encrypted"):
        read_own_files(archive)


def test_zip_file_that_promises_too_much_is_refused(folder, monkeypatch):
    monkeypatch.setattr("demo.own_files._BYTES", 1000)
    with pytest.raises(Trouble, match="Unpack it"):
        read_own_files(zipped(folder))


def test_zip_file_of_too_many_members_is_refused(folder, monkeypatch):
    monkeypatch.setattr("demo.own_files._MEMBERS", 3)
    with pytest.raises(Trouble, match="more than 3 files"):
        read_own_files(zipped(folder))
