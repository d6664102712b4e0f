"""The validated description of a Landmarker, which is stored in its weights file."""

from typing import Literal

from pydantic import Field, field_validator

from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.models.backbones import SIZE_NAMES, SizeName
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.config import Config


class ModelSpec(Config):
    """Everything needed to build a Landmarker, and to predict with it."""

    size: SizeName = Field(default="base", description=f"Size of the network: {SIZE_NAMES}.")
    head: Literal["heatmap", "coordinate"] = Field(
        default="heatmap",
        description="heatmap: soft-argmax over one map per landmark; coordinate: regression.",
    )
    scheme: str = Field(default="ibug68", description="Landmark scheme of the output.")
    input_px: int = Field(
        default=96,
        ge=32,
        le=512,
        multiple_of=32,
        description="Side of the square input, pixels; a multiple of 32.",
    )
    normalisation: Literal["fixed", "image"] = Field(
        default="image",
        description="fixed maps the input's [0, 1] to [-2, 2]; image gives every image mean 0 and "
        "standard deviation 1, which removes absolute temperature and so generalises between "
        "thermal cameras with different ranges.",
    )
    modality: Modality = Field(default="rgb", description="Modality of the input.")
    radiometry: Radiometry | None = Field(
        default=None, description="How thermal values become the input; None for RGB."
    )

    @field_validator("scheme")
    @classmethod
    def _known(cls, name: str) -> str:
        return get_scheme(name).name
