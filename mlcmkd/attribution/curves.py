"""Insertion and deletion: does the scalar hang on the pixels that a map calls important?"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from tqdm.auto import tqdm

from mlcmkd.attribution.baselines import Baseline, baseline_of
from mlcmkd.attribution.explain import values_of
from mlcmkd.attribution.scalars import Scalar, explaining, predicted
from mlcmkd.models import Landmarker, Prediction
from mlcmkd.utils.errors import InputError


class Curve(NamedTuple):
    """What is left of a landmark's probability while pixels come or go.

    Attributes:
        fractions: (F,) shares of the pixels that were inserted or deleted, 0 to 1.
        values: (B, F) probability of the cell where the landmark was found, over that in the whole
            image; of a group the geometric mean of its landmarks.
        auc: (B,) area under each curve, by trapezia. High is good for insertion, low for deletion.
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

    Deletion starts from the image and puts the baseline in; insertion the other way. Compare with
    the same for `torch.rand_like(maps)`, pixels in random order, and for another face's maps: a map
    that knows only where landmarks usually lie.

    Args:
        model: with a heatmap head; it is left as it was found.
        images: (B, C, P, P) in [0, 1].
        maps: (B, P, P), larger for more important; pixels that tie are taken in random order.
        landmarks: one, or a group's name.
        points: F, from none of the pixels to all of them.
        prediction, batch, progress: as in `attribute`.
        seed: of the order among ties.

    Raises:
        InputError: no such kind, maps of another shape, or as `Scalar`.
    """
    if kind not in ("insertion", "deletion"):
        raise InputError(f"kind '{kind}' is unknown; use insertion or deletion")
    if maps.shape != (len(images), *images.shape[2:]):
        raise InputError(f"maps {tuple(maps.shape)} do not fit images {tuple(images.shape)}")
    scalar = Scalar(model, landmarks, "log-probability")
    if prediction is None:
        prediction = predicted(model, images, batch)
    cells = scalar.cells(prediction)
    reference = baseline_of(images, baseline)
    start, end = (images, reference) if kind == "deletion" else (reference, images)
    pixels = maps[0].numel()
    fractions = torch.linspace(0, 1, points)
    shuffled = torch.randperm(pixels, generator=torch.Generator().manual_seed(seed)).to(maps.device)
    values = []
    with explaining(model):
        for n in tqdm(
            range(len(images)), desc=kind, unit="face", disable=not progress, leave=False
        ):
            ranked = maps[n].flatten()[shuffled].argsort(descending=True, stable=True)
            rank = torch.empty_like(ranked)
            rank[shuffled[ranked]] = torch.arange(pixels, device=rank.device)
            limits = (fractions * pixels).round().to(rank.device)
            changed = (rank[None] < limits[:, None]).view(points, 1, *maps.shape[1:])
            steps = torch.where(changed, end[n], start[n])
            logs = values_of(scalar, steps, cells[n].expand(points, -1), batch)
            whole = values_of(scalar, images[n : n + 1], cells[n : n + 1], batch)
            values.append((logs - whole).exp().cpu())
    found = torch.stack(values)
    return Curve(fractions, found, torch.trapezoid(found, fractions, dim=1))
