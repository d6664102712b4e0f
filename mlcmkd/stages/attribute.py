"""The stage `attribute`: attribution maps of an RGB and a thermal model on the same faces."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import save as to_bytes

from mlcmkd.attribution import (
    Attribution,
    MethodName,
    Target,
    landmark_indices,
    spearman,
    top_overlap,
)
from mlcmkd.attribution import attribute as explain
from mlcmkd.data.config import DataConfig
from mlcmkd.data.transforms import NO_AUGMENTATION, Batch, make_batch
from mlcmkd.deployment.weights import bundled_weights
from mlcmkd.evaluation.evaluate import check_input
from mlcmkd.models import Landmarker
from mlcmkd.plots import attribution_maps
from mlcmkd.plots.saving import save_figure
from mlcmkd.stages.common import locks_its_run, validates_config
from mlcmkd.training.run_directory import Run
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm
from mlcmkd.utils.writing import replacing


class AttributeConfig(Config):
    """Which landmark or region is explained, in an RGB and a thermal model, on which faces."""

    out: Path = Field(description="Run directory to write.")
    rgb: Path | None = Field(
        default=None, description="Weights of an RGB model; None for the bundled one."
    )
    thermal: Path | None = Field(
        default=None, description="Weights of a thermal model; None for the bundled one."
    )
    data: DataConfig = Field(default=DataConfig(), description="Which pairs.")
    split: Literal["train", "val", "test"] = Field(
        default="val", description="Split that the faces are from."
    )
    faces: int = Field(
        default=4, ge=1, le=64, description="Number of pairs, the first of the split."
    )
    landmark: int = Field(
        default=30, ge=0, description="Index of the landmark in its scheme; 30 is the nose tip."
    )
    group: str | None = Field(
        default=None,
        description="Region to explain instead of one landmark, such as eye (both), mouth, jaw or "
        "all.",
    )
    method: MethodName = Field(
        default="integrated-gradients", description="Attribution method of captum."
    )
    path_steps: int = Field(
        default=32,
        ge=2,
        description="Points on the path from baseline to image, for integrated gradients.",
    )
    target: Target = Field(
        default="log-probability", description="Scalar output that is explained."
    )


@validates_config
@locks_its_run
def attribute(config: AttributeConfig, *, progress: bool = True) -> dict[str, Any]:
    """Computes attribution maps of an RGB and a thermal model for a landmark or a group of landmarks.

    Writes attributions.safetensors (maps and inputs by name), attributions.png and result.json with
    the completeness errors (of complete methods) and the agreement of the two maps of each face.

    Args:
        config: validated parameters.
        progress: show progress bars.

    Returns:
        The contents of result.json.

    Raises:
        InputError: a model of the other modality, models with different input sizes, an unknown
            landmark, or another command writes `out`.
    """
    models = _load_models(config)
    landmarks = config.landmark if config.group is None else config.group
    indices = {
        modality: landmark_indices(model.spec.scheme, landmarks)
        for modality, model in models.items()
    }
    thermal = models["thermal"].spec
    pairs = config.data.load(
        config.split, thermal.input_px, radiometry=thermal.radiometry, progress=progress
    )
    for modality, model in models.items():
        check_input(model, pairs, modality, "attribution")
    index = torch.arange(min(config.faces, len(pairs)))
    batch = make_batch(pairs, index, NO_AUGMENTATION, torch.Generator().manual_seed(0))
    run = Run(config.out, "attribute", config)
    attributions: dict[str, Attribution] = {}
    for modality in tqdm(models, desc="attribution", unit="model", disable=not progress):
        attributions[modality] = explain(
            models[modality],
            batch.images(modality),
            landmarks,
            method=config.method,
            target=config.target,
            steps=config.path_steps,
            progress=progress,
        )
    maps = {modality: attribution.maps for modality, attribution in attributions.items()}
    tensors = {"rgb": batch.rgb, "thermal": batch.thermal}
    tensors |= {f"{modality}_map": values for modality, values in maps.items()}
    with replacing(run.path / "attributions.safetensors") as part:
        part.write_bytes(to_bytes({name: tensor.contiguous() for name, tensor in tensors.items()}))
    figure = attribution_maps(
        batch.rgb,
        batch.thermal,
        maps["rgb"],
        maps["thermal"],
        landmarks=shown_landmarks(models["thermal"], batch, pairs.scheme),
        landmark=indices["thermal"],
    )
    save_figure(figure, run.path / "attributions.png", dpi=120)
    return run.finish(
        landmark=config.landmark if config.group is None else None,
        group=config.group,
        method=config.method,
        target=config.target,
        path_steps=config.path_steps,
        completeness_error={
            modality: [round(float(value), 4) for value in attribution.completeness_error]
            for modality, attribution in attributions.items()
            if attribution.completeness_error is not None
        },
        agreement={
            "spearman": _rounded(spearman(maps["rgb"], maps["thermal"])),
            "top_10_percent_overlap": _rounded(top_overlap(maps["rgb"], maps["thermal"])),
        },
        figure=str(run.path / "attributions.png"),
    )


def _load_models(config: AttributeConfig) -> dict[str, Landmarker]:
    """The models by modality.

    Raises:
        InputError: a model of the other modality, models with different input sizes, or no bundled
            model.
    """
    given = {"rgb": config.rgb, "thermal": config.thermal}
    files = {modality: file or bundled_weights(modality) for modality, file in given.items()}
    models = {modality: Landmarker.load(file) for modality, file in files.items()}
    for modality, model in models.items():
        if model.spec.modality != modality:
            raise InputError(
                f"{files[modality]}: takes {model.spec.modality} input; give a model with "
                f"{modality} input"
            )
    sizes = [model.spec.input_px for model in models.values()]
    if sizes[0] != sizes[1]:
        raise InputError(
            f"the models have inputs of {sizes[0]} and {sizes[1]} px; give two of one input size"
        )
    return models


def shown_landmarks(thermal: Landmarker, batch: Batch, scheme: str) -> torch.Tensor:
    """Landmarks for the figure, in the thermal model's scheme: labels, otherwise predictions.

    Args:
        thermal: thermal model of K points.
        batch: faces that are explained.
        scheme: landmark scheme of the batch; if it is not the model's scheme, no label is used.

    Returns:
        (B, K, 2) centred coordinates.
    """
    with torch.inference_mode():
        predicted = thermal(batch.images("thermal")).coordinates
    if scheme != thermal.spec.scheme:
        return predicted
    return batch.landmarks_or(predicted)


def _rounded(values: np.ndarray) -> list[float | None]:
    """Numbers for JSON, which has no NaN."""
    return [round(float(value), 4) if np.isfinite(value) else None for value in values]
