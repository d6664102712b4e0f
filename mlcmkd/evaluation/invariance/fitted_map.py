"""A map between the features of two networks, fitted after their training.

An adapter of the distillation exists for some strategies only, and each strategy trains it for its own
terms. A map that is fitted afterwards exists for every student, and in the same way. Bansal et al.
(arXiv 2106.07682) compare networks by such a layer, which they train for the task; here the features of
the other network are its target, so that no label decides.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mlcmkd.evaluation.invariance.features import place_rows
from mlcmkd.utils.errors import InputError

# The penalty only decides weights of channels that are constant or copies of others: a sum over some
# 100,000 locations is on the other side.
PENALTY = 1.0


class FittedMap:
    """A 1x1 convolution and a ReLU, as an adapter of the distillation is.

    Args:
        weight: (D, C); bias: (D,).
    """

    def __init__(self, weight: Tensor, bias: Tensor):
        self.weight = weight
        self.bias = bias

    def __call__(self, features: Tensor) -> Tensor:
        """Features (N, C, h, w) to (N, D, h, w), not negative, on the device of the weights."""
        return F.relu(F.conv2d(features, self.weight[:, :, None, None], self.bias))


def fit_map(source: Tensor, target: Tensor) -> FittedMap:
    """Fits the map whose output has the least squared distance to the target, before the ReLU.

    The target's features are not negative, so the ReLU makes no distance larger.

    Args:
        source: features (N, C, h, w) of one network.
        target: features (N, D, h, w) of another, of the same faces at the same locations.

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
    return FittedMap(
        torch.from_numpy(fitted.coef_).float(), torch.from_numpy(fitted.intercept_).float()
    )
