"""From a source to a manifest, end to end."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from data_prep import writer as manifest
from data_prep.fingerprint import PACKAGES, fingerprint, sources_of
from data_prep.prepare import prepare
from data_prep.report_file import read_report
from data_prep.simulation.simulate import SimulationSettings
from data_prep.staging import staging
from mlcmkd.cli import app
from mlcmkd.data.manifest import MANIFEST, read_rows
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN, GREY8
from mlcmkd.utils.errors import InputError

SHARED = Path(__file__).parents[3] / "shared" / "data"


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


def test_rows_have_groups_only_if_the_test_set_has_subsets(faces, tmp_path):
    manifest = run(faces, tmp_path / "out").folder / MANIFEST
    assert b"group" not in manifest.read_bytes()
    face(faces, "ibug/image_003_1", 50)
    rows = read_rows(run(faces, tmp_path / "more", simulate_thermal=True, twins=2).folder)
    groups = {row.id: (row.split, row.group) for row in rows if row.group}
    assert groups == {
        f"{name}{twin}": ("test", group)
        for name, group in {
            "lfpw_test/image_0000": "common",
            "lfpw_test/image_0001": "common",
            "ibug/image_003_1": "challenge",
        }.items()
        for twin in ("", "#2")
    }


def test_simulated_thermal_images(faces, tmp_path):
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


def test_same_seed_same_bytes_for_any_number_of_processes(faces, tmp_path):
    one = run(faces, tmp_path / "one", simulate_thermal=True, seed=3)
    two = run(faces, tmp_path / "two", simulate_thermal=True, seed=3, workers=2)
    other = run(faces, tmp_path / "other", simulate_thermal=True, seed=4)
    assert files(one.folder) == files(two.folder)
    assert files(one.folder) != files(other.folder)
    run(faces, tmp_path / "one", simulate_thermal=True, seed=3)  # once more is no change
    with pytest.raises(InputError, match="of other sources or settings"):
        run(faces, tmp_path / "one", simulate_thermal=True, seed=4)
    run(faces, tmp_path / "one", simulate_thermal=True, seed=4, overwrite=True)
    assert files(tmp_path / "one") == files(other.folder)


def test_settings_change_the_simulated_images(faces, tmp_path):
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
    assert "not a complete image" in reasons["train/1005_1"]
    assert "skipped train/1005_1: " in str(report)
    listed = read_report(tmp_path / "out")["skipped"]
    assert {case["name"]: case["reason"] for case in listed} == reasons


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
        ({"twins": 2}, "twins=2 needs simulated thermal images; set simulate_thermal"),
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
    with pytest.raises(InputError, match="contains no face in format 'ibug_pts'"):
        run(tmp_path / "empty", tmp_path / "out")


def test_the_same_photo_in_train_and_test_is_a_leak(faces, tmp_path):
    for suffix in (".png", ".pts"):
        data = (faces / "train" / f"1000_1{suffix}").read_bytes()
        (faces / "lfpw_test" / f"image_0009{suffix}").write_bytes(data)
    with pytest.raises(InputError, match="have the same image; keep it in one split"):
        run(faces, tmp_path / "out")


def test_thermal_frames(tmp_path):
    for sequence in ("1_Man_Glasses1_Normal", "2_Woman_NoGlasses_Normal"):
        for kind in ("images", "labels"):
            (tmp_path / "source" / sequence / kind).mkdir(parents=True)
        grey = np.tile(np.arange(16, dtype=np.uint8) * 9 + len(sequence), (12, 1))
        cv2.imwrite(str(tmp_path / "source" / sequence / "images" / "f.jpg"), grey)
        label = tmp_path / "source" / sequence / "labels" / "f.txt"
        points = "".join(f" {0.5 + n % 7 / 40} {0.25 + n / 80} .9" for n in range(54))
        label.write_text("0 .5 .5 1 1" + points)
    report = prepare("thermal_knapik54", tmp_path / "source", tmp_path / "out", progress=False)
    assert report.splits == {"val": 1, "test": 1}
    first, second = read_rows(tmp_path / "out")
    assert (first.subject, second.subject) == ("1_Man", "2_Woman")
    assert first.landmarks[0] == (7.5, 2.5)
    assert first.radiometry == GREY8
    assert first.labels == "detector (silver)"
    with pytest.raises(InputError, match="nothing to simulate; leave simulate_thermal out"):
        prepare("thermal_knapik54", tmp_path / "source", tmp_path / "x", simulate_thermal=True)


def test_a_driver_is_trained_on_by_name(tmp_path):
    """The default is as it was; with a name, one driver moves and no other row changes."""
    for number, driver in enumerate(("1_Man", "1_Woman", "2_Man")):
        for kind in ("images", "labels"):
            (tmp_path / "source" / f"{driver}_Normal_A" / kind).mkdir(parents=True)
        folder = tmp_path / "source" / f"{driver}_Normal_A"
        cv2.imwrite(str(folder / "images" / "f.png"), np.eye(12, 16, number, np.uint8))
        points = "".join(f" {0.5 + n % 7 / 40} {0.25 + n / 80} .9" for n in range(54))
        (folder / "labels" / "f.txt").write_text("0 .5 .5 1 1" + points)

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


# --- interrupted and resumed ----------------------------------------------------------------------


@pytest.fixture
def stored(monkeypatch):
    """The ids of the rows that are made, in order; `stored.stop` is raised before row number `at`."""

    class Stored(list):
        stop, at = None, 0

        def __call__(self, entry, folder):
            if self.stop is not None and len(self) == self.at:
                raise self.stop
            self.append(entry.id)
            return store(entry, folder)

    store, calls = manifest.store, Stored()
    monkeypatch.setattr(manifest, "store", calls)
    return calls


def interrupted(stored, at, faces, out, **options):
    """A preparation that ends before row number `at`; the finished ids."""
    stored.stop, stored.at = KeyboardInterrupt(), at
    with pytest.raises(KeyboardInterrupt):
        run(faces, out, **options)
    finished = list(stored)
    stored.clear()
    stored.stop = None
    assert len(finished) == at
    assert not out.exists()
    assert not list(staged(out).rglob(MANIFEST))
    return finished


def staged(out):
    return out.parent / f".{out.name}.partial"


def test_an_interrupted_preparation_resumes(faces, tmp_path, stored):
    whole = run(faces, tmp_path / "whole", simulate_thermal=True)
    everything = list(stored)
    stored.clear()
    out = tmp_path / "out"
    finished = interrupted(stored, 5, faces, out, simulate_thermal=True)
    images = {path: path.stat().st_mtime_ns for path in (staged(out) / "manifest").rglob("*.png")}
    assert len(images) == 10
    finished += interrupted(stored, 3, faces, out, simulate_thermal=True)  # and once more
    assert all(path.stat().st_mtime_ns == time for path, time in images.items())
    report = run(faces, out, simulate_thermal=True)
    assert finished + stored == everything
    assert files(out) == files(whole.folder)
    assert (report.rows, report.splits, report.subjects) == (12, whole.splits, whole.subjects)
    assert not staged(out).exists()
    stored.clear()
    run(faces, out, simulate_thermal=True)  # nothing is kept of it: a whole one is made anew
    assert stored == everything


KILLED = """
import os, signal, sys
from data_prep import writer as manifest
from data_prep.prepare import prepare

