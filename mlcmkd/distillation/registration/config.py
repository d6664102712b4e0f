"""The registration settings of a run."""

from typing import Literal

from pydantic import Field

from mlcmkd.utils.config import Config

Motion = Literal["translation", "similarity"]


class RegistrationConfig(Config):
    """Registration of the training pairs by landmarks, before distillation."""

    motion: Literal["none", "translation", "similarity"] = Field(
        default="none",
        description="Map from the thermal to the RGB image of each pair: a translation, or a similarity "
        "(with rotation and scale); none to use the pairs unchanged.",
    )
    rounds: int = Field(
        default=2,
        ge=1,
        le=5,
        description="Rounds in which the teacher predicts the RGB landmarks; each crops the images "
        "around the faces that the previous round found.",
    )
    leave_out: bool = Field(
        default=True,
        description="Leave out of the distillation the pairs whose images do not show the same face; "
        "their labels are still used.",
    )
