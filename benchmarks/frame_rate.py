"""Frames per second of detector and landmarks: `python benchmarks/frame_rate.py`.

Rendered thermal frames of 320 x 240 pixels, one thread of ONNX Runtime, one frame at a time: from
degrees C to the landmarks of all faces. The networks are the bundled ones, exported in float32.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mlcmkd.cli import guarded
from mlcmkd.deployment.face_detector import detect_faces
from mlcmkd.deployment.onnx.detector import export_detector
from mlcmkd.deployment.onnx.export import export_onnx
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.weights import bundled_detector, bundled_weights
from mlcmkd.models import Landmarker
from mlcmkd.models.face_detector import FaceDetector
from mlcmkd.synthetic.frames.frames import make_frames
from mlcmkd.synthetic.splits import FIRST_IDENTITY
from mlcmkd.training.provenance import processor_name
from mlcmkd.utils.markdown import markdown_table


def exported(folder: Path) -> tuple[Path, Path]:
    """The bundled thermal model and detector as ONNX files."""
    landmarks, detector = folder / "landmarks.onnx", folder / "detector.onnx"
    export_onnx(Landmarker.load(bundled_weights("thermal")), landmarks, "crop")
    export_detector(FaceDetector.load(bundled_detector("thermal")), detector)
    return landmarks, detector


def frames_with(predictor: Predictor, faces: int, count: int) -> list[np.ndarray]:
    """Frames of this number of people, those in which the detector finds most of them."""
    frames = make_frames(
        5 * count,
        size=(240, 320),
        heads=faces,
        first=FIRST_IDENTITY["test"] + 500_000 + 10_000 * faces,
        rgb=False,
    )
    warm = [np.clip(frame, 18, 40) for frame in frames.thermal]
    warm.sort(key=lambda frame: -found_in(predictor, frame))
    return warm[:count]


def found_in(predictor: Predictor, frame: np.ndarray) -> int:
    """Number of faces that the detector finds in a frame of 18 to 40 degrees C."""
    return len(detect_faces(predictor.locator.detector, (frame - 18) / 22))


def milliseconds(predictor: Predictor, frames: list[np.ndarray], rounds: int) -> float:
    """Median time of one frame."""
    times = []
    for _ in range(rounds):
        for frame in frames:
            start = time.perf_counter()
            predictor.faces([frame])
            times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=8, help="frames for each number of faces")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        landmarks, detector = exported(Path(folder))
        ways = {passes: Predictor(landmarks, detector=detector, passes=passes) for passes in (1, 3)}
        for faces in (1, 2, 3, 4, 5, 6):
            frames = frames_with(ways[1], faces, options.frames)
            found = np.mean([found_in(ways[1], frame) for frame in frames])
            row: dict[str, object] = {"people": faces, "faces found, mean": f"{found:.1f}"}
            for passes, predictor in ways.items():
                time_of_one = milliseconds(predictor, frames, options.rounds)
                row[f"{passes} passes, ms"] = f"{time_of_one:.2f}"
                row[f"{passes} passes, frames/s"] = round(1000 / time_of_one)
            rows.append(row)
    print(f"{processor_name()}, {os.cpu_count()} cores, one thread\n\n{markdown_table(rows)}")


if __name__ == "__main__":
    guarded(main)
