"""Three scales of the course: how much the lessons compute."""

from typing import Literal

from pydantic import Field

from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError


class Scale(Config):
    """Sizes of everything that the notebooks train."""

    synthetic_train: int = Field(description="Synthetic faces in the training split.")
    synthetic_held: int = Field(
        description="Synthetic faces in each of the validation and test splits."
    )
    labelled: int = Field(description="Pairs that keep their label in knowledge transfer.")
    input_px: int = Field(default=64, description="Side of the networks' input, pixels.")
    teacher_size: Literal["large", "base", "half", "small"] = Field(
        default="half",
        description="Size of the RGB teacher and of its thermal student. On 300W `half` is about "
        "as accurate as `base`, with a third of its operations (docs/results/light_students.md).",
    )
    teacher_steps: int = Field(description="Optimiser steps of a teacher.")
    teacher_rate: float = Field(
        default=4e-3, description="Learning rate of a teacher; a narrow network takes a higher one."
    )
    transfer_steps: int = Field(description="Optimiser steps of a KTL student.")
    transfer_rate: float = Field(default=2e-3, description="Learning rate of a KTL student.")
    compress_steps: int = Field(description="Optimiser steps of a light student.")
    compress_rate: float = Field(
        default=8e-3,
        description="Learning rate of light students, for which a higher one works than for large "
        "networks.",
    )
    optimizer: Literal["adamw", "muon"] = Field(
        default="adamw",
        description="Optimizer of all trainings, see FitConfig. Muon needs half of AdamW's steps in "
        "trainings as short as those of a laptop, at higher learning rates "
        "(docs/results/training_recipe.md).",
    )
    batch: int = Field(default=32, description="Pairs per step.")
    evaluations: int = Field(default=8, description="How often a run is validated.")
    path_steps: int = Field(default=32, description="Points on the path of integrated gradients.")
    precision: Literal["32-true", "bf16-mixed"] = Field(
        default="32-true", description="Precision of the training, see FitConfig."
    )


SCALES: dict[str, Scale] = {
    # For tests: everything runs, but nothing is learned.
    "smoke": Scale(
        synthetic_train=48,
        synthetic_held=16,
        labelled=16,
        teacher_steps=6,
        transfer_steps=4,
        compress_steps=4,
        optimizer="muon",
        batch=8,
        evaluations=2,
        path_steps=8,
    ),
    # Two CPU cores; the minutes of each notebook are in docs/course.md.
    "laptop": Scale(
        synthetic_train=1600,
        synthetic_held=300,
        labelled=100,
        teacher_steps=250,
        teacher_rate=16e-3,
        transfer_steps=100,
        transfer_rate=8e-3,
        compress_steps=150,
        compress_rate=16e-3,
        optimizer="muon",
        evaluations=6,
    ),
    # One GPU.
    "gpu": Scale(
        synthetic_train=16000,
        synthetic_held=2000,
        labelled=400,
        input_px=96,
        teacher_steps=6000,
        transfer_steps=4000,
        compress_steps=6000,
        batch=128,
        evaluations=12,
        path_steps=64,
        precision="bf16-mixed",
    ),
}


def get_scale(name: str) -> Scale:
    """The scale with a given name.

    Raises:
        InputError: there is no such scale; the message lists the known ones.
    """
    try:
        return SCALES[name]
    except KeyError:
        raise InputError(f"scale '{name}' is unknown; use one of {', '.join(SCALES)}") from None
