"""Integrated gradients of many landmarks at once: one way forward, a way back for each.

The images on the path are the same for every landmark, so the network need not read them again.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from mlcmkd.attribution.baselines import Baseline, baseline_of
from mlcmkd.attribution.scalars import Scalar, Target, explaining, predicted
from mlcmkd.models import Landmarker, Prediction
from mlcmkd.schemes import get_scheme


def integrated_gradients_each(
    model: Landmarker,
    images: Tensor,
    landmarks: Sequence[int | str] | None = None,
    *,
    target: Target = "log-probability",
    steps: int = 32,
    baseline: Baseline = "blur",
    prediction: Prediction | None = None,
    batch: int = 64,
    progress: bool = False,
) -> Tensor:
    """A map for every landmark or group, (B, G, P, P): `attribute`'s of each, in less time.

    Args:
        model: any Landmarker; it is left as it was found.
        images: (B, C, P, P) in [0, 1].
        landmarks: G indices or names of groups; None for every landmark of the scheme.
        target, steps, baseline, prediction, progress: as in `attribute`.
        batch: how many images of the path the network reads at once, at most.

    Raises:
        InputError: as `attribute`.
    """
    if landmarks is None:
        landmarks = range(get_scheme(model.spec.scheme).points)
    scalars = [Scalar(model, which, target) for which in landmarks]
    if prediction is None:
        prediction = predicted(model, images, batch)
    images = images.detach()
    references = baseline_of(images, baseline)
    # Gauss-Legendre's points and weights, from [-1, 1] to [0, 1]; the same that captum takes.
    points, weights = np.polynomial.legendre.leggauss(steps)
    alphas = torch.tensor((1 + points) / 2, dtype=images.dtype, device=images.device)
    weights = torch.tensor(weights / 2, dtype=images.dtype, device=images.device)
    maps = []
    with explaining(model):
        bar = tqdm(range(len(images)), desc="each", unit="face", disable=not progress, leave=False)
        for n in bar:
            cells = [
                scalar.cells(Prediction(*(p if p is None else p[n : n + 1] for p in prediction)))
                for scalar in scalars
            ]
            way = images[n] - references[n]
            total = torch.zeros(len(scalars), *way.shape, device=way.device)
            for some, of_some in zip(alphas.split(batch), weights.split(batch), strict=True):
                path = (references[n] + some.view(-1, 1, 1, 1) * way).requires_grad_()
                read = model(path)
                for number, (scalar, at) in enumerate(zip(scalars, cells, strict=True)):
                    at = None if at is None else at.expand(len(path), -1)
                    value = (scalar.of(read, at) * of_some).sum()
                    total[number] += torch.autograd.grad(value, path, retain_graph=True)[0].sum(0)
            maps.append((total * way).sum(1).detach())
    return torch.stack(maps)
