"""Whether a map says something about the network: four questions beside completeness.

Were the steps enough (`convergence`)? Does the map change when the weights are lost (`randomisation`)?
Does it foretell what happens when pixels are covered (`infidelity`)? Does it stay when the image
hardly changes (`sensitivity`)? Insertion and deletion stand in `curves.py`.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import torch
from captum.metrics import infidelity as captum_infidelity
from captum.metrics import sensitivity_max
from torch import Tensor, nn
from tqdm.auto import tqdm

from mlcmkd.attribution.agreement import spearman
from mlcmkd.attribution.baselines import Baseline, baseline_of
from mlcmkd.attribution.explain import Attribution, attribute, seeded
from mlcmkd.attribution.methods import MethodName
from mlcmkd.attribution.scalars import Scalar, Target, explaining, predicted
from mlcmkd.models import Landmarker, Prediction


class Convergence(NamedTuple):
    """Integrated gradients by their number of steps.

    Attributes:
        steps: S counts.
        completeness_error: (S, B), see `Attribution`.
        likeness: (S, B) rank correlation with the map of the most steps.
    """

    steps: tuple[int, ...]
    completeness_error: Tensor
    likeness: Tensor


def convergence(
    model: Landmarker,
    images: Tensor,
    landmarks: int | str,
    steps: Sequence[int] = (2, 4, 8, 16, 32, 64),
    *,
    target: Target = "log-probability",
    baseline: Baseline = "blur",
) -> Convergence:
    """How many steps integrated gradients need: see `Convergence`; arguments as in `attribute`."""
    found: list[Attribution] = [
        attribute(model, images, landmarks, target=target, baseline=baseline, steps=count)
        for count in steps
    ]
    finest = found[max(range(len(steps)), key=lambda n: steps[n])].maps
    return Convergence(
        tuple(steps),
        torch.stack([each.completeness_error for each in found]),
        torch.stack([torch.from_numpy(spearman(each.maps, finest)) for each in found]),
    )


def parts_of(model: Landmarker) -> list[tuple[str, list[nn.Module]]]:
    """The network's parts from the answer back to the image: head, neck, the backbone's stages."""
    parts = []
    for name, module in model.backbone.model.named_children():
        if not any(True for _ in module.parameters()):
            continue
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and parts:
            parts[-1][1].append(module)  # a norm goes with the convolution before it
        else:
            parts.append((f"backbone {name}", [module]))
    return [("head", [model.head]), ("neck", [model.neck]), *reversed(parts)]


def randomised(
    model: Landmarker, *, cascading: bool = True, seed: int = 0
) -> list[tuple[str, Landmarker]]:
    """Copies of a network that lost some of its weights: those of a new network stand in for them.

    Args:
        cascading: each copy loses a part more, from the head back to the image; else one part alone.
        seed: of the new weights.

    Returns:
        the part lost last, and the copy.
    """
    with seeded(seed):
        fresh = Landmarker(model.spec)
    fresh.to(next(model.parameters()).device)
    copies, lost = [], deepcopy(model)
    for number, (name, _) in enumerate(parts_of(model)):
        if not cascading:
            lost = deepcopy(model)
        for old, new in zip(parts_of(lost)[number][1], parts_of(fresh)[number][1], strict=True):
            old.load_state_dict(new.state_dict())
        copies.append((name, deepcopy(lost).eval()))
    return copies


class Randomisation(NamedTuple):
    """How alike maps stay while a network loses its weights.

    Attributes:
        parts: what was lost, L names, in this order.
        signed: (L, B) rank correlation of the maps with those of the trained network.
        absolute: (L, B) the same of the maps without their signs, which is all that many pictures
            of attributions show.
    """

    parts: tuple[str, ...]
    signed: Tensor
    absolute: Tensor


def randomisation(
    model: Landmarker,
    images: Tensor,
    landmarks: int | str,
    *,
    method: MethodName = "integrated-gradients",
    target: Target = "log-probability",
    cascading: bool = True,
    seed: int = 0,
    progress: bool = False,
    **settings,
) -> Randomisation:
    """The weight-randomisation check of Adebayo et al., 2018 (Sanity checks for saliency maps).

    A map that stays as it was while the weights go did not depend on them: it shows the image, or
    the method, and not what the network has learned. The same cells are explained throughout.
    """
    prediction = predicted(model, images)
    asked = {"method": method, "target": target, "prediction": prediction, **settings}
    trained = attribute(model, images, landmarks, **asked).maps
    names, signed, absolute = [], [], []
    copies = randomised(model, cascading=cascading, seed=seed)
    for name, copy in tqdm(
        copies, desc=f"randomising, {method}", disable=not progress, leave=False
    ):
        maps = attribute(copy, images, landmarks, **asked).maps
        names.append(name)
        signed.append(torch.from_numpy(spearman(trained, maps)))
        absolute.append(torch.from_numpy(spearman(trained.abs(), maps.abs())))
    return Randomisation(tuple(names), torch.stack(signed), torch.stack(absolute))


def infidelity(
    model: Landmarker,
    images: Tensor,
    maps: Tensor,
    landmarks: int | str,
    *,
    target: Target = "log-probability",
    baseline: Baseline = "blur",
    window: float = 0.25,
    samples: int = 64,
    batch: int = 64,
    seed: int = 0,
) -> Tensor:
    """How badly a map foretells what covering a random square does, (B,); 0 is perfect.

    Yeh et al., 2019, by captum: the mean squared difference between the map's sum over the square
    and the scalar's fall. The map may first be scaled as suits it best, so that methods in different
    units compare, and the result is divided by an empty map's: 1 is no better than saying nothing.

    Args:
        maps: (B, P, P) of any method.
        window: side of the square, share of the input's.
        samples: squares an image.
        others: as in `attribute`.
    """
    scalar = Scalar(model, landmarks, target)
    cells = scalar.cells(predicted(model, images, batch))
    channels, side = images.shape[1], images.shape[-1]
    width = max(1, round(window * side))
    axis = torch.arange(side, device=images.device)

    def cover(inputs: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
        """The squares, as what they take from each pixel's credit, and the covered images."""
        corner = torch.randint(0, side - width + 1, (2, len(inputs), 1)).to(inputs.device)
        down, across = ((axis >= c) & (axis < c + width) for c in corner)
        square = (down[:, :, None] & across[:, None, :])[:, None].expand_as(inputs)
        return square.float(), torch.where(square, references, inputs)

    def of(credits: Tensor) -> Tensor:
        # Every channel has an equal part of its pixel's credit: the squares cover all of them.
        spread = credits[:, None].expand(-1, channels, -1, -1) / channels
        with seeded(seed):
            return captum_infidelity(
                scalar,
                cover,
                images,
                spread,
                baselines=baseline_of(images, baseline),
                additional_forward_args=(cells,),
                n_perturb_samples=samples,
                max_examples_per_batch=max(batch, len(images)),
                normalize=True,
            )

    with explaining(model), torch.no_grad():
        return of(maps) / of(torch.zeros_like(maps)).clamp_min(1e-12)


