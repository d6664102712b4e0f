"""A map of any method: `attribute`, one face at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor
from tqdm.auto import tqdm

from mlcmkd.attribution.baselines import Baseline, baseline_of
from mlcmkd.attribution.methods import COMPLETE, METHODS, Face, MethodName, Settings
from mlcmkd.attribution.scalars import Scalar, Target, explaining, predicted
from mlcmkd.models import Landmarker, Prediction
from mlcmkd.utils.errors import InputError


class Attribution(NamedTuple):
    """What captum found.

    Attributes:
        maps: (B, P, P) signed contributions of the pixels, summed over channels.
        completeness_error: (B,) |sum of the contributions - difference of the scalar between image
            and baseline|, over that difference's size; small when the steps are enough. None where a
            method promises no such sum.
    """

    maps: Tensor
    completeness_error: Tensor | None


def settings_from(given: dict) -> Settings:
    """Settings of these names and values.

    Raises:
        InputError: a name or a value that there is not; the message names the choices.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = ", ".join(Settings.model_fields)
            raise InputError(f"setting '{name}' is unknown; use {known}") from None
        raise InputError(f"setting {name}={first['input']!r}: {first['msg']}") from None


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
    """Which pixels a landmark, or a group of landmarks, was found by.

    Args:
        model: any Landmarker; it is put into evaluation mode and left as it was found.
        images: (B, C, P, P) in [0, 1], on the model's device.
        landmarks: an index in the model's scheme, a group's name (see `groups_of`), or indices.
        method: a name of `METHODS`.
        target: which scalar is explained, see `Scalar`.
        prediction: what is taken to be found in the images: it decides which cells are explained and
            where the face's regions lie. None for the model's own.
        progress: show a bar, a face a tick.
        settings: see `Settings`.

    Raises:
        InputError: a name that there is not, or as `Scalar`.
    """
    if method not in METHODS:
        raise InputError(f"method '{method}' is unknown; use {', '.join(METHODS)}")
    how = settings_from(settings)
    scalar = Scalar(model, landmarks, target)
    if prediction is None:
        prediction = predicted(model, images, how.batch)
    cells = scalar.cells(prediction)
    images = images.detach()
    reference = baseline_of(images, how.baseline)
    maps = []
    with explaining(model):
        bar = tqdm(range(len(images)), desc=method, unit="face", disable=not progress, leave=False)
        for n in bar:
            one = slice(n, n + 1)
            at = None if cells is None else cells[one]
            face = Face(scalar, images[one], reference[one], at, prediction.coordinates[one])
            with seeded(how.seed):  # a face is explained alike in any company
                maps.append(METHODS[method](face, how).detach())
        found = torch.cat(maps)
        error = None
        if method in COMPLETE:
            error = _completeness_error(scalar, images, reference, cells, found, how.batch)
    return Attribution(found, error)


def integrated_gradients(
    model: Landmarker,
    images: Tensor,
    landmark: int | str | Sequence[int],
    *,
    target: Target = "log-probability",
    steps: int = 32,
    baseline: Baseline = "blur",
) -> Attribution:
    """`attribute` by integrated gradients (Sundararajan et al., 2017), which is the default there."""
    return attribute(model, images, landmark, target=target, steps=steps, baseline=baseline)


@torch.no_grad()
def values_of(scalar: Scalar, images: Tensor, cells: Tensor | None, batch: int) -> Tensor:
    """The scalar of images, (B,), `batch` of them at a time."""
    parts = range(0, len(images), batch)
    return torch.cat(
        [
            scalar(images[n : n + batch], None if cells is None else cells[n : n + batch])
            for n in parts
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
    """|sum of the map - difference of the scalar| over the difference's size, (B,)."""
    of_images = values_of(scalar, images, cells, batch)
    difference = of_images - values_of(scalar, reference, cells, batch)
    missed = maps.sum(dim=(1, 2)) - difference
    return (missed.abs() / difference.abs().clamp_min(1e-6)).float()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random numbers from a seed for captum, which draws from torch's and numpy's global states.

    Both are left as they were.
    """
    state = np.random.get_state()
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            np.random.seed(seed)
            yield
    finally:
        np.random.set_state(state)
