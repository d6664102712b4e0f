import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mlcmkd.data.crops import Crop
from mlcmkd.data.dataset import MARGIN, stored_px
from mlcmkd.data.manifest_pairs import load_manifest
from mlcmkd.data.pairs import from_synthetic, load_pairs
from mlcmkd.data.thermal.palettes import apply_palette
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN, Radiometry, to_centikelvin
from mlcmkd.synthetic.faces import make_faces
from mlcmkd.utils.errors import InputError
from tests.conftest import make_pairs


def write(folder: Path, rows: list[dict]) -> Path:
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two rows of pairs and their files."""
    rng = np.random.default_rng(0)
    (tmp_path / "rgb").mkdir()
    (tmp_path / "thermal").mkdir()
    rows = []
    for n in range(2):
        photo = rng.integers(0, 256, (80, 100, 3), dtype=np.uint8)
        heat = to_centikelvin(rng.uniform(20, 36, (80, 100)))
        cv2.imwrite(str(tmp_path / f"rgb/{n}.png"), photo)
        cv2.imwrite(str(tmp_path / f"thermal/{n}.png"), heat)
        rows.append(
            {
                "id": f"face{n}",
                "subject": f"s{n}",
                "split": "train",
                "rgb_file_name": f"rgb/{n}.png",
                "thermal_file_name": f"thermal/{n}.png",
                "landmarks": rng.uniform(20, 60, (68, 2)).tolist(),
                "scheme": "ibug68",
                "radiometry": FACE_CENTIKELVIN.model_dump(),
            }
        )
    return write(tmp_path, rows)


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]


def test_a_manifest_becomes_tensors(folder):
    pairs = load_manifest(folder, "train", 32, progress=False)
    size = stored_px(32)
    assert pairs.rgb.shape == (2, 3, size, size) and pairs.rgb.dtype == torch.uint8
    assert pairs.thermal.shape == (2, 1, size, size) and pairs.thermal.dtype == torch.uint16
    assert pairs.labelled.all()
    assert pairs.landmarks.abs().max() <= 0.5 / 1.1 + 1e-6


def test_hidden_points_come_along(folder):
    assert load_manifest(folder, "train", 32, progress=False).visible is None
    rows = rows_of(folder)
    rows[1]["visible"] = [False] + [True] * 67
    pairs = load_manifest(write(folder, rows), "train", 32, progress=False)
    assert pairs.visible.tolist() == [[True] * 68, rows[1]["visible"]]
    assert pairs.subset([1]).visible.tolist() == [rows[1]["visible"]]


def test_landmarks_go_back_to_the_manifests_pixels(folder):
    pairs = load_manifest(folder, "train", 32, progress=False)
    expected = np.array([row["landmarks"] for row in rows_of(folder)])
    assert pairs.pixels(pairs.landmarks.numpy()) == pytest.approx(expected, abs=1e-4)


def test_thermal_values_keep_their_temperature(folder):
    """Through file, radiometry and memory: a flat 31.25 degrees C comes back within 0.01."""
    cv2.imwrite(str(folder / "thermal/0.png"), to_centikelvin(np.full((80, 100), 31.25)))
    pairs = load_manifest(folder, "train", 32, progress=False)
    low, high = pairs.radiometry.low, pairs.radiometry.high
    celsius = pairs.thermal[0].float() / 65535 * (high - low) + low
    assert celsius == pytest.approx(31.25, abs=0.01)


def test_one_scene_stored_in_four_ways_gives_one_input(folder):
    """Centikelvin, counts of 0.04 K, grey over a stated scale, and iron over the same scale."""
    row = rows_of(folder)[0]
    scene = cv2.GaussianBlur(np.random.default_rng(0).uniform(10, 50, (80, 100)), (0, 0), 4)
    levels = np.rint((scene - 10) / 51 * 255).astype(np.uint8)
    linear = {"gain": 0.04, "offset": -273.15}
    scale = {"scale_celsius": (10, 61)}
    stored = {
        "centikelvin": (to_centikelvin(scene), {}),
        "counts": (np.rint((scene + 273.15) / 0.04).astype(np.uint16), linear),
        "grey8": (levels, scale),
        "palette": (apply_palette(levels / 255, "iron")[..., ::-1], scale),
    }
    found = []
    for kind, (image, more) in stored.items():
        cv2.imwrite(str(folder / "thermal/0.png"), image)
        row["radiometry"] = Radiometry(kind=kind, low=18, high=40, **more).model_dump()
        found.append(load_manifest(write(folder, [row]), "train", 32, progress=False))
        assert found[-1].radiometry.kind == kind
    for pairs in found[1:]:
        # half a level of 0.2 degrees is 0.005 of the range of 22
        assert pairs.thermal / 65535 == pytest.approx(found[0].thermal / 65535, abs=0.01)


def test_colours_come_in_rgb_order(folder):
    red = np.zeros((80, 100, 3), dtype=np.uint8)
    red[..., 2] = 255  # OpenCV writes BGR
    cv2.imwrite(str(folder / "rgb/0.png"), red)
    pairs = load_manifest(folder, "train", 32, progress=False)
    assert pairs.rgb[0].float().mean((1, 2)).tolist() == [255, 0, 0]


def test_unlabelled_rows_and_boxes(folder):
    rows = rows_of(folder)
    rows[0]["landmarks"] = None
    rows[1]["box"] = [10, 20, 50, 40]
    pairs = load_manifest(write(folder, rows), "train", 32, progress=False)
    assert pairs.labelled.tolist() == [False, True]
    assert pairs.crops[0] == Crop((49.5, 39.5), 99)  # no landmark, no box: the whole image
    assert pairs.crops[1] == Crop.around((10, 20, 50, 40))


def test_manifests_of_one_modality(folder):
    rows = rows_of(folder)
    for row in rows:
        del row["thermal_file_name"], row["radiometry"]
    pairs = load_manifest(write(folder, rows), "train", 32, progress=False)
    assert pairs.thermal is None
    with pytest.raises(InputError, match="transfer needs thermal images"):
        pairs.require("thermal", "transfer")


def breaking(name):
    def register(function):
        BREAKS[name] = function
        return function

    return register


BREAKS = {}


@breaking("no row in split 'test'")
def _(folder):
    return "test"


@breaking("no such file")
def _(folder):
    (folder / "rgb/1.png").unlink()


@breaking("is empty")
def _(folder):
    (folder / "rgb/1.png").write_bytes(b"")


@breaking("not a complete image")
def _(folder):
    path = folder / "rgb/1.png"
    path.write_bytes(path.read_bytes()[:2000])


@breaking("a colour image instead of a thermal one")
def _(folder):
    noise = np.random.default_rng(0).integers(0, 256, (80, 100, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / "thermal/1.png"), noise)


@breaking("differ in size; register the pair first")
def _(folder):
    cv2.imwrite(str(folder / "thermal/1.png"), np.full((40, 50), 30000, np.uint16))


@breaking("differ in scheme")
def _(folder):
    rows = rows_of(folder)
    rows[0]["scheme"], rows[0]["landmarks"] = "sf_tl54", rows[0]["landmarks"][:54]
    write(folder, rows)


@breaking("leads out of the data folder")
def _(folder):
    outside = folder.parent / "outside.png"
    cv2.imwrite(str(outside), np.zeros((80, 100, 3), dtype=np.uint8))
    (folder / "rgb/1.png").unlink()
    (folder / "rgb/1.png").symlink_to(outside)


@breaking("some rows lack RGB and others thermal")
def _(folder):
    rows = rows_of(folder)
    del rows[0]["rgb_file_name"], rows[1]["thermal_file_name"]
    write(folder, rows)


@pytest.mark.parametrize("message", BREAKS)
def test_invalid_manifests_are_reported(folder, message):
    split = BREAKS[message](folder) or "train"
    with pytest.raises(InputError, match=message):
        load_manifest(folder, split, 32, progress=False)


def test_subset_keeps_rows_together():
    pairs = make_pairs(5)
    part = pairs.subset([3, 1])
    assert part.ids == ("pair3", "pair1")
    assert torch.equal(part.rgb, pairs.rgb[[3, 1]])
    assert torch.equal(part.landmarks, pairs.landmarks[[3, 1]])
    assert part.crops == (pairs.crops[3], pairs.crops[1])


def test_with_labels_only_removes_labels():
    pairs = make_pairs(8)
    few = pairs.with_labels(3, seed=1)
    assert int(few.labelled.sum()) == 3 and len(few) == 8
    assert torch.equal(few.labelled, pairs.with_labels(3, seed=1).labelled)
    assert pairs.labelled.all()
    # more labels from one seed include the fewer: curves over the count stay nested
    more = pairs.with_labels(5, seed=1)
    assert (few.labelled <= more.labelled).all()
    with pytest.raises(InputError, match="only 3 pairs have a label"):
        few.with_labels(4, seed=0)


def test_synthetic_faces_become_pairs_with_their_own_landmarks():
    faces = make_faces(4, seed=3)
    pairs = from_synthetic(faces, 64)
    assert pairs.rgb.shape == (4, 3, stored_px(64), stored_px(64))
    assert pairs.pixels(pairs.landmarks.numpy()) == pytest.approx(faces.landmarks, abs=1e-3)
    assert pairs.landmarks.abs().max() <= 0.5 / 1.1 + 1e-5
    assert torch.equal(pairs.visible, torch.from_numpy(faces.hidden_by == 0))
    assert pairs.visible.any(1).all() and not pairs.visible.all()


def test_synthetic_faces_keep_their_scheme():
    faces = make_faces(1, seed=3, scheme="cofw29")
    pairs = from_synthetic(faces, 64)
    assert pairs.scheme == "cofw29" and pairs.landmarks.shape == (1, 29, 2)
    assert from_synthetic(replace(faces, hidden_by=None), 64).visible is None


def test_the_renderer_is_imported_by_what_renders_alone():
    """Its loops are compiled with numba, which would slow down the first prediction."""
    code = (
        "import sys, mlcmkd.data.pairs, mlcmkd.deployment.predictor, mlcmkd.stages.predict\n"
        "print([name for name in sys.modules if name.startswith(('numba', 'mlcmkd.synthetic.'))])"
    )
    # `splits` is a table of numbers and imports nothing.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['mlcmkd.synthetic.splits']"


def test_splits_of_synthetic_faces_share_no_identity():
    subjects = [
        set(load_pairs("synthetic", split, 32, count=8).subjects)
        for split in ("train", "val", "test")
    ]
    assert not (subjects[0] & subjects[1] or subjects[0] & subjects[2] or subjects[1] & subjects[2])


def test_stored_images_have_the_margin():
    assert stored_px(100) == round(100 * MARGIN)
