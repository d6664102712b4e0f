"""The landmark network: features(x), then head(f).

Distillation applies the two halves separately, so they are methods and no hooks are needed. All sizes
have the same structure: a backbone, a top-down neck that combines its feature maps into one at a
quarter of the input, and a head.
"""

from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn

from mlcmkd.models.backbones import SIZES, Size, make_backbone
from mlcmkd.models.deviation import DeviationHead, landmark_statistics
from mlcmkd.models.heads import HEADS, HeatmapHead, Prediction, spread
from mlcmkd.models.layers import Neck
from mlcmkd.models.model_folder import HubModel
from mlcmkd.models.normalise import normalise_images
from mlcmkd.models.reparameterised import PlainBackbone, PlainNeck, merge_branches
from mlcmkd.models.spec import ModelSpec
from mlcmkd.models.weights_file import read_weights, write_weights
from mlcmkd.schemes import get_scheme, map_indices

DEVIATION_HEAD = "deviation_head"  # start of the names of its tensors


class Landmarker(nn.Module, HubModel, pipeline_tag="keypoint-detection", tags=["facial-landmarks"]):
    """A landmark network: `head(features(x))`.

    Args:
        spec: what to build.
        pretrained: start the backbone from ImageNet weights, which timm downloads.

    Attributes:
        spec: its ModelSpec.
        width: channels of `features(x)`.
        stride: size of the input divided by that of `features(x)`.
        head: module from features (B, width, h, w) to a Prediction.
        deviation_head: the DeviationHead that the calibration uses, otherwise None. Only
            `mlcmkd calibrate` fits it; no training changes it.

    Raises:
        InputError: the spec is invalid, or pretrained weights are unavailable (no network, or none
            exist for this size).
    """

    def __init__(self, spec: ModelSpec, *, pretrained: bool = False):
        super().__init__()
        self.spec = spec = ModelSpec.validated("spec", spec)
        size = SIZES.find(spec.size)
        self.width, self.stride = size.width, size.stride
        self.backbone, channels = make_backbone(spec.size, pretrained=pretrained)
        self.neck = (PlainNeck if size.plain else Neck)(channels, self.width)
        points = get_scheme(spec.scheme).points
        self.head = _make_head(spec.head, size, points)
        own = spec.calibration is not None and spec.calibration.source == "head"
        with_head = own and spec.head == "heatmap"
        self.deviation_head = DeviationHead(points).requires_grad_(False) if with_head else None

    def normalise(self, images: Tensor) -> Tensor:
        """Images (B, 1 or 3, H, W) in [0, 1] to the backbone's input, (B, 3, H, W).

        A merged thermal network of its own kind takes (B, 1, H, W), see `merged`.
        """
        channels = getattr(self.backbone, "input_channels", 3)
        return normalise_images(images, self.spec.normalisation, channels)

    def levels(self, images: Tensor) -> list[Tensor]:
        """Images (B, 1 or 3, H, W) in [0, 1] to the backbone's feature maps, the finest first.

        Each is (B, C, h, w), half as high and wide as the one before; C may differ.
        """
        images = self.normalise(images).contiguous(memory_format=torch.channels_last)
        return self.backbone(images)

    def features(self, images: Tensor) -> Tensor:
        """Images (B, 1 or 3, H, W) in [0, 1] to features (B, width, H / stride, W / stride)."""
        return self.neck(self.levels(images))

    def forward(self, images: Tensor) -> Prediction:
        """Images (B, 1 or 3, H, W) in [0, 1] to a Prediction of K landmarks."""
        return self.head(self.features(images))

    def raw_deviation(self, prediction: Prediction, images: Tensor) -> Tensor:
        """Estimate of the deviations before calibration, (B, K), shares of the input's side.

        It is the output of the deviation head, or without one the spread of the heatmaps.

        Args:
            prediction: output of this network for `images`.
            images: (B, 1 or 3, H, W) in [0, 1].
        """
        if self.deviation_head is None:
            return spread(prediction)
        return self.deviation_head(landmark_statistics(images, prediction)).exp()

    def deviation(self, prediction: Prediction, images: Tensor) -> Tensor:
        """Standard deviation of each landmark per coordinate, (B, K), shares of the input's side.

        It is NaN without a calibration (`ModelSpec.calibration`), and from a coordinate head. The
        arguments are those of `raw_deviation`.
        """
        calibration = self.spec.calibration
        if calibration is None:
            return torch.full_like(prediction.coordinates[..., 0], torch.nan)
        return calibration.of(self.raw_deviation(prediction, images))

    def landmark_state(self) -> dict[str, Tensor]:
        """`state_dict` without the deviation head, which describes the errors of these weights alone."""
        own = f"{DEVIATION_HEAD}."
        return {name: x for name, x in self.state_dict().items() if not name.startswith(own)}

    def for_scheme(self, name: str) -> "Landmarker":
        """A copy that predicts the landmarks of another scheme: a selection of the head's outputs.

        Raises:
            InputError: the scheme is unknown, or this model lacks some of its points.
        """
        points = map_indices(self.spec.scheme, name)
        other = deepcopy(self)
        other.spec = self.spec.model_copy(update={"scheme": name})
        other.head.keep(list(points))
        if other.deviation_head is not None:
            other.deviation_head.keep(list(points))
        return other

    def merged(self) -> "Landmarker":
        """A copy for inference, in evaluation mode, whose parallel branches are merged.

        Its predictions are the same up to rounding. Those backbones of timm that have parallel branches
        are merged by timm. A network without parallel branches is only copied. Weights of a merged
        network of the library's own kind can be saved and loaded; it remains merged.
        """
        other = deepcopy(self).eval()
        merge_branches(other)
        if isinstance(SIZES.find(self.spec.size).backbone, str):
            from timm.utils.model import reparameterize_model

            other.backbone = reparameterize_model(other.backbone, inplace=True)
        if self.spec.modality == "thermal" and isinstance(other.backbone, PlainBackbone):
            other.backbone.merge_input()
        return other

    def parameter_count(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def save(self, path: Path | str, *, half: bool = False) -> None:
        """Writes weights and spec to one safetensors file, atomically.

        Args:
            path: the file.
            half: store float16 instead of float32, which halves the size. `load` converts the weights
                back to float32, in which networks always compute. The deviation head has few parameters
                and is stored in float32.

        Raises:
            InputError: `half`, and a value outside of the range of float16.
        """
        write_weights(Path(path), self, half=half, exact=(DEVIATION_HEAD,))

    @classmethod
    def load(cls, path: Path | str) -> "Landmarker":
        """The Landmarker saved at `path`, on the CPU, in float32 and in evaluation mode.

        Raises:
            InputError: no such file, not safetensors, not written by `save`, or a backbone or scheme
                that is not registered.
        """
        return read_weights(Path(path), cls, ModelSpec)


def _make_head(name: str, size: Size, points: int) -> nn.Module:
    """The head of a size; its heatmaps are a quarter of the input."""
    if name == "heatmap" and (size.plain or size.stride != 4):
        return HeatmapHead(size.width, points, cells=size.stride // 4, plain=size.plain)
    return HEADS[name](size.width, points)
