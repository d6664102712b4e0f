"""Does a term add to a strategy? The gradients of FI and RI beside those of the other terms.

A term whose gradient has the direction of the others' gradient only makes the step larger, which a
higher weight or learning rate does as well.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mlcmkd.data.transforms import Batch
from mlcmkd.distillation.mlcm_kd import DistillationObjective
from mlcmkd.utils.errors import InputError


class InjectionGradients(NamedTuple):
    """Means over batches.

    Attributes:
        ri_cosine: cosine, -1 to 1, between the gradient of RI and that of task, FD and LD together, on
            the parameters of the student's features (backbone and neck).
        ri_ratio: length of the gradient of RI divided by that of the three terms.
        fi_cosine: cosine between the gradient of FI and that of task and LD together, on the student's
            head.
    """

    ri_cosine: float
    ri_ratio: float
    fi_cosine: float


def injection_gradients(
    objective: DistillationObjective, batches: Iterable[Batch]
) -> InjectionGradients:
    """Compares the gradients of FI and RI with those of the other terms; nothing is trained.

    Args:
        objective: with all four terms of weights above 0, in the mode (training or evaluation) that the
            gradients are wanted in. In training mode the statistics of the student's BatchNorm change.
        batches: pairs with both modalities. In labelled rows the decay would reduce the weights of the
            terms; here it is 1.

    Raises:
        InputError: a term is missing, or there is no batch.
    """
    if missing := {"fd", "ld", "fi", "ri"} - objective.terms.keys():
        raise InputError(
            f"terms of weight 0: {', '.join(sorted(missing))}; gradients of all four are compared"
        )
    student, found = objective.student, []
    features = [*student.backbone.parameters(), *student.neck.parameters()]
    head = list(student.head.parameters())
    for batch in batches:
        terms = objective(batch)
        ri = gradient(terms["ri"], features)
        others = gradient(terms["task"] + terms["fd"] + terms["ld"], features)
        fi = gradient(terms["fi"], head)
        of_head = gradient(terms["task"] + terms["ld"], head)
        ratio = ri.norm() / others.norm()
        found.append(torch.stack([cosine(ri, others), ratio, cosine(fi, of_head)]))
    if not found:
        raise InputError("no batch, so there is no gradient; give at least one")
    return InjectionGradients(*torch.stack(found).mean(dim=0).tolist())


def gradient(loss: Tensor, parameters: Sequence[nn.Parameter]) -> Tensor:
    """The gradient of a loss as one vector (P,), zeros for parameters that it does not depend on.

    The graph is kept for further gradients.
    """
    parts = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    vectors = [
        torch.zeros_like(each) if part is None else part
        for part, each in zip(parts, parameters, strict=True)
    ]
    return torch.cat([each.flatten() for each in vectors])


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine of the angle between two vectors, a scalar; 0 if one of them is zero."""
    return torch.cosine_similarity(a, b, dim=0)
