"""Names that last: a name is on the disk once the folder that holds it was synced, and so for each folder above."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folders_above(path: Path) -> None:
    """Make durable the name of a file or folder, and those of all folders on the way to it within its file system."""
    for folder in path.absolute().parents:
        try:
            sync_folder(folder)
        except PermissionError:
            return  # it belongs to somebody else, who made it long before
        if folder.is_mount():
            return
