"""Muon: steps of matrices and kernels along orthogonal matrices (Jordan et al. 2024).

The step of a matrix has all singular values near 1. Newton and Schulz's iteration finds it by matrix
products alone. As in Liu et al. (arXiv:2502.16982, 2025), equation 4, it is then scaled to be as large
as AdamW's, so that learning rates are comparable. The kernel of a convolution is a matrix of output
channels by the rest.

torch's Muon takes matrices only. timm's iterates in bfloat16, for which many CPUs have no instructions:
there it takes thirty times as long as this one for `half` (`benchmarks/optimizers.py`), which iterates
in float32 on the smaller Gram matrix, and on all kernels of a shape together.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

# Jordan et al.: after five iterations the singular values lie between about 0.7 and 1.2.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
# Narrower and longer matrices are stepped by AdamW, as in timm.
NARROWEST, LONGEST = 4, 128


class Muon(torch.optim.AdamW):
    """Muon for matrices and kernels, AdamW for the other parameters.

    Args:
        groups: groups of parameters, with their `weight_decay`.
        lr: learning rate of both.
        momentum: decay of the mean gradient of the matrices, without Nesterov's form.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float, momentum: float = 0.9):
        super().__init__(groups, lr=lr, betas=(0.9, 0.95), fused=True)
        self.momentum = momentum

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step. The gradients of the matrices are None after it: AdamW steps what has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            by_shape = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None and is_matrix(p):
                    by_shape[len(p), p[0].numel(), p.device].append(p)
            for parameters in by_shape.values():
                self._step_matrices(parameters, group["lr"], group["weight_decay"])
        super().step()
        return loss

    def _step_matrices(self, parameters: list[Tensor], lr: float, decay: float) -> None:
        """Steps parameters of one shape, seen as matrices."""
        for p in parameters:
            state = self.state[p]
            if not state:
                state["momentum"] = torch.zeros_like(p)
            state["momentum"].lerp_(p.grad, 1 - self.momentum)
            p.grad = None
        matrices = torch.stack([self.state[p]["momentum"].flatten(1) for p in parameters])
        size = 0.2 * max(matrices.shape[1:]) ** 0.5
        for p, step in zip(parameters, orthogonalised(matrices), strict=True):
            p.mul_(1 - lr * decay).add_(step.reshape(p.shape), alpha=-lr * size)


def is_matrix(parameter: Tensor) -> bool:
    """Whether Muon steps a parameter: a matrix or kernel that is neither very narrow nor very long.

    The kernels of a depthwise convolution are no matrix: each has an input of its own.
    """
    if parameter.ndim < 2 or parameter.shape[1] == 1:
        return False
    short, long = sorted((len(parameter), parameter[0].numel()))
    return short >= NARROWEST and long <= LONGEST * short


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices with the same singular vectors, whose singular values are near 1.

    The iteration X <- a X + b (X X') X + c (X X')^2 X multiplies X from the left by polynomials of its
    Gram matrix X X'. So it is done with the small Gram matrices, and their product is multiplied by X
    once, at the end.

    Args:
        matrices: (B, m, n).

    Returns:
        (B, m, n), float32. A zero matrix remains zero.
    """
    a, b, c = COEFFICIENTS
    matrices = matrices.float()
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonalised(matrices.mT).mT
    # The largest singular value is at most the norm.
    x = matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    gram, product = x @ x.mT, None
    for iteration in range(ITERATIONS):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal(dim1=1, dim2=2).add_(a)
        product = factor if product is None else factor @ product
        if iteration < ITERATIONS - 1:
            gram = factor @ gram @ factor
    return product @ x
