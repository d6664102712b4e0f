"""`attribute`: attribution maps by any method, one face at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mlcmkd.attribution.baselines import Baseline, baseline_of
from mlcmkd.attribution.methods import COMPLETE, METHODS, Face, MethodName, Settings
from mlcmkd.attribution.scalars import Scalar, Target, frozen_eval, predict
from mlcmkd.models import Landmarker, Prediction
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm


class Attribution(NamedTuple):
    """Attribution maps, and their completeness error.

    Attributes:
        maps: (B, P, P) signed contributions of the pixels, summed over channels.
        completeness_error: (B,) |sum of contributions - difference of the scalar between image and
            baseline|, relative to that difference; small if there are enough steps. None for methods
            that are not complete.
    """

    maps: Tensor
    completeness_error: Tensor | None


def attribute(
    model: Landmarker,
    images: Tensor,
    landmarks: int | str | Sequence[int],
    *,
    method: MethodName = "integrated-gradients",
    target: Target = "log-probability",
    prediction: Prediction | None = None,
    progress: bool = False,
    **settings,
) -> Attribution:
    """Attribution maps of a landmark, or of a group of landmarks.

    Args:
        model: any Landmarker; it runs in evaluation mode, and its state is restored.
        images: (B, C, P, P) in [0, 1], on the model's device.
        landmarks: an index in the model's scheme, a group's name (see `groups_of`), or indices.
        method: a name of `METHODS`.
        target: which scalar is explained, see `Scalar`.
        prediction: defines the heatmap cells that are explained and the regions of the face; None for
            the model's own prediction.
        progress: show a progress bar over faces.
        settings: see `Settings`.

    Raises:
        InputError: an unknown method or setting, or an error of `Scalar`.
    """
    if method not in METHODS:
        raise InputError(f"method '{method}' is unknown; use {', '.join(METHODS)}")
    options = Settings.validated("settings", settings)
    scalar = Scalar(model, landmarks, target)
    if prediction is None:
        prediction = predict(model, images, options.batch)
    cells = scalar.cells(prediction)
    images = images.detach()
    reference = baseline_of(images, options.baseline)
    maps = []
    with frozen_eval(model):
        bar = tqdm(range(len(images)), desc=method, unit="face", disable=not progress, leave=False)
        for n in bar:
            row = slice(n, n + 1)
            cell = None if cells is None else cells[row]
            face = Face(scalar, images[row], reference[row], cell, prediction.coordinates[row])
            with seeded(options.seed):  # so that a map does not depend on the other faces
                maps.append(METHODS[method](face, options).detach())
        result = torch.cat(maps)
        error = None
        if method in COMPLETE:
            error = _completeness_error(scalar, images, reference, cells, result, options.batch)
    return Attribution(result, error)


def integrated_gradients(
    model: Landmarker,
    images: Tensor,
    landmark: int | str | Sequence[int],
    *,
    target: Target = "log-probability",
    steps: int = 32,
    baseline: Baseline = "blur",
) -> Attribution:
    """`attribute` with its default method, integrated gradients (Sundararajan et al., 2017)."""
    return attribute(model, images, landmark, target=target, steps=steps, baseline=baseline)


@torch.no_grad()
def scalar_values(scalar: Scalar, images: Tensor, cells: Tensor | None, batch: int) -> Tensor:
    """The scalar of images, (B,), computed in batches."""
    starts = range(0, len(images), batch)
    return torch.cat(
        [
            scalar(images[n : n + batch], None if cells is None else cells[n : n + batch])
            for n in starts
        ]
    )


def _completeness_error(
    scalar: Scalar,
    images: Tensor,
    reference: Tensor,
    cells: Tensor | None,
    maps: Tensor,
    batch: int,
) -> Tensor:
    """|sum of the map - difference of the scalar| / |difference of the scalar|, (B,)."""
    of_images = scalar_values(scalar, images, cells, batch)
    difference = of_images - scalar_values(scalar, reference, cells, batch)
    error = maps.sum(dim=(1, 2)) - difference
    return (error.abs() / difference.abs().clamp_min(1e-6)).float()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds the global random states of torch and numpy, which captum uses, and restores them."""
    state = np.random.get_state()
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            np.random.seed(seed)
            yield
    finally:
        np.random.set_state(state)
