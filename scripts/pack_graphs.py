"""Writes the ONNX graphs of the bundled networks: `python scripts/pack_graphs.py`.

Prediction by the bundled networks runs these graphs. They read the tensors of the weights files beside
them, and must be written again for new weights; pack_weights.py and pack_detector.py do that.
"""

from pathlib import Path

from mlcmkd.cli import guarded
from mlcmkd.deployment.onnx.shared_weights import write_graphs

# Of this checkout, whichever copy of mlcmkd is installed.
FOLDER = Path(__file__).parents[1] / "mlcmkd/deployment/weights"


def main() -> None:
    for path in write_graphs(FOLDER):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    guarded(main)
