"""Insertion and deletion curves: whether the scalar depends on the pixels that a map ranks highest."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from mlcmkd.attribution.baselines import Baseline, baseline_of
from mlcmkd.attribution.explain import scalar_values
from mlcmkd.attribution.scalars import Scalar, frozen_eval, predict
from mlcmkd.models import Landmarker, Prediction
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm


class Curve(NamedTuple):
    """Relative probability of a landmark while pixels are inserted or deleted.

    Attributes:
        fractions: (F,) shares of the pixels that were inserted or deleted, 0 to 1.
        values: (B, F) probability of the landmark's predict cell, divided by that in the complete
            image; for a group the geometric mean over its landmarks.
        auc: (B,) area under each curve (trapezoidal rule); high is good for insertion, low for
            deletion.
    """

    fractions: Tensor
    values: Tensor
    auc: Tensor


def pixel_curve(
    model: Landmarker,
    images: Tensor,
    maps: Tensor,
    landmarks: int | str,
    *,
    kind: Literal["insertion", "deletion"] = "deletion",
    baseline: Baseline = "blur",
    points: int = 17,
    prediction: Prediction | None = None,
    batch: int = 64,
    progress: bool = False,
    seed: int = 0,
) -> Curve:
    """Insertion or deletion of pixels, the most important first (Petsiuk et al., 2018).

    Deletion replaces pixels of the image by the baseline, insertion pixels of the baseline by the image.
    Two controls: `torch.rand_like(maps)`, a random order, and the maps of other faces, which contain
    only the usual places of landmarks.

    Args:
        model: with a heatmap head; its state is restored.
        images: (B, C, P, P) in [0, 1].
        maps: (B, P, P), larger for more important; ties are ordered at random.
        landmarks: an index, or a group's name.
        kind: "insertion" or "deletion".
        baseline: see `baseline_of`.
        points: F, number of fractions from 0 to 1.
        prediction, batch, progress: as in `attribute`.
        seed: random seed of the order of ties.

    Raises:
        InputError: unknown kind, maps of another shape, or an error of `Scalar`.
    """
    if kind not in ("insertion", "deletion"):
        raise InputError(f"kind '{kind}' is unknown; use insertion or deletion")
    if maps.shape != (len(images), *images.shape[2:]):
        raise InputError(f"maps {tuple(maps.shape)} do not fit images {tuple(images.shape)}")
    scalar = Scalar(model, landmarks, "log-probability")
    if prediction is None:
        prediction = predict(model, images, batch)
    cells = scalar.cells(prediction)
    reference = baseline_of(images, baseline)
    start, end = (images, reference) if kind == "deletion" else (reference, images)
    pixels = maps[0].numel()
    fractions = torch.linspace(0, 1, points)
    shuffled = torch.randperm(pixels, generator=torch.Generator().manual_seed(seed)).to(maps.device)
    curves = []
    with frozen_eval(model):
        for n in tqdm(
            range(len(images)), desc=kind, unit="face", disable=not progress, leave=False
        ):
            ranked = maps[n].flatten()[shuffled].argsort(descending=True, stable=True)
            rank = torch.empty_like(ranked)
            rank[shuffled[ranked]] = torch.arange(pixels, device=rank.device)
            limits = (fractions * pixels).round().to(rank.device)
            changed = (rank[None] < limits[:, None]).view(points, 1, *maps.shape[1:])
            steps = torch.where(changed, end[n], start[n])
            log_probability = scalar_values(scalar, steps, cells[n].expand(points, -1), batch)
            of_image = scalar_values(scalar, images[n : n + 1], cells[n : n + 1], batch)
            curves.append((log_probability - of_image).exp().cpu())
    values = torch.stack(curves)
    return Curve(fractions, values, torch.trapezoid(values, fractions, dim=1))
