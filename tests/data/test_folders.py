"""Kind: a sub-folder that cannot be read is an error, and not an empty one."""

import errno
import os
from pathlib import Path

import pytest

from data_prep.readers import get_reader
from data_prep.registration.image_matching import images_below
from mlcmkd.data.folders import files_below
from mlcmkd.data.landmark_files import read_landmarks
from mlcmkd.data.pts import write_pts
from mlcmkd.deployment.sources import find_sources
from mlcmkd.studies.configurations import read_runs
from mlcmkd.utils.errors import InputError
from tests.data_prep import sources


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Two faces, one of them in a folder that only its owner may list; also for root."""
    for name in ("a", "locked/b", "lost+found/c", ".Trash/d"):
        sources.image(tmp_path / f"{name}.png")
        write_pts(tmp_path / f"{name}.pts", sources.points(68) / 3)
    scandir = os.scandir

    def refusing(path="."):
        if Path(path).name in ("locked", "lost+found", ".Trash"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    return tmp_path


@pytest.mark.parametrize(
    "read",
    [
        lambda folder: list(get_reader("ibug_pts")(folder)),
        lambda folder: list(get_reader("folder")(folder)),
        lambda folder: list(find_sources([folder])),
        lambda folder: read_landmarks(folder, "ibug68"),
        lambda folder: read_runs([folder]),
        images_below,
        files_below,
    ],
)
def test_a_folder_that_cannot_be_read_is_an_error_and_not_empty(source, read):
    message = f"{source}/locked: the folder cannot be read .Permission denied.; change its permi"
    with pytest.raises(InputError, match=message):
        read(source)


def test_the_other_folders_are_read_on_request_and_those_of_the_system_are_left_out(source):
    bad = []
    faces = list(get_reader("ibug_pts")(source, lambda name, error: bad.append(name)))
    assert [face.id for face in faces] == ["a"] and set(bad) == {"locked"}
    assert list(images_below(sources.image(source / "x/y.png").parent)) == ["y"]
