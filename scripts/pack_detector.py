"""Bundles a face detector: `python scripts/pack_detector.py RUN [--input-px 224]`.

Writes the weights of a run of `mlcmkd train-detector` to mlcmkd/deployment/weights in half precision,
and the ONNX graphs of the bundled networks again (scripts/pack_graphs.py).
The detector may run at another size of the frame than it was trained at: it was chosen by
`python benchmarks/detect.py --split val`. The figures in its card are those of the same command
without `--split`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mlcmkd.cli import guarded
from mlcmkd.deployment.onnx.shared_weights import write_graphs
from mlcmkd.deployment.weights import FILES
from mlcmkd.models.face_detector import FaceDetector
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError

FOLDER = Path(__file__).parents[1] / "mlcmkd/deployment/weights"
LARGEST = 1_000_000  # bytes


def pack(run: Path, input_px: int | None) -> Path:
    """Bundles the detector of a run; returns the file.

    Raises:
        InputError: no detector, or a file that is too large for the package.
    """
    detector = FaceDetector.load(run / WEIGHTS)
    if input_px is not None:
        detector.spec = detector.spec.model_copy(update={"input_px": input_px})
    path = FOLDER / FILES[detector.spec.modality].detector
    detector.save(path, half=True)
    if (size := path.stat().st_size) > LARGEST:
        raise InputError(f"{path}: {size:,} bytes, more than {LARGEST:,}; train a smaller network")
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="run directory of `mlcmkd train-detector`")
    parser.add_argument(
        "--input-px", type=int, help="longer side of the input, by default as trained"
    )
    options = parser.parse_args(arguments)
    path = pack(options.run, options.input_px)
    write_graphs(FOLDER)
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    guarded(main)
