"""The face detector: an anchor-free network that finds the centres of faces and their boxes.

It has the parts of a Landmarker: a backbone, a neck that combines its feature maps at a quarter of the
input, and a head. The head predicts at each cell whether a face's centre is there, and a box, as
CenterNet does (Zhou, Wang, Kraehenbuehl, "Objects as Points", arXiv:1904.07850, 2019).
"""

from pathlib import Path
from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.models.backbones import SIZE_NAMES, SIZES, SizeName, make_backbone
from mlcmkd.models.layers import Neck, conv_block
from mlcmkd.models.model_folder import HubModel
from mlcmkd.models.normalise import normalise_images
from mlcmkd.models.weights_file import read_weights, write_weights
from mlcmkd.utils.config import Config

_KIND = "face detector"
_RARE = -4.6  # logit of a probability of 0.01, because few cells contain a centre


class DetectorSpec(Config):
    """Everything needed to build a FaceDetector, and to detect with it."""

    size: SizeName = Field(default="slim", description=f"Size of the network: {SIZE_NAMES}.")
    input_px: int = Field(
        default=192,
        ge=64,
        le=640,
        multiple_of=32,
        description="Longer side of the input, to which frames are resized, pixels.",
    )
    normalisation: Literal["fixed", "image"] = Field(
        default="image", description="As in the spec of a Landmarker."
    )
    modality: Modality = Field(default="thermal", description="Modality of the input.")
    radiometry: Radiometry | None = Field(
        default=None, description="How thermal values become the input; None for RGB."
    )


class FaceMaps(NamedTuple):
    """Output of a FaceDetector for frames of h x w cells.

    Attributes:
        centres: (B, h, w) logits of the probability that a face's centre is in the cell.
        boxes: (B, 4, h, w): the face's centre minus that of the cell, x and y in cells, and the
            logarithms of its width and height, divided by `mlcmkd.data.face_grid.UNIT_SIDE`.
    """

    centres: Tensor
    boxes: Tensor


class FaceDetector(nn.Module, HubModel, pipeline_tag="object-detection", tags=["face-detection"]):
    """A face detector.

    Args:
        spec: what to build.

    Attributes:
        spec: its DetectorSpec.
    """

    def __init__(self, spec: DetectorSpec):
        super().__init__()
        self.spec = spec
        width = SIZES.find(spec.size).width
        self.backbone, channels = make_backbone(spec.size, pretrained=False)
        self.neck = Neck(channels, width)
        self.body = conv_block(width, width)
        self.maps = nn.Conv2d(width, 5, 1)
        # Few cells contain a centre. With a bias of 0 the first steps would only learn this.
        nn.init.zeros_(self.maps.bias)
        nn.init.constant_(self.maps.bias[:1], _RARE)

    def forward(self, images: Tensor) -> FaceMaps:
        """Frames (B, 1 or 3, H, W) in [0, 1], sides multiples of 32, to maps of H / 4 x W / 4 cells."""
        images = normalise_images(images, self.spec.normalisation)
        levels = self.backbone(images.contiguous(memory_format=torch.channels_last))
        maps = self.maps(self.body(self.neck(levels))).float()
        return FaceMaps(maps[:, 0], maps[:, 1:])

    def parameter_count(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def save(self, path: Path | str, *, half: bool = False) -> None:
        """Writes weights and spec to one safetensors file; arguments as of `Landmarker.save`."""
        write_weights(Path(path), self, half=half, kind=_KIND)

    @classmethod
    def load(cls, path: Path | str) -> "FaceDetector":
        """The FaceDetector saved at `path`, on the CPU, in float32 and in evaluation mode.

        Raises:
            InputError: no such file, not safetensors, or no face detector.
        """
        return read_weights(Path(path), cls, DetectorSpec, kind=_KIND)
