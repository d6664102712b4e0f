"""Export of weights as ONNX, compared with torch and evaluated, in a run directory."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from pydantic import Field

from mlcmkd.data.config import DataConfig
from mlcmkd.data.dataset import Pairs
from mlcmkd.deployment.onnx.card import UNSTATED, Kind
from mlcmkd.deployment.onnx.export import export_onnx
from mlcmkd.deployment.onnx.pairs import parity_px, predict_onnx
from mlcmkd.deployment.onnx.quantise import CALIBRATION_FACES, quantise
from mlcmkd.deployment.onnx.session import load_onnx
from mlcmkd.evaluation.evaluate import check_input, predict_pairs, score
from mlcmkd.evaluation.metrics import Normaliser
from mlcmkd.models import Landmarker, ModelSpec
from mlcmkd.schemes import map_indices
from mlcmkd.stages.common import locks_its_run, validates_config
from mlcmkd.training.provenance import data_hash
from mlcmkd.training.run_directory import Run
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError

MODEL = "model.onnx"
INT8 = "model_int8.onnx"
# Largest distance in pixels between landmarks of torch and of the exported file.
PARITY_PX = 1e-3


class ExportConfig(Config):
    """Which weights are exported, in which form, and the pairs that the export is checked on."""

    out: Path = Field(description="Run directory to write.")
    weights: Path = Field(description="Weights of a Landmarker.")
    kind: Kind = Field(
        default="image",
        description="image: image and face box in, landmarks in pixels of the image out; crop: the "
        "network alone.",
    )
    licence: str = Field(
        default=UNSTATED,
        description="Licence of the weights, kept in the file; the training data decide it.",
    )
    celsius_range: tuple[float, float] | None = Field(
        default=None, description="Degrees C that become 0 and 1; None for those of the weights."
    )
    int8: bool = Field(
        default=False,
        description="Also write an 8-bit file, calibrated on faces of the validation split.",
    )
    calibration_faces: int = Field(
        default=CALIBRATION_FACES, ge=1, description="Faces that calibrate the 8-bit file."
    )
    data: DataConfig = Field(
        default=DataConfig(),
        description="Pairs; the export is compared with torch, and scored, on the test split.",
    )
    normaliser: Normaliser = Field(
        default="inter-ocular", description="Distance that errors are divided by."
    )


@validates_config
@locks_its_run
def export(config: ExportConfig, *, progress: bool = True) -> dict[str, Any]:
    """Writes model.onnx, and with `int8` also model_int8.onnx, and evaluates them.

    Args:
        config: validated parameters, or a mapping of their fields.
        progress: show progress bars.

    Returns:
        The metadata of the file; the largest distance of its landmarks from torch's in pixels; for each
        file its size in bytes and, on labelled test pairs, its NME in percent, with that of torch; for
        int8 also the mean displacement of the landmarks in pixels of the network input.

    Raises:
        InputError: unusable weights or data, `out` is the folder of the weights or written by another
            command, or the landmarks of the export differ from torch; the file is then deleted.
    """
    model = Landmarker.load(config.weights)
    if config.out.resolve() == config.weights.parent.resolve():
        raise InputError(f"{config.out}: holds the weights; choose another folder")
    spec = model.spec
    pairs = _pairs(config, spec, "test", progress)
    pairs = _in_shared_scheme(pairs, spec.scheme)
    check_input(model, pairs, spec.modality, "export")
    run = Run(config.out, "export", config)
    versions = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    run.note(data=data_hash(pairs), **versions)
    path = config.out / MODEL
    card = export_onnx(
        model, path, config.kind, licence=config.licence, celsius_range=config.celsius_range
    )
    network = load_onnx(path)
    parity = parity_px(model, network, pairs)
    if not parity <= PARITY_PX:
        path.unlink()
        raise InputError(
            f"{config.weights}: landmarks of the export differ from torch by {parity:.2g} px, more than "
            f"{PARITY_PX:g} px; try another version of torch or onnxruntime"
        )
    prediction = predict_onnx(network, pairs)
    result = {
        "faces": len(pairs),
        "normaliser": config.normaliser,
        "parity_px": float(f"{parity:.2g}"),
        "torch": _nme(predict_pairs(model, pairs, model.spec.modality), config, model, pairs),
        "float32": {"bytes": path.stat().st_size} | _nme(prediction, config, model, pairs),
    }
    if config.int8:
        validation = _pairs(config, spec, "val", progress)
        int8_path = config.out / INT8
        quantise(path, int8_path, validation, faces=config.calibration_faces)
        rounded = predict_onnx(load_onnx(int8_path), pairs)
        moved = np.linalg.norm(rounded - prediction, axis=-1).mean() * model.spec.input_px
        result["int8"] = (
            {"bytes": int8_path.stat().st_size}
            | _nme(rounded, config, model, pairs)
            | {"moved_px": round(float(moved), 3)}
        )
    return run.finish(card=card.to_metadata(), **result)


def _pairs(config: ExportConfig, spec: ModelSpec, split: str, progress: bool) -> Pairs:
    """The pairs of a split with the images that the network takes."""
    return config.data.load(
        split,
        spec.input_px,
        radiometry=spec.radiometry,
        modalities={spec.modality},
        progress=progress,
    )


def _nme(
    prediction: np.ndarray, config: ExportConfig, model: Landmarker, pairs: Pairs
) -> dict[str, float]:
    """NME in percent; empty if no pair is labelled."""
    if not pairs.labelled.any():
        return {}
    scores = score(prediction, model.spec.scheme, pairs, config.normaliser)
    return {"nme_percent": round(100 * scores.nme, 3)}


def _in_shared_scheme(pairs: Pairs, scheme: str) -> Pairs:
    """The pairs; labels are mapped to the model's scheme if its output has no mapping to theirs."""
    try:
        map_indices(scheme, pairs.scheme)
    except InputError:
        points = list(map_indices(pairs.scheme, scheme))
        return replace(pairs, landmarks=pairs.landmarks[:, points], scheme=scheme)
    return pairs
