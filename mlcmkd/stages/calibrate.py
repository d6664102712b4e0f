"""The stage `calibrate`: standard deviations of the landmarks of trained weights."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from mlcmkd.data.config import DataConfig
from mlcmkd.data.dataset import Pairs
from mlcmkd.data.transforms import NO_AUGMENTATION, Augmentation, make_batch
from mlcmkd.evaluation.calibration import fit_deviation, measure_coverage
from mlcmkd.evaluation.evaluate import check_input
from mlcmkd.models import DEVIATION_HEAD, Calibration, Landmarker, copy_weights
from mlcmkd.schemes import map_indices
from mlcmkd.stages.common import locks_its_run
from mlcmkd.training.deviation import fit_deviation_head
from mlcmkd.training.provenance import data_hash
from mlcmkd.training.run_directory import Run
from mlcmkd.utils.config import Config, Seed, late
from mlcmkd.utils.errors import InputError

_BATCH = 64


class CalibrateConfig(Config):
    """Which weights are calibrated, and on which validation faces."""

    out: Path = Field(description="Run directory to write.")
    weights: Path = Field(description="Weights of a Landmarker with a heatmap head.")
    data: DataConfig = Field(
        default=DataConfig(),
        description="Faces of the validation split; also those of the sources in `also`.",
    )
    augmentation: Augmentation = Field(
        default=NO_AUGMENTATION,
        description="Augmentation of the faces; by default none.",
    )
    passes: int = Field(
        default=1,
        ge=1,
        le=100,
        description="How often each face is used, each time with another augmentation.",
    )
    head: Literal["keep", "fit", "none"] = late(
        "keep",
        description="The deviation head of the weights. keep: it is not changed; fit: it is first "
        "fitted to the errors of hundreds to thousands of training faces, preferably not those that "
        "the weights were trained on; none: it is removed, and the spread of the heatmaps is used.",
    )
    seed: Seed = Field(default=0, description="Seed of the augmentation.")


@locks_its_run
def calibrate(config: CalibrateConfig, *, progress: bool = True) -> dict[str, Any]:
    """Fits the calibration of weights on validation faces, and writes the weights with it.

    The predicted landmarks do not change by a bit: the tensors of the new file are those of the old one,
    except those of a newly fitted deviation head.

    Args:
        config: validated parameters.
        progress: show progress bars.

    Returns:
        The calibration; on the faces of the fit, the shares of errors within one and two deviations and
        rank correlations; the path of the weights.

    Raises:
        InputError: weights with a coordinate head, weights or data that cannot be used, too few labelled
            faces, or `out` is the folder of the weights.
    """
    model = Landmarker.load(config.weights)
    if model.spec.head != "heatmap":
        raise InputError(
            f"{config.weights}: has a {model.spec.head} head, but deviations are calibrated on "
            "heatmaps; train it with head heatmap"
        )
    if config.out.resolve() == config.weights.parent.resolve():
        raise InputError(f"{config.out}: holds the weights; choose another folder")
    sources = _validation(config, model, progress)
    used = list(sources)
    if config.head == "none":
        model.deviation_head = None
    if config.head == "fit":
        training = _training(config, model, progress)
        used.append(training)
        model.deviation_head = fit_deviation_head(model, training, config.seed, progress=progress)
    measured = [_estimates_and_errors(model, pairs, config) for pairs in sources]
    estimates, errors = (np.concatenate(each) for each in zip(*measured, strict=True))
    scale, power = fit_deviation(estimates, errors)
    calibration = Calibration(
        scale=scale,
        power=power,
        faces=sum(int(pairs.labelled.sum()) for pairs in sources),
        data=", ".join(dict.fromkeys(map(_name, (config.data.source, *config.data.also)))),
        source="spread" if model.deviation_head is None else "head",
    )
    run = Run(config.out, "calibrate", config, seed=config.seed)
    run.note(data="+".join(data_hash(pairs) for pairs in used))
    spec = model.spec.model_copy(update={"calibration": calibration})
    copy_weights(config.weights, run.weights, spec, {DEVIATION_HEAD: model.deviation_head})
    coverage = measure_coverage(calibration.of(estimates), errors)
    return run.finish(
        split="val",
        calibration=calibration.model_dump(),
        **{name: _rounded(value) for name, value in coverage._asdict().items()},
        weights=str(run.weights),
    )


def _validation(config: CalibrateConfig, model: Landmarker, progress: bool) -> list[Pairs]:
    """The validation faces of every source."""
    spec, loaded = model.spec, []
    for source in (config.data.source, *config.data.also):
        data = config.data.model_copy(update={"source": source, "also": ()})
        pairs = data.load("val", spec.input_px, radiometry=spec.radiometry, progress=progress)
        check_input(model, pairs, spec.modality, "calibration")
        map_indices(spec.scheme, pairs.scheme)
        loaded.append(pairs.only_labelled())
    return loaded


def _training(config: CalibrateConfig, model: Landmarker, progress: bool) -> Pairs:
    """The labelled training faces of all sources."""
    spec = model.spec
    pairs = config.data.load_training(
        spec.input_px, config.seed, radiometry=spec.radiometry, progress=progress
    )
    check_input(model, pairs, spec.modality, "calibration")
    return pairs.only_labelled()


@torch.no_grad()
def _estimates_and_errors(
    model: Landmarker, pairs: Pairs, config: CalibrateConfig
) -> tuple[np.ndarray, np.ndarray]:
    """First estimates of deviations (N, K), and errors (N, K, 2); NaN for points without a label."""
    generator = torch.Generator().manual_seed(config.seed)
    points = list(map_indices(model.spec.scheme, pairs.scheme))
    estimates, errors = [], []
    for _ in range(config.passes):
        for index in torch.arange(len(pairs)).split(_BATCH):
            batch = make_batch(pairs, index, config.augmentation, generator)
            images = batch.images(model.spec.modality)
            prediction = model(images)
            error = torch.full_like(prediction.coordinates, torch.nan)
            error[:, points] = prediction.coordinates[:, points] - batch.landmarks
            estimates.append(model.raw_deviation(prediction, images))
            errors.append(error)
    return torch.cat(estimates).numpy(), torch.cat(errors).numpy()


def _rounded(value: float) -> float | None:
    """A number for result.json; None for NaN, which JSON does not have."""
    return round(value, 4) if np.isfinite(value) else None


def _name(source: str) -> str:
    """The name of a source, without the folders of this machine."""
    return Path(source).name
