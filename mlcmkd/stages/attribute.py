"""The stage `attribute`: what an RGB and a thermal model look at, on the same faces."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import save_file
from tqdm.auto import tqdm

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
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.models import Landmarker
from mlcmkd.plots import attribution_maps
from mlcmkd.training.run_directory import Run
from mlcmkd.utils.errors import InputError


class AttributeConfig(BaseModel):
    """What a landmark or a group of them was found by, in RGB and in thermal, on the same faces.

    Attributes:
        out: run directory.
        rgb, thermal: weights that read each side.
        data, split, faces: the first so many pairs of a split.
        landmark: index in the weights' scheme.
        group: if given, explained instead of `landmark`: a region of the scheme by its name, both
            sides of one together ("eye"), or "all".
        method: a name of `attribution.METHODS`.
        path_steps: points on the path from baseline to image (integrated gradients).
        target: which scalar is explained.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    out: Path
    rgb: Path
    thermal: Path
    data: DataConfig = DataConfig()
    split: Literal["train", "val", "test"] = "val"
    faces: int = Field(default=4, ge=1, le=64)
    landmark: int = Field(default=30, ge=0)
    group: str | None = None
    method: MethodName = "integrated-gradients"
    path_steps: int = Field(default=32, ge=2)
    target: Target = "log-probability"


def attribute(config: AttributeConfig, *, progress: bool = True) -> dict[str, Any]:
    """Shows what the RGB and the thermal model look at for one landmark, or a group of them.

    Writes attributions.safetensors (maps and inputs by name), attributions.png and result.json with
    the completeness errors (of methods that promise completeness), and how far the two maps of each
    face agree.
    """
    models = {"rgb": Landmarker.load(config.rgb), "thermal": Landmarker.load(config.thermal)}
    for modality, model in models.items():
        if model.spec.modality != modality:
            raise InputError(f"{getattr(config, modality)}: reads {model.spec.modality} images")
    if models["rgb"].spec.input_px != models["thermal"].spec.input_px:
        raise InputError("the two models read inputs of different size; compare models of one size")
    asked = config.landmark if config.group is None else config.group
    shown = [landmark_indices(model.spec.scheme, asked) for model in models.values()]
    pairs = config.data.load(config.split, models["rgb"].spec.input_px, progress=progress)
    index = torch.arange(min(config.faces, len(pairs)))
    batch = make_batch(pairs, index, NO_AUGMENTATION, torch.Generator().manual_seed(0))
    run = Run(config.out, "attribute", config)
    found: dict[str, Attribution] = {}
    for modality in tqdm(models, desc="attributing", unit="model", disable=not progress):
        pairs.require(modality, "attribution")
        found[modality] = explain(
            models[modality],
            batch.images(modality),
            asked,
            method=config.method,
            target=config.target,
            steps=config.path_steps,
            progress=progress,
        )
    save_file(
        {f"{name}_map": each.maps.contiguous() for name, each in found.items()}
        | {"rgb": batch.rgb.contiguous(), "thermal": batch.thermal.contiguous()},
        run.path / "attributions.safetensors",
    )
    figure = attribution_maps(
        batch.rgb,
        batch.thermal,
        found["rgb"].maps,
        found["thermal"].maps,
        landmarks=batch.landmarks,
        landmark=shown[0],
    )
    figure.savefig(run.path / "attributions.png", dpi=120)
    both = [found[modality].maps for modality in models]
    return run.finish(
        landmark=config.landmark if config.group is None else None,
        group=config.group,
        method=config.method,
        target=config.target,
        path_steps=config.path_steps,
        completeness_error={
            name: [round(float(value), 4) for value in each.completeness_error]
            for name, each in found.items()
            if each.completeness_error is not None
        },
        agreement={
            "spearman": _rounded(spearman(*both)),
            "top_10_percent_overlap": _rounded(top_overlap(*both)),
        },
        figure=str(run.path / "attributions.png"),
    )


def _rounded(values: np.ndarray) -> list[float | None]:
    """Numbers as JSON has them, which knows no NaN."""
    return [round(float(value), 4) if np.isfinite(value) else None for value in values]
