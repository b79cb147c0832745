"""What the peers of this folder share: programs that are run, and images of their own for them to send."""

import shutil
import subprocess
from pathlib import Path

import pydicom

from tests.databases import ROOT
from tests.peers.conftest import Site, lacking

NODE = ROOT / ".cache" / "node-peers"
SECONDS = 60
SENT = "1.2.826.6.2"
"""The study of all images that the senders send."""


def installed(path: str) -> Path | None:
    """Return a file of a Debian package where it is installed."""
    return Path(path) if Path(path).exists() else None


def run(*command: object, **options) -> str:
    """Run a program to its end, which must be good; returns what it said."""
    if shutil.which(str(command[0])) is None:
        lacking(str(command[0]))
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False, **options)
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-1000:]} {done.stderr[-1000:]}"
    return done.stdout + done.stderr


def image(site: Site, folder: Path, number: int, like: str = "CT_small.dcm") -> Path:
    """Write an image under UIDs of its own as a file."""
    dataset = pydicom.dcmread(site.files[like])
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = SENT, f"{SENT}.{number}"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = instance_uid(number)
    dataset.PatientID, dataset.AccessionNumber = "PEER-2", "PEER-B"
    dataset.save_as(folder / f"{number}.dcm")
    return folder / f"{number}.dcm"


def instance_uid(number: int) -> str:
    """Return the SOP Instance UID of an image."""
    return f"{SENT}.{number}.1"
