"""Names are made durable up to the root of the file system, and no further than one may look."""

import os
from pathlib import Path

import pytest

from app.core import folders


def test_every_folder_on_the_way_is_synced_up_to_the_file_systems_root(tmp_path, synced, monkeypatch):
    monkeypatch.setattr(Path, "is_mount", lambda path: path == tmp_path)
    (tmp_path / "a").mkdir()
    folders.sync_folders_above(tmp_path / "a" / "b")
    assert synced == [tmp_path / "a", tmp_path]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        folders.sync_folders_above(tmp_path / "a" / "b")


def test_what_another_owns_and_hides_ends_the_way(tmp_path, synced, monkeypatch):
    (tmp_path / "a").mkdir()
    reached = os.open

    def refused(path, flags, *rest):
        if path == tmp_path:
            raise PermissionError
        return reached(path, flags, *rest)

    monkeypatch.setattr(os, "open", refused)
    folders.sync_folders_above(tmp_path / "a" / "b")
    assert synced == [tmp_path / "a"]