store, calls = manifest.store, []

def dying(entry, folder):
    calls.append(entry)
    if len(calls) == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    return store(entry, folder)

manifest.store = dying
prepare("ibug_pts", sys.argv[1], sys.argv[2], progress=False)
"""


def test_a_killed_preparation_goes_on(faces, tmp_path, stored):
    out = tmp_path / "out"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(faces), str(out)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not list(tmp_path.rglob(MANIFEST))
    assert run(faces, out).rows == 12
    assert len(stored) == 7
    assert not staged(out).exists()


def test_after_a_bad_file_the_other_rows_are_reused(faces, tmp_path, stored):
    photo, out = faces / "train" / "1005_1.png", tmp_path / "out"
    data = photo.read_bytes()
    photo.write_bytes(data[:500])
    with pytest.raises(InputError) as caught:
        run(faces, out)
    assert "not a complete image" in str(caught.value)
    count = len(stored) - 1
    assert f"({count} finished rows in {staged(out)} will be reused)" in str(caught.value)
    photo.write_bytes(data)
    stored.clear()
    run(faces, out)
    assert len(stored) == 12 - count
    assert "train/1005_1" in stored


def test_without_finished_rows_nothing_is_kept(faces, tmp_path, stored):
    stored.stop = InputError("full")
    with pytest.raises(InputError, match="^full$"):
        run(faces, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.lock", "source"]


@pytest.mark.parametrize(
    ("options", "again"),
    [
        ({}, "none"),
        ({"seed": 1}, "all"),
        ({"settings": SimulationSettings(ambient=(10, 11))}, "all"),
        ({"simulate_thermal": False}, "all"),
        ({"twins": 2}, "twins"),
    ],
)
def test_other_settings_use_no_stale_rows(faces, tmp_path, stored, options, again):
    out, settings = tmp_path / "out", {"simulate_thermal": True}
    finished = interrupted(stored, 8, faces, out, **settings)
    run(faces, out, **{**settings, **options})
    if again == "all":
        assert set(finished) < set(stored)
    else:
        assert not set(finished) & set(stored)
    assert len(stored) == {"all": 12, "twins": 16}.get(again, 4)
    used = {row.thermal_file_name for row in read_rows(out)}
    used |= {row.rgb_file_name for row in read_rows(out)} | {MANIFEST, None}
    assert {path.as_posix() for path in files(out)} == used - {None}  # no image of the first try


def test_a_changed_source_is_read_again(faces, tmp_path, stored):
    out = tmp_path / "out"
    first, second, third, *_ = interrupted(stored, 8, faces, out)
    pixels = np.eye(64, dtype=np.uint8)
    cv2.imwrite(str(faces / f"{first}.png"), pixels)
    points = faces / f"{second}.pts"
    points.write_text(points.read_text().replace("{\n", "{\n1", 1))
    photo = faces / f"{third}.png"
    stat = photo.stat()
    data = bytearray(photo.read_bytes())
    shutil.copy(faces / "lfpw_test" / "image_0000.png", photo)
    photo.write_bytes(photo.read_bytes()[: len(data)].ljust(len(data), b"\0"))
    os.utime(photo, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # of the same size and time
    run(faces, out)
    assert {first, second, third} < set(stored)
    assert len(stored) == 12 - 8 + 3
    (row,) = (row for row in read_rows(out) if row.id == first)
    assert (cv2.imread(str(out / row.rgb_file_name))[..., 0] == pixels).all()
    assert len(list((out / "rgb").iterdir())) == 12


def test_damaged_finished_rows_are_made_again(faces, tmp_path, stored):
    whole = run(faces, tmp_path / "whole")
    stored.clear()
    out = tmp_path / "out"
    interrupted(stored, 8, faces, out)
    journal = staged(out) / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    row = json.loads(lines[0][65:])
    (staged(out) / "manifest" / row["rgb_file_name"]).write_bytes(b"other")
    lines[1] = lines[1][:65] + b"{}\n"
    lines[7] = lines[7][:-20]  # cut off in the middle
    journal.write_bytes(b"".join(lines))
    (staged(out) / "manifest" / MANIFEST).write_text("{}")
    interrupted(stored, 1, faces, out)  # the journal can be written behind the cut
    run(faces, out)
    assert files(out) == files(whole.folder)


def test_two_preparations_of_one_folder(faces, tmp_path):
    out = tmp_path / "out"
    with staging(out):
        with pytest.raises(InputError, match="another process is preparing the same folder"):
            run(faces, out)
        assert staged(out).is_dir()
        run(faces, tmp_path / "another")
    assert run(faces, out).rows == 12


def test_links_in_the_preparation_folder_are_refused(faces, tmp_path):
    (tmp_path / "private").mkdir()
    staged(tmp_path / "out").symlink_to(tmp_path / "private")
    with pytest.raises(InputError, match=r"\.out\.partial: a link; remove it"):
        run(faces, tmp_path / "out")
    staged(tmp_path / "out").unlink()
    (staged(tmp_path / "out") / "manifest").mkdir(parents=True)
    (staged(tmp_path / "out") / "manifest" / "rgb").symlink_to(tmp_path / "private")
    with pytest.raises(InputError, match=r"manifest/rgb: a link; remove .* and prepare again"):
        run(faces, tmp_path / "out")
    assert not list((tmp_path / "private").iterdir())
    shutil.rmtree(staged(tmp_path / "out"))
    staged(tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="cannot be created"):
        run(faces, tmp_path / "out")


def test_killed_while_one_manifest_replaces_another(faces, tmp_path):
    out = tmp_path / "out"
    before = files(run(faces, out).folder)
    staged(out).mkdir()
    out.rename(staged(out) / "old")
    with pytest.raises(InputError, match="of other sources or settings"):
        run(faces, out, limit=3)
    assert files(out) == before
    run(faces, out, limit=3, overwrite=True)
    assert len(read_rows(out)) == 3
    assert not staged(out).exists()


@dataclass(frozen=True)
class Frame:
    path: Path
    number: int

    def __call__(self):
        raise AssertionError


def test_a_fingerprint_depends_on_what_determines_a_row(tmp_path):
    """Equal values have equal fingerprints, different ones different; unknown ones have none."""
    path = tmp_path / "f"
    path.write_text("a")
    points = np.zeros((2, 2))

    def things():
        return [
            Frame(path, 1),
            Frame(path, 2),
            [path, 1],
            [str(path), 1],
            points,
            points.ravel(),
            points.astype(np.float32),
            points + 1,
            {"a": 1.0, "b": "1.0"},
            {"a": "1.0", "b": 1.0},
            GREY8,
            FACE_CENTIKELVIN,
            "",
            None,
            [],
            True,
            np.float64(2),
        ]

    prints = [fingerprint(thing) for thing in things()]
    assert prints == [fingerprint(thing) for thing in things()]
    assert None not in prints
    assert len(set(prints)) == len(prints)
    path.write_text("b" * 9)
    assert fingerprint(Frame(path, 1)) != prints[0]
    path.unlink()
    for thing in (Frame(path, 1), lambda: None, object(), np.array([object()])):
        assert fingerprint(thing) is None


def test_code_without_a_source_file_is_an_error(tmp_path):
    """Otherwise rows of other code would be reused from an interrupted preparation."""
    with pytest.raises(RuntimeError, match="no Python source"):
        sources_of(tmp_path)
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper/reader.py").touch()
    assert sources_of(tmp_path) == [tmp_path / "deeper/reader.py"]


def test_the_code_of_both_packages_counts():
    """Every module that can change a row, whichever package `fingerprint` itself is in."""
    sources = {
        path.relative_to(package.parent).as_posix()
        for package in PACKAGES
        for path in sources_of(package)
    }
    assert sources >= {
        "data_prep/writer.py",
        "data_prep/readers/cofw.py",
        "data_prep/readers/parsing/coco.py",
        "data_prep/simulation/scene.py",
        "mlcmkd/data/manifest.py",
        "mlcmkd/data/thermal/radiometry.py",
        "mlcmkd/schemes/__init__.py",
    }
