"""What a Landmarker is made of: sizes by name, and the validated spec in its weights' file."""

from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.schemes import get_scheme


class Size(NamedTuple):
    """What a size's name stands for: a timm backbone, its levels, and the width of the features.

    Attributes:
        backbone: timm's name.
        levels: of its maps, the finest first; 1 is a quarter of the input.
        width: channels of the features.
        narrowed: timm's options for a backbone that is narrower than its name says; no weights of others
            fit it. None for the backbone as it is.
    """

    backbone: str
    levels: tuple[int, ...]
    width: int
    narrowed: dict[str, Any] | None = None


SizeName = Literal[
    "large", "base", "half", "small", "slim", "light", "mobilenetv2", "efficientnet_b3"
]
# The last two are the backbones of KD-Loss: its students and its teachers. "half" and "slim" are "base",
# narrower: half as wide, and as wide as a tenth of its parameters and FLOPs allows.
SIZES: dict[SizeName, Size] = {
    "large": Size("resnet18", (1, 2, 3, 4), 128),
    "base": Size("resnet10t", (1, 2, 3, 4), 96),
    "half": Size("resnet10t", (1, 2, 3, 4), 64, {"channels": (32, 64, 128, 256), "stem_width": 16}),
    "small": Size("lcnet_100", (1, 2, 3, 4), 64),
    "slim": Size("resnet10t", (1, 2, 3, 4), 32, {"channels": (16, 48, 96, 128), "stem_width": 8}),
    "light": Size("mobilenetv3_small_100", (1, 2, 3), 48),
    "mobilenetv2": Size("mobilenetv2_100", (1, 2, 3, 4), 64),
    "efficientnet_b3": Size("efficientnet_b3", (1, 2, 3, 4), 96),
}


class ModelSpec(BaseModel):
    """Everything needed to build a Landmarker, and to predict with it.

    Attributes:
        size: a name of `SIZES`.
        head: "heatmap" (soft-argmax over one map a landmark) or "coordinate" (regression).
        scheme: landmark scheme of the output.
        input_px: side of the square input, pixels; a multiple of 32.
        normalisation: "fixed" maps the input's [0, 1] to [-2, 2]; "image" gives every image mean 0
            and standard deviation 1, which forgets absolute temperature and so carries over between
            thermal cameras with other ranges.
        modality: what the weights were trained to read.
        radiometry: how thermal values become the input; None for RGB.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: SizeName = "base"
    head: Literal["heatmap", "coordinate"] = "heatmap"
    scheme: str = "ibug68"
    input_px: int = Field(default=96, ge=32, le=512, multiple_of=32)
    normalisation: Literal["fixed", "image"] = "image"
    modality: Modality = "rgb"
    radiometry: Radiometry | None = None

    @field_validator("scheme")
    @classmethod
    def _known(cls, name: str) -> str:
        return get_scheme(name).name
