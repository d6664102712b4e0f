"""2,000 mutants of images, stacks and videos, through the prediction, half for each bundled model.

Each ends in one line that names it, or in results. A file that still means the same has the same
landmarks, what cannot be right has none, and the good files beside them are predicted as ever.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.palettes import apply_palette
from mlcmkd.data.thermal.radiometry import to_centikelvin
from mlcmkd.deployment.boxes import Box
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.stages.predict import Outcome, predict_files
from tests.conftest import room
from tests.mutations import Mutant, mutants

MUTANTS, BATCH = 1000, 50  # mutants of each modality
BOX = (14.0, 8.0, 34.0, 32.0)  # of the face in every frame
Landmarks = dict[str, np.ndarray]  # (frames x 68, 2) pixels, by the name of the file


def _frames() -> np.ndarray:
    """(3, 40, 48) float32 degrees C."""
    return np.stack([room(height=40, width=48), room(24, 35, 40, 48), room(20, 33, 40, 48)])


def _grey(celsius: np.ndarray) -> np.ndarray:
    return np.rint(np.clip((celsius - 15) * 10, 0, 255)).astype(np.uint8)


def _video(path: Path, code: str, frames: np.ndarray) -> None:
    """Write (N, H, W, 3) uint8 RGB frames."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 10, frames.shape[2:0:-1])
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()


def _write_thermal(folder: Path) -> None:
    celsius = _frames()
    grey = _grey(celsius)
    counts = [Image.fromarray(to_centikelvin(frame)) for frame in celsius]
    np.save(folder / "celsius.npy", celsius[0])
    np.save(folder / "stack.npy", celsius)
    Image.fromarray(celsius[0]).save(folder / "celsius.tif")
    counts[0].save(folder / "counts.png")
    counts[0].save(folder / "pages.tiff", save_all=True, append_images=counts[1:])
    Image.fromarray(grey[0]).save(folder / "grey.jpg", quality=95)
    Image.fromarray(grey[0]).save(folder / "grey.bmp")
    Image.fromarray(apply_palette(grey[0] / 255, "iron")).save(folder / "iron.png")
    videos = np.repeat(grey[..., None], 3, axis=-1)
    _video(folder / "clip.avi", "MJPG", videos)
    _video(folder / "clip.mp4", "mp4v", videos)


def _write_rgb(folder: Path) -> None:
    """Photos as files, arrays, stacks and videos."""
    photos = np.stack([apply_palette(grey / 255, "hot") for grey in _grey(_frames())])
    images = [Image.fromarray(photo) for photo in photos]
    np.save(folder / "photo.npy", photos[0])
    np.save(folder / "stack.npy", photos)
    images[0].save(folder / "photo.png")
    images[0].save(folder / "photo.jpg", quality=95)
    images[0].save(folder / "photo.bmp")
    images[0].save(folder / "photo.tif")
    images[0].save(folder / "pages.tiff", save_all=True, append_images=images[1:])
    images[0].convert("L").save(folder / "grey.jpg", quality=95)
    _video(folder / "clip.avi", "MJPG", photos)
    _video(folder / "clip.mp4", "mp4v", photos)


_WRITE = {"thermal": _write_thermal, "rgb": _write_rgb}


def _predicted(
    predictor: Predictor, folder: Path, out: Path, box: Box | None, **options
) -> tuple[Outcome, Landmarks]:
    """Predict a folder, and check the lines of its errors."""
    outcome = predict_files(
        predictor, [folder], out, box=box, say=lambda line: None, progress=False, **options
    )
    for error in outcome.errors:
        assert "\n" not in error and len(error) < 1000
    table: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO((out / "landmarks.csv").read_text())):
        table[row["image"].split("#")[0]].append((row["x"], row["y"]))
    return outcome, {
        Path(name).relative_to(folder).as_posix(): np.array(points, dtype=float)
        for name, points in table.items()
    }


def _check(mutant: Mutant, path: Path, outcome: Outcome, found: Landmarks, good: Landmarks) -> None:
    what = f"{mutant.path.name}, {mutant.kinds}"
    errors = [error for error in outcome.errors if error.startswith(str(path))]
    empty = [name for name in outcome.empty if name.startswith(str(path))]
    points = found.get(path.name)
    assert errors or empty or points is not None, f"{what}: nothing is said of it"
    if points is not None:
        assert np.isfinite(points).all(), what
    if mutant.same and not errors:
        assert points == pytest.approx(good[mutant.path.name], abs=0.03), what
    if mutant.refused:
        assert errors, f"{what}: read although it cannot be right"


def _batches(files: dict[Path, bytes], modality: Modality) -> Iterator[list[Mutant]]:
    if modality == "rgb":  # what mutations of arrays expect holds of degrees C
        files = {path: data for path, data in files.items() if path.suffix != ".npy"}
    stream = mutants(files, MUTANTS, seed=1)
    while batch := list(islice(stream, BATCH)):
        yield batch


@pytest.mark.parametrize("modality", _WRITE)
def test_mutants_end_in_one_line_or_results_and_good_files_are_predicted(modality, tmp_path):
    """The good files are one of each kind that is read."""
    predictor = Predictor(modality=modality, detector="looks")  # the images show no face
    (tmp_path / "good").mkdir()
    _WRITE[modality](tmp_path / "good")
    files = {path: path.read_bytes() for path in sorted((tmp_path / "good").iterdir())}
    expected, tried = {}, 0
    for box in (BOX, None):  # None: the whole image is the first crop
        outcome, expected[box] = _predicted(predictor, tmp_path / "good", tmp_path / "out", box)
        assert not outcome.errors and len(expected[box]) == len(files)
    for number, batch in enumerate(_batches(files, modality)):
        folder, out = tmp_path / f"mutants{number}", tmp_path / f"out{number}"
        folder.mkdir()
        for path, data in files.items():
            (folder / path.name).write_bytes(data)
        named = [(mutant, folder / f"m{n}_{mutant.path.name}") for n, mutant in enumerate(batch)]
        for mutant, path in named:
            path.write_bytes(mutant.data)
        box = None if number % 4 == 0 else BOX
        outcome, found = _predicted(
            predictor, folder, out, box, overlays=number < 4, formats=("csv", "pts", "coco")
        )
        for mutant, path in named:
            _check(mutant, path, outcome, found, expected[box])
        tried += len(named)
        for name, points in expected[box].items():
            assert found[name] == pytest.approx(points, abs=0.03), f"the good file {name}"
    print(f"{tried} mutants of {len(files)} {modality} files")
    assert tried == MUTANTS