def sensitivity(
    model: Landmarker,
    images: Tensor,
    landmarks: int | str,
    *,
    method: MethodName = "integrated-gradients",
    target: Target = "log-probability",
    radius: float = 0.02,
    tries: int = 4,
    seed: int = 0,
    **settings,
) -> Tensor:
    """How far a map can be moved by a small change of the image, (B,); 0 is not at all.

    Max-sensitivity of Yeh et al., 2019, by captum: the largest change of the map over `tries`
    images whose pixels moved by up to `radius` (of an input in [0, 1]), over the map's own norm. The
    same cells are explained throughout.
    """
    found = predicted(model, images)
    parts = []
    for n, image in enumerate(images.split(1)):
        coordinates, logits = (None if part is None else part[n : n + 1] for part in found)

        def explain(given, coordinates=coordinates, logits=logits) -> tuple[Tensor]:
            inputs = given[0] if isinstance(given, tuple) else given  # captum hands over either
            many = [
                None if part is None else part.expand(len(inputs), *part.shape[1:])
                for part in (coordinates, logits)
            ]
            with torch.enable_grad():  # captum measures without gradients, but maps need them
                found = attribute(
                    model,
                    inputs,
                    landmarks,
                    method=method,
                    target=target,
                    prediction=Prediction(*many),
                    **settings,
                )
            return (found.maps,)

        with seeded(seed):
            parts.append(
                sensitivity_max(explain, image, perturb_radius=radius, n_perturb_samples=tries)
            )
    return torch.cat(parts)
