"""The validated description of a Landmarker, which is stored in its weights file."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.models.backbones import SizeName
from mlcmkd.schemes import get_scheme


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
