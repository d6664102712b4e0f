"""Training, export and use of a face detector, at the smallest scale; the bundled detectors."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from mlcmkd.cli import app
from mlcmkd.deployment.boxes import iou
from mlcmkd.deployment.face_detector import detect_faces, open_detector
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.weights import FILES, bundled_detector
from mlcmkd.models.face_detector import FaceDetector
from mlcmkd.stages.detector import DetectorConfig, train_detector
from mlcmkd.synthetic.frames.frames import make_frames
from mlcmkd.synthetic.splits import FIRST_IDENTITY
from mlcmkd.utils.errors import InputError

MODALITIES = ("thermal", "rgb")


def small(out, **fields):
    fit = {"steps": 4, "batch": 4, "evaluations": 2, "accelerator": "cpu"}
    return DetectorConfig(
        out=out, size="slim", input_px=96, frames=8, validation_frames=4, fit=fit, **fields
    )


@pytest.fixture(scope="module", params=MODALITIES)
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / request.param
    return train_detector(small(folder, modality=request.param), progress=False), folder


def test_a_training_writes_a_run_directory(run):
    result, folder = run
    written = json.loads((folder / "result.json").read_text())
    assert written["average_precision"] == pytest.approx(result["average_precision"])
    assert 0 <= result["average_precision"] <= 1
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert {"val_missed", "centres", "boxes", "total"} <= set(lines[0])


def test_the_same_config_gives_the_same_weights(run, tmp_path):
    result, folder = run
    again = train_detector(small(tmp_path / "again", modality=result["modality"]), progress=False)
    weights = (folder / "model.safetensors").read_bytes()
    assert (tmp_path / "again/model.safetensors").read_bytes() == weights
    assert again["average_precision"] == result["average_precision"]


def test_a_trained_detector_is_exported_and_used(run, tmp_path):
    result, folder = run
    file = tmp_path / "d.onnx"
    command = [
        "export-detector",
        "--weights",
        str(folder / "model.safetensors"),
        "--out",
        str(file),
    ]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    modality = result["modality"]
    assert open_detector(file).modality == modality
    assert Predictor(modality=modality, detector=file).locator.detector.input_px == 96
    other = {"thermal": "rgb", "rgb": "thermal"}[modality]
    with pytest.raises(InputError, match=f"detects faces in {modality} images, but the weights"):
        Predictor(modality=other, detector=str(file))


def test_an_export_needs_the_name_by_which_it_is_read(run, tmp_path):
    weights = run[1] / "model.safetensors"
    command = ["export-detector", "--weights", str(weights), "--out", str(tmp_path / "d.bin")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code != 0
    assert "must end in .onnx" in str(done.exception or done.output)


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_bundled_detectors_are_small_and_of_their_modality(modality):
    path = bundled_detector(modality)
    assert path.name == FILES[modality].detector
    assert path.stat().st_size < 1_000_000
    assert FaceDetector.load(path).spec.modality == modality


@pytest.mark.parametrize("modality", MODALITIES)
def test_predict_finds_every_large_face_of_a_frame(modality):
    """Three people; most faces are found, and landmarks lie on them."""
    rgb = modality == "rgb"
    frames = make_frames(
        12, size=(240, 320), heads=3, first=FIRST_IDENTITY["test"] + 77, workers=1, rgb=rgb
    )
    predictor = Predictor(modality=modality)
    images = frames.rgb if rgb else np.clip(frames.thermal, 18, 40)
    sought = found = landmarks = 0
    for image, boxes, counted, points in zip(
        images, frames.boxes, frames.counted(rgb=rgb), frames.landmarks, strict=True
    ):
        faces = predictor.faces([image])[0]
        assert all(face.by == "face detector" for face in faces)
        for box, counts, truth in zip(boxes, counted, points, strict=True):
            side = float(max(box[2] - box[0], box[3] - box[1]))
            if not counts or side < 25:
                continue
            sought += 1
            near = [face for face in faces if iou(_tight(face.landmarks), tuple(box)) > 0.5]
            found += bool(near)
            landmarks += any(
                np.median(np.linalg.norm(face.landmarks - truth, axis=1)) < 0.12 * side
                for face in near
            )
    assert sought >= 10
    assert found >= 0.7 * sought
    assert landmarks >= 0.7 * found


@pytest.mark.parametrize("modality", MODALITIES)
def test_an_empty_room_has_no_face(modality):
    room = np.full((240, 320, 3) if modality == "rgb" else (240, 320), 0.3, np.float32)
    room[100:160, 50:90] = 0.6
    assert detect_faces(open_detector(bundled_detector(modality)), room) == []


def _tight(points: np.ndarray) -> tuple[float, float, float, float]:
    return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
