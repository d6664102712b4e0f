"""The validated description of a Landmarker, which is stored in its weights file."""

from typing import Any, Literal

from pydantic import Field, field_validator

from mlcmkd.data.modality import Modality
from mlcmkd.data.thermal.radiometry import Radiometry
from mlcmkd.models.backbones import SIZE_NAMES, SizeName
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.config import Config, late


class Calibration(Config):
    """The standard deviation of a landmark's error, as a function of a first estimate.

    deviation = scale * estimate ** power, for each coordinate. About 68 % of the errors of a coordinate
    are at most one deviation, about 95 % at most two. The estimate is the output of the deviation head,
    or the spread of the heatmap. `mlcmkd calibrate` fits scale and power. The function is our choice.
    """

    scale: float = Field(
        gt=0,
        allow_inf_nan=False,
        description="Deviation at an estimate of 1, shares of the input's side.",
    )
    power: float = Field(
        ge=0,
        le=10,
        description="Exponent of the estimate; 0 gives every landmark the same deviation.",
    )
    faces: int = Field(ge=1, description="Validation faces that it was fitted on.")
    data: str = Field(description="Sources of these faces.")
    source: Literal["spread", "head"] = late(
        "spread",
        description="The first estimate: spread of the heatmap, or output of the deviation head.",
    )

    def of(self, estimate: Any) -> Any:
        """Deviations of estimates, an array or a tensor of any shape, in shares of the input's side."""
        return self.scale * estimate**self.power


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
    calibration: Calibration | None = late(
        None, description="Standard deviations of the landmarks; None if `calibrate` was not run."
    )

    @field_validator("scheme")
    @classmethod
    def _known(cls, name: str) -> str:
        return get_scheme(name).name
