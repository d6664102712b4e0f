"""The networks of benchmarks/light_networks.py, each a module from images to landmarks.

The backbones of timm are used up to a sixteenth of the input, with the neck and the heatmap head of
`swift`, so that their rows compare backbones alone, and all have a lean head:

MobileNetV2       Sandler et al., arXiv 1801.04381
MobileNetV3       Howard et al., arXiv 1905.02244, small
MobileOne         Vasu et al., arXiv 2206.04040, S0
FastViT           Vasu et al., arXiv 2303.14189, T8
RepViT            Wang et al., arXiv 2307.09283, M0.9

"PFLD-like" is in peer_networks.py. "PIPNet-like" has the head of Jin et al., arXiv 2003.03771, on the
backbone and neck of `swift`: a score and an offset for each cell of an eighth of the input. It has no
neighbour regression, and the weights of the two losses are those of the paper.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from peer_networks import PFLDLike
from torch import Tensor, nn
from torch.nn import functional as F

from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.distillation.losses import landmark_loss
from mlcmkd.models import (
    SIZES,
    Landmarker,
    ModelSpec,
    Prediction,
    Size,
    grid_axis,
    register_backbone,
)
from mlcmkd.models.normalise import normalise_images
from mlcmkd.models.reparameterised import PlainBackbone

POINTS = 68


class Candidate(NamedTuple):
    """A network of the comparison: its name, and the function that builds it for a size of the input."""

    name: str
    build: Callable[[int, Radiometry | None], nn.Module]


class PFLD(nn.Module):
    """PFLD-like on normalised images; its output are centred coordinates."""

    def __init__(self, px: int, radiometry: Radiometry | None):
        super().__init__()
        self.network = PFLDLike(px, POINTS)

    def forward(self, images: Tensor) -> Prediction:
        """(B, 1, P, P) in [0, 1] to a Prediction without logits."""
        coordinates = self.network(normalise_images(images, "image")).unflatten(1, (-1, 2))
        return Prediction(coordinates, None)


class PIPNetLike(nn.Module):
    """Scores and offsets per cell, on the features of `swift`."""

    def __init__(self, px: int, radiometry: Radiometry | None):
        super().__init__()
        self.trunk = landmarker("swift", px, radiometry)
        self.trunk.head = nn.Identity()
        self.head = nn.Conv2d(self.trunk.width, 3 * POINTS, 1)

    def merged(self) -> "PIPNetLike":
        """A copy in evaluation mode whose branches are merged."""
        other = PIPNetLike(self.trunk.spec.input_px, self.trunk.spec.radiometry).eval()
        other.load_state_dict(self.state_dict())
        other.trunk = other.trunk.merged()
        return other

    def maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B, K, N) and offsets (B, K, N, 2) of N cells, offsets in cells from their centres."""
        output = self.head(self.trunk.features(images)).float().flatten(2)
        scores, x, y = output.unflatten(1, (3, POINTS)).unbind(1)
        return scores, torch.stack((x, y), dim=-1)

    def forward(self, images: Tensor) -> Prediction:
        """(B, 1, P, P) in [0, 1] to a Prediction without logits."""
        scores, offsets = self.maps(images)
        side = images.shape[-1] // self.trunk.stride
        axis = grid_axis(side, scores)
        centres = torch.stack((axis.repeat(side), axis.repeat_interleave(side)), dim=-1)
        best = scores.argmax(-1, keepdim=True)
        offset = offsets.gather(2, best[..., None].expand(-1, -1, -1, 2))[:, :, 0]
        return Prediction(centres[best[..., 0]] + offset / side, None)

    def loss(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """10 times the squared error of the scores, and the absolute error of the label's cell."""
        scores, offsets = self.maps(images)
        side = images.shape[-1] // self.trunk.stride
        place = (landmarks + 0.5) * side
        cell = place.floor().clamp(0, side - 1)
        index = (cell[..., 1] * side + cell[..., 0]).long()[..., None]
        wanted = torch.zeros_like(scores).scatter(2, index, 1.0)
        found = offsets.gather(2, index[..., None].expand(-1, -1, -1, 2))[:, :, 0]
        distance = F.l1_loss(found, place - cell - 0.5)
        return 10 * F.mse_loss(scores, wanted) + distance


def landmarker(size: str, px: int, radiometry: Radiometry | None) -> Landmarker:
    """A Landmarker for thermal images."""
    return Landmarker(ModelSpec(size=size, input_px=px, modality="thermal", radiometry=radiometry))


def _of_timm(name: str, levels: tuple[int, int]) -> Callable[[int, Radiometry | None], nn.Module]:
    """A backbone of timm up to a sixteenth of the input, with the neck and head of `swift`."""
    key = f"{name} at a sixteenth"
    if key not in SIZES:
        register_backbone(key, Size(name, 64, levels=levels, stride=8, plain=True))
    return partial(landmarker, key)


def _plain(
    key: str, widths: tuple[int, int, int], width: int, branched: bool = True
) -> Callable[[int, Radiometry | None], nn.Module]:
    """A network like `swift` with other widths, or with one branch in every convolution."""
    if key not in SIZES:
        backbone = partial(PlainBackbone, widths, (1, 2, 2), branched=branched)
        register_backbone(key, Size(backbone, width, stride=8, plain=True))
    return partial(landmarker, key)


CANDIDATES = {
    each.name: each
    for each in (
        Candidate("swift", partial(landmarker, "swift")),
        Candidate("swift, one branch", _plain("swift, one branch", (32, 64, 128), 64, False)),
        Candidate("swift, wide", _plain("swift, wide", (48, 96, 144), 96)),
        Candidate("swift, narrow", _plain("swift, narrow", (16, 48, 96), 48)),
        Candidate("slim", partial(landmarker, "slim")),
        Candidate("MobileNetV2", _of_timm("mobilenetv2_100", (2, 3))),
        Candidate("MobileNetV3", _of_timm("mobilenetv3_small_100", (2, 3))),
        Candidate("MobileOne", _of_timm("mobileone_s0", (2, 3))),
        Candidate("FastViT", _of_timm("fastvit_t8", (1, 2))),
        Candidate("RepViT", _of_timm("repvit_m0_9", (1, 2))),
        Candidate("PFLD-like", PFLD),
        Candidate("PIPNet-like", PIPNetLike),
    )
}


def loss_of(network: nn.Module, images: Tensor, landmarks: Tensor) -> Tensor:
    """The loss of a batch: the network's own, or the library's default."""
    if hasattr(network, "loss"):
        return network.loss(images, landmarks)
    return landmark_loss(network(images), landmarks).mean()
