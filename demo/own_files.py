"""The user's own DICOM, from a folder or a ZIP file: read where it lies, nothing of it is written anywhere."""

import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from pydicom import dcmread
from pydicom.dataset import Dataset

from demo.premises import Trouble

_MEMBERS = 200_000
_BYTES = 64 << 30  # of a ZIP file's members together, as it declares them; none gives more than it declares
_PIECE = 1 << 20
_UID = re.compile(r"[0-9.]{1,64}")
_ENCRYPTED = 0x1  # general purpose bit flag (APPNOTE.TXT 4.4.4)
_WANTED = [
    "StudyInstanceUID",
    "SOPInstanceUID",
    "StudyDescription",
    "AccessionNumber",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
]
Opener = Callable[[], IO[bytes]]


@dataclass(slots=True)
class OwnStudy:
    """One study: the tags of its first file, and how to open each of its files."""

    tags: Dataset
    files: list[Opener] = field(default_factory=list)

    def pieces(self) -> Iterator[Iterator[bytes]]:
        """Give each file, piece by piece."""
        return map(_pieces, self.files)


@dataclass(slots=True)
class OwnFiles:
    """Everything that was found: studies by Study Instance UID, and how many files are no DICOM instance."""

    studies: dict[str, OwnStudy] = field(default_factory=dict)
    ignored: int = 0


def read_own_files(path: Path) -> OwnFiles:
    """Read the headers below a folder, or of the members of a ZIP file, and group them by study.

    Raises
    ------
    Trouble
        When there is no DICOM instance, or the ZIP file cannot be read, is encrypted or too large.
    """
    found = OwnFiles()
    for opener in _folder(path) if path.is_dir() else _archive(path):
        tags = _tags(opener)
        if tags is None:
            found.ignored += 1
        else:
            found.studies.setdefault(str(tags.StudyInstanceUID), OwnStudy(tags)).files.append(opener)
    if not found.studies:
        raise Trouble(f"There is no DICOM instance in {path}; {found.ignored} other files are there.")
    return found


def _folder(path: Path) -> Iterator[Opener]:
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield partial(_open, file)


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _archive(path: Path) -> Iterator[Opener]:
    try:
        archive = zipfile.ZipFile(path)  # stays open: its members are read again when they are sent
    except (zipfile.BadZipFile, OSError):
        raise Trouble(f"{path} is neither a folder nor a ZIP file that can be read.") from None
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > _MEMBERS or sum(member.file_size for member in members) > _BYTES:
        raise Trouble(f"{path} holds more than {_MEMBERS} files or {_BYTES >> 30} GiB. Unpack it, and give the folder.")
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise Trouble(f"{path} is encrypted. Unpack it, and give the folder.")
    for member in members:
        yield partial(archive.open, member)


def _tags(opener: Opener) -> Dataset | None:
    """Read what is wanted of a file; None when it is no instance, whatever a stranger's file makes the reader say."""
    try:
        with opener() as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tags = dcmread(file, stop_before_pixels=True, specific_tags=[*_WANTED])
            tags.decode()
    except Exception:  # noqa: BLE001
        return None
    return tags if all(_UID.fullmatch(str(tags.get(name))) for name in _WANTED[:2]) else None


def _pieces(opener: Opener) -> Iterator[bytes]:
    with opener() as file:
        while piece := file.read(_PIECE):
            yield piece
