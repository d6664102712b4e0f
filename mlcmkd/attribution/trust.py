"""Four tests of attribution maps, in addition to completeness.

`convergence` tests the number of steps, `randomisation` whether the map depends on the weights,
`infidelity` whether it predicts the effect of covering pixels, and `sensitivity` whether it is stable
under small changes of the image. Insertion and deletion are in `curves.py`.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import torch
from captum.metrics import infidelity as captum_infidelity
from captum.metrics import sensitivity_max
from torch import Tensor, nn

from mlcmkd.attribution.agreement import spearman
from mlcmkd.attribution.baselines import Baseline, baseline_of
from mlcmkd.attribution.explain import Attribution, attribute, seeded
from mlcmkd.attribution.methods import MethodName
from mlcmkd.attribution.scalars import Scalar, Target, frozen_eval, predict
from mlcmkd.models import Landmarker, Prediction
from mlcmkd.utils.progress import tqdm


class Convergence(NamedTuple):
    """Integrated gradients with different numbers of steps.

    Attributes:
        steps: S numbers of steps.
        completeness_error: (S, B), see `Attribution`.
        similarity: (S, B) rank correlation with the map of the most steps.
    """

    steps: tuple[int, ...]
    completeness_error: Tensor
    similarity: Tensor


def convergence(
    model: Landmarker,
    images: Tensor,
    landmarks: int | str,
    steps: Sequence[int] = (2, 4, 8, 16, 32, 64),
    *,
    target: Target = "log-probability",
    baseline: Baseline = "blur",
) -> Convergence:
    """Convergence of integrated gradients with the number of steps; arguments as in `attribute`."""
    attributions: list[Attribution] = [
        attribute(model, images, landmarks, target=target, baseline=baseline, steps=count)
        for count in steps
    ]
    finest = attributions[max(range(len(steps)), key=lambda n: steps[n])].maps
    return Convergence(
        tuple(steps),
        torch.stack([result.completeness_error for result in attributions]),
        torch.stack([torch.from_numpy(spearman(r.maps, finest)) for r in attributions]),
    )


def network_parts(model: Landmarker) -> list[tuple[str, list[nn.Module]]]:
    """The parts of a network from output to input: head, neck, stages of the backbone."""
    parts = []
    # The backbones of timm are wrapped; those of this library and of users are not.
    backbone = getattr(model.backbone, "model", model.backbone)
    for name, module in backbone.named_children():
        if not any(True for _ in module.parameters()):
            continue
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and parts:
            parts[-1][1].append(module)  # together with the convolution before it
        else:
            parts.append((f"backbone {name}", [module]))
    return [("head", [model.head]), ("neck", [model.neck]), *reversed(parts)]


def randomised_copies(
    model: Landmarker, *, cascading: bool = True, seed: int = 0
) -> list[tuple[str, Landmarker]]:
    """Copies of a network with some of its parts replaced by those of a newly initialised network.

    Args:
        model: stays unchanged.
        cascading: each copy has one more part replaced, from output to input; otherwise each copy has
            one part replaced.
        seed: random seed of the new weights.

    Returns:
        (name of the part replaced last, copy), one for each part.
    """
    with seeded(seed):
        fresh = Landmarker(model.spec)
    fresh.to(next(model.parameters()).device)
    copies, copy = [], deepcopy(model)
    for number, (name, _) in enumerate(network_parts(model)):
        if not cascading:
            copy = deepcopy(model)
        for old, new in zip(
            network_parts(copy)[number][1], network_parts(fresh)[number][1], strict=True
        ):
            old.load_state_dict(new.state_dict())
        copies.append((name, deepcopy(copy).eval()))
    return copies


class Randomisation(NamedTuple):
    """Similarity of maps before and after randomisation of weights.

    Attributes:
        parts: names of the L randomised parts, in order.
        signed: (L, B) rank correlation of the maps with those of the trained network.
        absolute: (L, B) the same for absolute values, which many figures of attributions show.
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
    """The weight-randomisation test of Adebayo et al., 2018 (Sanity checks for saliency maps).

    A map that does not change with the weights shows the image or the method, and not what the network
    has learned. The cells that the trained network predicts are explained in all copies. Arguments as in
    `attribute` and `randomised_copies`.
    """
    prediction = predict(model, images)
    options = {"method": method, "target": target, "prediction": prediction, **settings}
    trained = attribute(model, images, landmarks, **options).maps
    names, signed, absolute = [], [], []
    copies = randomised_copies(model, cascading=cascading, seed=seed)
    for name, copy in tqdm(
        copies, desc=f"randomisation, {method}", disable=not progress, leave=False
    ):
        maps = attribute(copy, images, landmarks, **options).maps
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
    """Infidelity of Yeh et al., 2019, by captum, (B,); 0 is perfect.

    The mean squared difference between the sum of a map over a random square and the decrease of the
    scalar when the square is covered. The map is first scaled by its optimal factor, so that methods
    with different units are comparable. The result is divided by that of an empty map, which has 1.

    Args:
        maps: (B, P, P) of any method.
        window: side of the square as a share of the input size.
        samples: number of squares for each image.
        seed: random seed of the squares.
        model, images, landmarks, target, baseline, batch: as in `attribute`.
    """
    scalar = Scalar(model, landmarks, target)
    cells = scalar.cells(predict(model, images, batch))
    channels, side = images.shape[1], images.shape[-1]
    width = max(1, round(window * side))
    axis = torch.arange(side, device=images.device)

    def cover(inputs: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
        """Masks of random squares, and the images covered by them."""
        corner = torch.randint(0, side - width + 1, (2, len(inputs), 1)).to(inputs.device)
        down, across = ((axis >= c) & (axis < c + width) for c in corner)
        square = (down[:, :, None] & across[:, None, :])[:, None].expand_as(inputs)
        return square.float(), torch.where(square, references, inputs)

    def infidelity_of(contributions: Tensor) -> Tensor:
        # A pixel's contribution is divided equally among channels; squares cover all of them.
        by_channel = contributions[:, None].expand(-1, channels, -1, -1) / channels
        with seeded(seed):
            return captum_infidelity(
                scalar,
                cover,
                images,
                by_channel,
                baselines=baseline_of(images, baseline),
                additional_forward_args=(cells,),
                n_perturb_samples=samples,
                max_examples_per_batch=max(batch, len(images)),
                normalize=True,
            )

    with frozen_eval(model), torch.no_grad():
        return infidelity_of(maps) / infidelity_of(torch.zeros_like(maps)).clamp_min(1e-12)


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
    """Max-sensitivity of Yeh et al., 2019, by captum, (B,); 0 is best.

    The largest change of the map over `tries` images with random changes of up to `radius` in every
    pixel (of an input in [0, 1]), divided by the norm of the map. The cells of the original prediction
    are explained in all images. Other arguments as in `attribute`.
    """
    prediction = predict(model, images)
    parts = []
    for n, image in enumerate(images.split(1)):
        coordinates, logits = (None if part is None else part[n : n + 1] for part in prediction)

        def explain(inputs, coordinates=coordinates, logits=logits) -> tuple[Tensor]:
            if isinstance(inputs, tuple):  # captum passes either a tensor or a tuple
                inputs = inputs[0]
            expanded = [
                None if part is None else part.expand(len(inputs), *part.shape[1:])
                for part in (coordinates, logits)
            ]
            with torch.enable_grad():  # captum disables gradients, but attribution needs them
                attribution = attribute(
                    model,
                    inputs,
                    landmarks,
                    method=method,
                    target=target,
                    prediction=Prediction(*expanded),
                    **settings,
                )
            return (attribution.maps,)

        with seeded(seed):
            parts.append(
                sensitivity_max(explain, image, perturb_radius=radius, n_perturb_samples=tries)
            )
    return torch.cat(parts)
