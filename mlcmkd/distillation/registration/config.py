"""What a run sets of the registration."""

from typing import Literal

from pydantic import Field

from mlcmkd.utils.config import Config

Motion = Literal["translation", "similarity"]


class RegistrationConfig(Config):
    """Registration of the training pairs by landmarks, before distillation."""

    motion: Literal["none", "translation", "similarity"] = Field(
        default="none",
        description="Map from the thermal to the RGB image of each pair: a translation, or a similarity "
        "(with rotation and scale); none to take the pairs as they are.",
    )
    rounds: int = Field(
        default=2,
        ge=1,
        le=5,
        description="Rounds in which the teacher predicts the RGB landmarks; each crops the images "
        "around the faces that the round before found.",
    )
    leave_out: bool = Field(
        default=True,
        description="Leave pairs whose images do not belong together out of the distillation; their "
        "labels are still used.",
    )
