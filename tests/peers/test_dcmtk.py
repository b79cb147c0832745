"""DCMTK, as modalities have it: storescu in every transfer syntax that it can propose, dcmsend, echoscu, dcmmkdir."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from tests.peers.conftest import MIXED, Site
from tests.peers.tools import SENT, image, instance_uid, run

ENCODERS = {
    "-xe": ["dcmconv", "+te"],
    "-xb": ["dcmconv", "+tb"],
    "-xi": ["dcmconv", "+ti"],
    "-xd": ["dcmconv", "+td"],
    "-xr": ["dcmcrle"],
    "-xs": ["dcmcjpeg", "+e1"],
    "-xx": ["dcmcjpeg", "+ee", "+un"],
    "-xt": ["dcmcjpls", "+el"],
    "-xu": ["dcmcjpls", "+en", "+un"],
}
"""By what storescu is told to propose: DCMTK's own encoders."""
PUBLISHED = {"-xy": "SC_rgb_jpeg_dcmtk.dcm", "-xv": "MR_small_jp2klossless.dcm", "-xw": "JPEG2000.dcm"}
VIDEO = {
    "-xm": "1.2.840.10008.1.2.4.100", "-xh": "1.2.840.10008.1.2.4.101", "-xn": "1.2.840.10008.1.2.4.102",
    "-xl": "1.2.840.10008.1.2.4.103", "-x2": "1.2.840.10008.1.2.4.104", "-x3": "1.2.840.10008.1.2.4.105",
    "-xo": "1.2.840.10008.1.2.4.106", "-x4": "1.2.840.10008.1.2.4.107", "-x5": "1.2.840.10008.1.2.4.108",
}  # fmt: skip
"""Nobody looks into a video on its way: what has to be the same afterwards is its bytes."""
NUMBERS = {proposal: number for number, proposal in enumerate((*ENCODERS, *PUBLISHED, *VIDEO), start=10)}


def encoded(site: Site, folder: Path, proposal: str) -> Path:
    """Write the image that is sent in one transfer syntax."""
    number = NUMBERS[proposal]
    if proposal in PUBLISHED:
        return image(site, folder, number, PUBLISHED[proposal])
    plain = image(site, folder, number)
    if proposal in ENCODERS:
        run("dcmodify", "-nb", "-m", "PixelRepresentation=0", plain)  # not every encoder takes signed cells
        run(*ENCODERS[proposal], plain, folder / "encoded.dcm")
    else:
        dataset = pydicom.dcmread(plain)
        dataset.file_meta.TransferSyntaxUID = UID(VIDEO[proposal])
        dataset.PixelData = encapsulate([bytes(range(256)) * 400])
        dataset.save_as(folder / "encoded.dcm")
    return folder / "encoded.dcm"


def check_is_kept(site: Site, sent: pydicom.Dataset) -> None:
    """Require that an image is given as it was sent, or, of what is never given as it was, with the same cells."""
    path = f"/studies/{SENT}/series/{sent.SeriesInstanceUID}/instances/{sent.SOPInstanceUID}"
    got = pydicom.dcmread(io.BytesIO(site.get(path, "application/dicom; transfer-syntax=*").content))
    if sent.file_meta.TransferSyntaxUID.is_encapsulated:
        assert got.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
        assert got.PixelData == sent.PixelData
    else:
        np.testing.assert_array_equal(got.pixel_array, sent.pixel_array)


@pytest.mark.parametrize("proposal", NUMBERS)
def test_dcmtk_storescu_sends_in_the_transfer_syntax_that_it_proposes(site, tmp_path, proposal):
    file = encoded(site, tmp_path, proposal)
    titles = ["-aet", site.calling, "-aec", site.called]
    run("storescu", "-R", *titles, proposal, "127.0.0.1", site.stand.dimse_port, file)
    check_is_kept(site, pydicom.dcmread(file))


def test_dcmtk_echoes_and_sends_a_folder(site, tmp_path):
    titles = ["-aet", site.calling, "-aec", site.called]
    run("echoscu", *titles, "127.0.0.1", site.stand.dimse_port)
    files = [image(site, tmp_path, number) for number in (40, 41)]
    run("dcmsend", *titles, "127.0.0.1", site.stand.dimse_port, *files)
    assert {instance_uid(40), instance_uid(41)} <= set(site.instances(SENT))


def test_dcmtk_reads_the_directory_of_an_archive_and_adds_to_it(mixed, tmp_path):
    answer = mixed.get(f"/studies/{MIXED}/archive", "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path)
    assert run("dcmdump", "+P", "0004,1500", tmp_path / "DICOMDIR").count("ReferencedFileID") == len(mixed.files)
    added = tmp_path / "DICOM" / "ADDED"
    image(mixed, tmp_path, 42).rename(added)
    run("dcmmkdir", "+A", "-W", "DICOM/ADDED", cwd=tmp_path)
    assert run("dcmdump", "+P", "0004,1500", tmp_path / "DICOMDIR").count("ReferencedFileID") == len(mixed.files) + 1
