"""Frames per second of detector and landmarks: `python benchmarks/frame_rate.py`.

Rendered thermal frames of 320 x 240 pixels, one thread of ONNX Runtime, one frame at a time: from
degrees C to the landmarks of all faces, by one pass over each, by the default, and with the temperatures
of landmarks and regions. The networks are the bundled ones, exported in float32. Times are CPU
times, so that waiting for other programs does not count. The variants run alternately; the result of a
frame is the best of several rounds, and the mean over the frames is printed.
"""

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from mlcmkd.cli import guarded
from mlcmkd.deployment.face_detector import detect_faces
from mlcmkd.deployment.onnx.detector import export_detector
from mlcmkd.deployment.onnx.export import export_onnx
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.temperatures import FaceTemperatures, measure
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


def with_temperatures(predictor: Predictor, frame: np.ndarray) -> list[FaceTemperatures]:
    """Landmarks of all faces, and their temperatures."""
    celsius = predictor.celsius(frame)
    return [measure(face, celsius) for face in predictor.faces([frame])[0]]


def milliseconds(
    ways: dict[str, Callable[[np.ndarray], object]], frames: list[np.ndarray], rounds: int
) -> dict[str, float]:
    """CPU time of each way for one frame: the best of the rounds, the mean over the frames."""
    times = np.full((len(ways), len(frames)), np.inf)
    for _ in range(rounds):
        for (w, way), (n, frame) in itertools.product(enumerate(ways.values()), enumerate(frames)):
            start = time.process_time()
            way(frame)
            times[w, n] = min(times[w, n], time.process_time() - start)
    return dict(zip(ways, (1000 * times.mean(axis=1)).tolist(), strict=True))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=8, help="frames for each number of faces")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        landmarks, detector = exported(Path(folder))
        once, default = (Predictor(landmarks, detector=detector, passes=n) for n in (1, None))
        ways = {
            "one pass": lambda frame: once.faces([frame]),
            "default": lambda frame: default.faces([frame]),
            "with temperatures": lambda frame: with_temperatures(default, frame),
        }
        for faces in (1, 2, 3, 4, 5, 6):
            frames = frames_with(once, faces, options.frames)
            found = np.mean([found_in(once, frame) for frame in frames])
            row: dict[str, object] = {"people": faces, "faces found, mean": f"{found:.1f}"}
            for way, time_of_one in milliseconds(ways, frames, options.rounds).items():
                row[f"{way}, ms"] = f"{time_of_one:.1f}"
                row[f"{way}, frames/s"] = round(1000 / time_of_one)
            rows.append(row)
    print(f"{processor_name()}, {os.cpu_count()} cores, one thread\n\n{markdown_table(rows)}")


if __name__ == "__main__":
    guarded(main)
