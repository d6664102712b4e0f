"""Kind: files of a data set that are not read. They are counted and said."""

import pytest

from data_prep.notices import unread_files
from data_prep.prepare import prepare
from mlcmkd.utils.errors import InputError
from tests.data_prep import sources

YOLO = "or prepare labels of YOLO by the format yolo_pose"


def test_files_that_may_hold_landmarks_and_are_not_read_are_counted(tmp_path):
    sources.folder_pts(tmp_path / "in")
    source = tmp_path / "in"
    before = unread_files("folder", source)
    assert before == []
    picture = next(path for path in source.rglob("*") if path.suffix in (".png", ".jpg"))
    for path in (
        *(source / name for name in ("a.mat", "b.MAT", "c.npz", "README.txt", "d.heic")),
        picture.with_suffix(".txt"),
        picture.with_suffix(".npy"),
    ):
        path.write_bytes(b"0")
    *_, heic, tables = prepare("folder", source, tmp_path / "out", progress=False).notices
    assert f"notice: {source}: 1 other file is not read (1 .heic)" in heic
    kinds = "(2 .mat, 1 .npz, 1 .npy, 1 .txt)"
    assert sorted(tables.split("not read ")[1].split(")")[0]) == sorted(kinds[:-1])
    assert tables.startswith(f"notice: {source}: files that may hold landmarks") and YOLO in tables
    assert len(unread_files("ibug_pts", source)) == 1, "other formats have files of their own"


def test_a_folder_of_other_annotations_says_which_are_not_read(tmp_path):
    source = tmp_path / "in"
    sources.image(source / "images/a.png")
    sources.text(source / "labels/a.txt", "0 .5 .5 1 1")
    with pytest.raises(
        InputError, match=rf"no face in format 'folder'; files .* \(1 \.txt\); .*{YOLO}"
    ):
        prepare("folder", source, tmp_path / "out", progress=False)
