"""From a source to a manifest, end to end."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from data_prep.prepare import prepare
from data_prep.simulate import SimulationSettings
from mlcmkd.cli import app
from mlcmkd.errors import InputError
from mlcmkd.radiometry import FACE_CENTIKELVIN, GREY8
from mlcmkd.rows import MANIFEST, read_rows

SHARED = Path(__file__).parents[2] / "shared" / "data"


def _marks():
    """68 points of a rough frontal face within 64 x 64 pixels."""
    angle = np.linspace(np.pi, 0, 17)
    jaw = np.stack([32 + 20 * np.cos(angle), 25 + 25 * np.sin(angle)], axis=1)
    rest = np.random.default_rng(0).uniform([20, 20], [44, 44], (51, 2))
    rest[10] = [32, 24]  # nose bridge
    return np.concatenate([jaw, rest])


MARKS = _marks()


def face(source, name, seed):
    source.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    cv2.imwrite(str(source / f"{name}.png"), pixels)
    lines = "".join(f"{x!r} {y!r}\n" for x, y in (MARKS + 1).tolist())
    (source / f"{name}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")


@pytest.fixture
def faces(tmp_path):
    """Twelve photos of ten subjects: eight to be shared out, two of the test."""
    source = tmp_path / "source"
    for i in range(8):
        face(source, f"train/{1000 + i}_1", i)
    for i in range(2):
        face(source, f"train/{1000 + i}_2", 20 + i)
        face(source, f"lfpw_test/image_{i:04d}", 30 + i)
    return source


def run(source, out, **options):
    return prepare("ibug_pts", source, out, progress=False, **options)


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_photos_alone(faces, tmp_path):
    report = run(faces, tmp_path / "out")
    rows = read_rows(tmp_path / "out")
    assert (report.folder, report.rows, report.skipped) == (tmp_path / "out", 12, [])
    assert report.splits["test"] == 2
    assert report.splits["train"] + report.splits["val"] == 10
    assert sum(report.subjects.values()) == 10
    assert all(row.thermal_file_name is None and row.radiometry is None for row in rows)
    assert {row.source for row in rows} == {"ibug_pts"}
    (row,) = (row for row in rows if row.id == "train/1000_1")
    np.testing.assert_allclose(row.landmarks, MARKS, atol=1e-9)
    text = str(report)
    assert "12 rows" in text
    assert "2 test (2 subjects)" in text


def test_groups_of_the_test_set_stand_in_the_rows_only_where_there_are_some(faces, tmp_path):
    manifest = run(faces, tmp_path / "out").folder / MANIFEST
    assert b"group" not in manifest.read_bytes()
    face(faces, "ibug/image_003_1", 50)
    rows = read_rows(run(faces, tmp_path / "more", simulate_thermal=True, twins=2).folder)
    told = {row.id: (row.split, row.group) for row in rows if row.group}
    assert told == {
        f"{name}{twin}": ("test", group)
        for name, group in {
            "lfpw_test/image_0000": "common",
            "lfpw_test/image_0001": "common",
            "ibug/image_003_1": "challenge",
        }.items()
        for twin in ("", "#2")
    }


def test_simulated_twins(faces, tmp_path):
    report = run(faces, tmp_path / "out", simulate_thermal=True, twins=2)
    rows = {row.id: row for row in read_rows(tmp_path / "out")}
    assert report.rows == len(rows) == 24
    assert sum(report.subjects.values()) == 10
    first, second = rows["train/1003_1"], rows["train/1003_1#2"]
    assert first.rgb_file_name == second.rgb_file_name
    assert first.thermal_file_name != second.thermal_file_name
    assert (first.subject, first.split) == (second.subject, second.split)
    assert first.radiometry == FACE_CENTIKELVIN
    assert first.source == "ibug_pts, thermal simulated"
    raw = cv2.imread(str(tmp_path / "out" / first.thermal_file_name), cv2.IMREAD_UNCHANGED)
    assert (raw.dtype, raw.shape) == (np.uint16, (64, 64))
    assert -40 <= FACE_CENTIKELVIN.celsius(raw).mean() <= 60


def test_same_seed_same_bytes_whatever_the_processes(faces, tmp_path):
    one = run(faces, tmp_path / "one", simulate_thermal=True, seed=3)
    two = run(faces, tmp_path / "two", simulate_thermal=True, seed=3, workers=2)
    other = run(faces, tmp_path / "other", simulate_thermal=True, seed=4)
    assert files(one.folder) == files(two.folder)
    assert files(one.folder) != files(other.folder)
    run(faces, tmp_path / "one", simulate_thermal=True, seed=3)  # once more is no change
    with pytest.raises(InputError, match="made from other things"):
        run(faces, tmp_path / "one", simulate_thermal=True, seed=4)
    run(faces, tmp_path / "one", simulate_thermal=True, seed=4, overwrite=True)
    assert files(tmp_path / "one") == files(other.folder)


def test_settings_reach_the_twins(faces, tmp_path):
    cold = SimulationSettings(ambient=(-20, -20), hot_background=0, gain_control=0)
    run(faces, tmp_path / "out", simulate_thermal=True, settings=cold)
    row = read_rows(tmp_path / "out")[0]
    raw = cv2.imread(str(tmp_path / "out" / row.thermal_file_name), cv2.IMREAD_UNCHANGED)
    assert FACE_CENTIKELVIN.celsius(raw).min() < -5


def test_a_limit_keeps_the_splits(faces, tmp_path):
    whole = {row.id: row.split for row in read_rows(run(faces, tmp_path / "a").folder)}
    some = {row.id: row.split for row in read_rows(run(faces, tmp_path / "b", limit=6).folder)}
    assert len(some) == 6
    assert some.items() <= whole.items()
    assert run(faces, tmp_path / "c", limit=99).rows == 12


def test_bad_files_stop_or_are_reported(faces, tmp_path):
    (faces / "train" / "1004_1.pts").write_text("1 2\n")
    image = faces / "train" / "1005_1.png"
    image.write_bytes(image.read_bytes()[:500])
    with pytest.raises(InputError, match=r"1004_1\.pts: 1 points instead of 68"):
        run(faces, tmp_path / "out", simulate_thermal=True)
    report = run(faces, tmp_path / "out", simulate_thermal=True, skip_bad=True)
    assert report.rows == 10
    assert sum(report.subjects.values()) == 8
    reasons = dict(report.skipped)
    assert set(reasons) == {"train/1004_1.pts", "train/1005_1"}
    assert "not a whole image" in reasons["train/1005_1"]
    assert "skipped train/1005_1: " in str(report)


def test_links_out_of_the_source_are_refused(faces, tmp_path):
    face(tmp_path / "private", "passport", 50)
    for suffix in (".png", ".pts"):
        (faces / f"x{suffix}").symlink_to(tmp_path / "private" / f"passport{suffix}")
    with pytest.raises(InputError, match="leads out of the data folder"):
        run(faces, tmp_path / "out")
    report = run(faces, tmp_path / "out", skip_bad=True)
    assert report.rows == 12
    assert {name for name, _ in report.skipped} == {"x.png", "x.pts"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 0}, "limit must be 1 or more, not 0"),
        ({"twins": 0, "simulate_thermal": True}, "twins must be 1 or more, not 0"),
        ({"twins": 2}, "twins=2 asks for simulated twins; ask for simulate_thermal too"),
        ({"workers": 0}, "workers must be 1 or more"),
        ({"val_fraction": 1.5}, "val_fraction must lie in"),
    ],
)
def test_bad_parameters(faces, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        run(faces, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_bad_places(faces, tmp_path):
    with pytest.raises(InputError, match="format 'x' is unknown"):
        prepare("x", faces, tmp_path / "out")
    with pytest.raises(InputError, match="no such folder"):
        run(tmp_path / "nowhere", tmp_path / "out")
    for out in (faces, faces / "out", tmp_path):
        with pytest.raises(InputError, match="must be separate folders"):
            run(faces, out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no face in format 'ibug_pts' in it"):
        run(tmp_path / "empty", tmp_path / "out")


def test_the_same_photo_in_train_and_test_is_a_leak(faces, tmp_path):
    for suffix in (".png", ".pts"):
        data = (faces / "train" / f"1000_1{suffix}").read_bytes()
        (faces / "lfpw_test" / f"image_0009{suffix}").write_bytes(data)
    with pytest.raises(InputError, match="hold the same image; remove one of them"):
        run(faces, tmp_path / "out")


def test_thermal_frames(tmp_path):
    for sequence in ("1_Man_Glasses1_Normal", "2_Woman_NoGlasses_Normal"):
        for kind in ("images", "labels"):
            (tmp_path / "source" / sequence / kind).mkdir(parents=True)
        grey = np.full((12, 16), len(sequence), np.uint8)
        cv2.imwrite(str(tmp_path / "source" / sequence / "images" / "f.jpg"), grey)
        label = tmp_path / "source" / sequence / "labels" / "f.txt"
        label.write_text("0 .5 .5 1 1" + " .5 .25 .9" * 54)
    report = prepare("thermal_knapik54", tmp_path / "source", tmp_path / "out", progress=False)
    assert report.splits == {"val": 1, "test": 1}
    first, second = read_rows(tmp_path / "out")
    assert (first.subject, second.subject) == ("1_Man", "2_Woman")
    assert first.landmarks[0] == (7.5, 2.5)
    assert first.radiometry == GREY8
    assert first.labels == "detector (silver)"
    with pytest.raises(InputError, match="no twin to simulate; leave simulate_thermal out"):
        prepare("thermal_knapik54", tmp_path / "source", tmp_path / "x", simulate_thermal=True)


def test_a_driver_is_trained_on_by_name(tmp_path):
    """The default is as it was; with a name, one driver moves and no other row changes."""
    for number, driver in enumerate(("1_Man", "1_Woman", "2_Man")):
        for kind in ("images", "labels"):
            (tmp_path / "source" / f"{driver}_Normal_A" / kind).mkdir(parents=True)
        folder = tmp_path / "source" / f"{driver}_Normal_A"
        cv2.imwrite(str(folder / "images" / "f.png"), np.full((12, 16), number, np.uint8))
        (folder / "labels" / "f.txt").write_text("0 .5 .5 1 1" + " .5 .25 .9" * 54)

    def splits(out, *options):
        command = ["prepare", "thermal_knapik54", str(tmp_path / "source"), str(tmp_path / out)]
        answer = CliRunner().invoke(app, [*command, *options])
        assert answer.exit_code == 0, answer.output
        return {row.subject: row for row in read_rows(tmp_path / out)}

    plain, few = splits("plain"), splits("few", "--train-on", "1_Man")
    assert {who: row.split for who, row in plain.items()} == {
        "1_Man": "val",
        "1_Woman": "val",
        "2_Man": "test",
    }
    assert few.pop("1_Man") == plain.pop("1_Man").model_copy(update={"split": "train"})
    assert few == plain


def test_rows_are_plain_json(faces, tmp_path):
    run(faces, tmp_path / "out")
    for line in (tmp_path / "out" / MANIFEST).read_text().splitlines():
        row = json.loads(line)
        assert None not in row.values()  # a missing side has no key
        assert (tmp_path / "out" / row["rgb_file_name"]).is_file()
        assert os.sep not in row["rgb_sha256"]


def test_real_photos(tmp_path):
    source = SHARED / "visible_300w" / "afw"
    if not source.exists():
        pytest.skip("the shared data set visible_300w is not on this machine")
    report = run(source, tmp_path / "out", simulate_thermal=True, limit=8)
    assert report.rows == 8
    assert all(row.thermal_file_name for row in read_rows(tmp_path / "out"))
