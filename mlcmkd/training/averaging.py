"""The exponential moving average (EMA) of a network's weights over the steps of its training.

It is torch's `AveragedModel` with `get_ema_multi_avg_fn` (Polyak and Juditsky 1992; the exponential form
is that of Tarvainen and Valpola, arXiv:1703.01780, 2017). The statistics of BatchNorm are averaged, too:
those of the last step belong to other weights than the average, and computing them again would take a
pass over the training images.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class WeightAverage:
    """The average of a network's weights and buffers over the steps so far.

    The first step is copied. After that, average = decay * average + (1 - decay) * weights, so the
    average is over about the last 1 / (1 - decay) steps.

    Args:
        network: the network that is trained. It is not changed, except by `applied` and `apply`.
        decay: share of the average that is kept at each step, between 0 and 1.
    """

    def __init__(self, network: nn.Module, decay: float):
        self._network = network
        self._average = AveragedModel(
            network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True
        )

    def update(self) -> None:
        """Adds the network's present weights to the average; call it after each step."""
        self._average.update_parameters(self._network)

    def apply(self) -> None:
        """Replaces the network's weights and buffers with the average, in place."""
        _copy(_tensors(self._average.module), _tensors(self._network))

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The network has the average's weights and buffers inside, and its own ones after."""
        own = {name: value.detach().clone() for name, value in _tensors(self._network).items()}
        self.apply()
        try:
            yield
        finally:
            _copy(own, _tensors(self._network))

    def buffers(self) -> list[Tensor]:
        """The buffers of the averaged network, such as the statistics of BatchNorm."""
        return list(self._average.module.buffers())

    def tensors(self) -> dict[str, Tensor]:
        """Everything that changes from step to step, by name; `restore` continues from it."""
        return _tensors(self._average)

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continues from what `tensors` returned."""
        _copy(tensors, self.tensors())


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    """Parameters and all buffers, also those that are not saved with the weights."""
    return dict(network.named_parameters()) | dict(network.named_buffers())


@torch.no_grad()
def _copy(source: dict[str, Tensor], target: dict[str, Tensor]) -> None:
    for name, value in target.items():
        value.copy_(source[name])
