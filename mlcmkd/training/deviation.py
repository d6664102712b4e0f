"""The training of a deviation head on the errors of a landmark network whose weights do not change.

First the network predicts the landmarks of faces with disturbances that make errors larger. Then the
head is fitted to the statistics and errors, which takes seconds. The loss is the negative logarithm of
a Student t density, because errors of landmarks have longer tails than a normal distribution. The final
scale comes from quantiles (`mlcmkd.evaluation.calibration`). The strengths and probabilities of the
disturbances are our choices.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from mlcmkd.data.borders import random_border, random_resolution
from mlcmkd.data.dataset import Pairs
from mlcmkd.data.draw import Draw
from mlcmkd.data.transforms import Augmentation, make_batch
from mlcmkd.models import DeviationHead, Landmarker, landmark_statistics
from mlcmkd.schemes import get_scheme, map_indices
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm

FREEDOM = 4.0  # degrees of freedom of the Student t density
FEWEST_FACES = 200  # for some hundred parameters; with fewer, calibrate the spread instead
PASSES = 6  # passes over the faces, each with another augmentation
STEPS = 800  # optimiser steps of the fit
_RATE, _DECAY, _BATCH = 1e-2, 1e-3, 128
_CROPS = 64  # per forward pass of the landmark network
_START = -3.9  # logarithm of 2 % of the input's side


class Disturbance(NamedTuple):
    """Disturbances of faces: an augmentation, and the probabilities of two further ones.

    Attributes:
        augmentation: changes of geometry and values.
        border: probability that the image's border cuts the face.
        resolution: probability of a low resolution.
    """

    augmentation: Augmentation
    border: float
    resolution: float


# Every third pass is MILD: inexact boxes and cuts only. The others combine all disturbances.
MILD = Disturbance(
    Augmentation(rotation=0, scale=0.15, shift=0.09, flip=0, photometry=0, occlusion=0), 0.15, 0
)
HARD = Disturbance(
    Augmentation(rotation=20, scale=0.2, shift=0.1, photometry=1, occlusion=0.25, agc=0.6),
    0.35,
    0.3,
)


def student_loss(errors: Tensor, log_deviation: Tensor) -> Tensor:
    """Negative logarithm of a bivariate Student t density, without its additive constant.

    The density has `FREEDOM` degrees of freedom, mean 0 and the same scale in x and y.

    Args:
        errors: (..., 2), errors in x and y.
        log_deviation: (...), natural logarithm of the scale, in the unit of the errors.

    Returns:
        (...), NaN where an error is NaN.
    """
    ratio = errors.square().sum(-1) * torch.exp(-2 * log_deviation)
    return 2 * log_deviation + (FREEDOM + 2) / 2 * torch.log1p(ratio / FREEDOM)


def fit_deviation_head(
    model: Landmarker, pairs: Pairs, seed: int, *, progress: bool = True
) -> DeviationHead:
    """Fits a deviation head to the errors of a network on training faces.

    Args:
        model: network with a heatmap head; it is not changed.
        pairs: labelled faces in the network's landmark scheme, preferably not its training faces.
        seed: seed of the disturbances and of the fit.
        progress: show a progress bar.

    Raises:
        InputError: too few faces, or labels that lack some of the network's landmarks.
    """
    points = get_scheme(model.spec.scheme).points
    labelled = set(map_indices(model.spec.scheme, pairs.scheme))
    if len(labelled) < points:
        raise InputError(
            f"the faces have labels of {len(labelled)} of the {points} landmarks; a deviation head "
            "needs all of them; calibrate without head=fit"
        )
    if len(pairs) < FEWEST_FACES:
        raise InputError(
            f"{len(pairs)} labelled training faces; a deviation head needs {FEWEST_FACES}; calibrate "
            "without head=fit"
        )
    statistics, errors = _collect(model, pairs, seed, progress)
    flat = statistics.flatten(0, 1)
    mean, scale = flat.mean(0), flat.std(0).clamp_min(1e-6)
    head = _start(points, seed)
    _optimise(head, (statistics - mean) / scale, errors, seed)
    head.take_in(mean, scale)
    return head.requires_grad_(False)


@torch.no_grad()
def _collect(model: Landmarker, pairs: Pairs, seed: int, progress: bool) -> tuple[Tensor, Tensor]:
    """Statistics (N, K, STATISTICS) and errors (N, K, 2) of the disturbed faces of all passes."""
    generator, modality = torch.Generator().manual_seed(seed), model.spec.modality
    points = list(map_indices(model.spec.scheme, pairs.scheme))
    statistics, errors = [], []
    blocks = torch.arange(len(pairs)).split(_CROPS)
    parts = [(number, block) for number in range(PASSES) for block in blocks]
    for number, block in tqdm(parts, desc="errors", disable=not progress, leave=False):
        kind = HARD if number % 3 else MILD
        batch = make_batch(pairs, block, kind.augmentation, generator)
        images, draw = batch.images(modality), Draw(generator, batch.landmarks.device)
        images = random_resolution(images, kind.resolution, draw)
        images = random_border(images, batch.landmarks, kind.border, draw)
        prediction = model(images)
        error = torch.full_like(prediction.coordinates, torch.nan)
        error[:, points] = prediction.coordinates[:, points] - batch.landmarks
        statistics.append(landmark_statistics(images, prediction))
        errors.append(error)
    return torch.cat(statistics), torch.cat(errors)


def _start(points: int, seed: int) -> DeviationHead:
    """A head whose output is 2 % of the input's side."""
    head, generator = DeviationHead(points), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        bound = head.weight.shape[1] ** -0.5
        head.weight.uniform_(-bound, bound, generator=generator)
        head.bias.uniform_(-bound, bound, generator=generator)
        head.level.fill_(_START)
    return head


def _optimise(head: DeviationHead, statistics: Tensor, errors: Tensor, seed: int) -> None:
    """Minimises `student_loss` of normalised statistics."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(head.parameters(), _RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=STEPS + 1)
    for _ in range(STEPS):
        rows = torch.randint(len(errors), (_BATCH,), generator=generator)
        loss = student_loss(errors[rows], head(statistics[rows])).nanmean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
