"""Effect of the weight of the coordinate distance on a teacher's validation error.

    python benchmarks/coordinate_weight.py MANIFEST [WEIGHT ...]

`base`, 64 px, 600 steps of 32 on the manifest's RGB training photos, seed 0, bf16. The test split is
not used. The weight of `mlcmkd.distillation.losses` was chosen by this benchmark.
"""

import sys
import tempfile
from pathlib import Path

from mlcmkd.data.config import DataConfig
from mlcmkd.distillation import losses
from mlcmkd.stages.train import TrainConfig, train


def validation_nme(manifest: str, weight: float) -> dict:
    """Validation scores of a short training with a weight."""
    losses.COORDINATE_WEIGHT = weight
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig(
            out=Path(folder) / "run",
            data=DataConfig(source=manifest),
            input_px=64,
            fit={"steps": 600, "batch": 32, "evaluations": 1, "precision": "bf16-mixed"},
        )
        return train(config, progress=False)


if __name__ == "__main__":
    for text in sys.argv[2:] or ["60", "20", "5", "2"]:
        result = validation_nme(sys.argv[1], float(text))
        print(
            f"weight {text:>4}: validation NME {result['nme_percent']:.2f} % "
            f"[{result['nme_low_percent']:.2f}, {result['nme_high_percent']:.2f}], inter-ocular, "
            f"{result['faces']} faces",
            flush=True,
        )
