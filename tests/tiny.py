"""A network of few layers: layers are what an ONNX export takes time for.

Neck and heads are those of the sizes of the library. The sizes themselves are exported by
`test_every_size_can_be_exported`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from torch import Tensor, nn

from mlcmkd.models import SIZES, Size
from mlcmkd.models.reparameterised import ConvolutionNorm

TINY, NARROW = "tiny", "narrow"


class TwoLevels(nn.Module):
    """Two maps, of a quarter and an eighth of the input's size."""

    channels = (32, 64)

    def __init__(self):
        super().__init__()
        self.fine = nn.Sequential(ConvolutionNorm(3, 32, 7, 4, 3), nn.ReLU())
        self.coarse = nn.Sequential(ConvolutionNorm(32, 64, 3, 2, 1), nn.ReLU())

    def forward(self, images: Tensor) -> list[Tensor]:
        fine = self.fine(images)
        return [fine, self.coarse(fine)]


@contextmanager
def tiny_sizes() -> Iterator[None]:
    """The sizes TINY and NARROW exist, in this process; other tests go through all sizes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, width in ((TINY, 64), (NARROW, 32)):
            patch.setitem(SIZES._added, name, Size(TwoLevels, width))
        yield
