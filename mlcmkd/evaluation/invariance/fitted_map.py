"""A map between the features of two networks, fitted after their training.

An adapter of the distillation exists for some strategies only, and each strategy trains it for its own
terms. A map that is fitted afterwards exists for every student, and in the same way. Bansal et al.
(arXiv 2106.07682) compare networks by such a layer, which they train for the task; here the features of
the other network are its target, so that no label decides.
"""

import torch
from torch import Tensor, nn

from mlcmkd.evaluation.invariance.features import place_rows
from mlcmkd.utils.errors import InputError

# The penalty only decides weights of channels that are constant or copies of others: a sum over some
# 100,000 locations is on the other side.
PENALTY = 1.0


def fit_map(source: Tensor, target: Tensor) -> nn.Module:
    """Fits a 1x1 convolution by least squares; a ReLU follows, as in an adapter of the distillation.

    The target's features are not negative, so the ReLU makes no distance to them larger.

    Args:
        source: features (N, C, h, w) of one network.
        target: features (N, D, h, w) of another, of the same faces at the same locations.

    Returns:
        from features (N, C, h, w) to (N, D, h, w), on the CPU, with fixed weights.

    Raises:
        InputError: the numbers of faces or the resolutions differ.
    """
    if (len(source), *source.shape[2:]) != (len(target), *target.shape[2:]):
        raise InputError(
            f"features have the shapes {tuple(source.shape)} and {tuple(target.shape)}; a map needs the "
            "same faces at the same resolution"
        )
    from sklearn.linear_model import Ridge  # here, because its import takes seconds

    fitted = Ridge(PENALTY, solver="cholesky").fit(place_rows(source), place_rows(target))
    convolution = nn.Conv2d(source.shape[1], target.shape[1], 1).requires_grad_(False)
    convolution.weight.copy_(torch.from_numpy(fitted.coef_)[:, :, None, None])
    convolution.bias.copy_(torch.from_numpy(fitted.intercept_))
    return nn.Sequential(convolution, nn.ReLU())
