"""Speed of prediction: `OMP_NUM_THREADS=1 python benchmarks/predict.py`.

One thread, the face box given, one 240 x 320 thermal frame in degrees C. A call goes from the array
to landmarks in its pixels and a confidence, including radiometry and crop. It is timed with torch
(eager mode) and ONNX Runtime (a file of `mlcmkd export`), with one face per call and in batches;
the last rows include the face detector. Values are medians and quartiles of the timed calls.
"""

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import onnxruntime
import torch

from mlcmkd.data.crops import tight_box
from mlcmkd.data.pairs import synthetic_faces
from mlcmkd.deployment.onnx.export import export_onnx
from mlcmkd.deployment.predictor import Predictor
from mlcmkd.deployment.weights import bundled_weights
from mlcmkd.evaluation.cost import time_calls
from mlcmkd.training.provenance import processor_name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, help="by default the bundled model")
    parser.add_argument("--repeats", type=int, default=200, help="timed calls")
    parser.add_argument("--batch", type=int, default=32)
    arguments = parser.parse_args()
    weights = arguments.weights or bundled_weights()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    face = synthetic_faces("test", 1)
    frame = cv2.copyMakeBorder(face.thermal[0], 72, 72, 112, 112, cv2.BORDER_REPLICATE)
    box = tight_box(face.landmarks[0] + (112, 72))
    print(
        f"{processor_name()}, one thread, load {os.getloadavg()[0]:.1f}; torch {torch.__version__}, "
        f"ONNX Runtime {onnxruntime.__version__}; median of {arguments.repeats} calls\n"
    )
    print("| runtime | faces per call | box | ms per face [quartiles] | faces per second |")
    print("|" + " --- |" * 5)
    with TemporaryDirectory() as folder:
        paths = {"torch": weights}
        for kind in ("crop", "image"):
            paths[f"ONNX Runtime, {kind}"] = Path(folder) / f"{kind}.onnx"
            export_onnx(weights, paths[f"ONNX Runtime, {kind}"], kind)
        for name, path in paths.items():
            predictor = Predictor(path, batch=arguments.batch)
            frames = np.repeat(frame[None], arguments.batch, axis=0)
            boxes = [box] * arguments.batch
            calls = {
                (1, "given"): lambda p=predictor: p(frame, box),
                (arguments.batch, "given"): lambda p=predictor, f=frames, b=boxes: p.faces(f, b),
                (1, "detected"): lambda p=predictor: p(frame),
            }
            for (count, box_source), call in calls.items():
                latency = time_calls(
                    call, arguments.repeats if count == 1 else arguments.repeats // 10
                )
                ms, low, high = (value / count for value in latency)
                print(
                    f"| {name} | {count} | {box_source} | {ms:.2f} [{low:.2f}, {high:.2f}] "
                    f"| {1000 / ms:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
