"""How much the lessons compute: three scales of one course."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from mlcmkd.utils.errors import InputError


class Scale(BaseModel):
    """Sizes of everything the notebooks train.

    Attributes:
        synthetic_train: embedded faces to train on.
        synthetic_held: embedded faces in each of the validation and test splits.
        labelled: pairs that keep their label when knowledge is transferred.
        input_px: side of the networks' input.
        teacher_size: of the RGB teacher and of its thermal student.
        teacher_steps, transfer_steps, compress_steps: optimiser steps of one run of each stage.
        compress_rate: learning rate of the light students, which bear more than the large ones.
        batch: pairs a step.
        evaluations: how often a run is validated.
        path_steps: points on the path of integrated gradients.
        precision: of the training, in Fabric's words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    synthetic_train: int
    synthetic_held: int
    labelled: int
    input_px: int = 64
    teacher_size: Literal["large", "base", "small"] = "base"
    teacher_steps: int
    transfer_steps: int
    compress_steps: int
    compress_rate: float = 8e-3
    batch: int = 32
    evaluations: int = 8
    path_steps: int = 32
    precision: Literal["32-true", "bf16-mixed"] = "32-true"


SCALES: dict[str, Scale] = {
    # Everything runs, nothing learns: for tests.
    "smoke": Scale(
        synthetic_train=48,
        synthetic_held=16,
        labelled=16,
        teacher_steps=6,
        transfer_steps=4,
        compress_steps=4,
        batch=8,
        evaluations=2,
        path_steps=8,
    ),
    # Two CPU cores, all notebooks in about a quarter of an hour.
    "laptop": Scale(
        synthetic_train=1600,
        synthetic_held=300,
        labelled=100,
        teacher_steps=450,
        transfer_steps=200,
        compress_steps=300,
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
    """The scale of that name.

    Raises:
        InputError: no such scale; the message lists the known ones.
    """
    try:
        return SCALES[name]
    except KeyError:
        raise InputError(f"scale '{name}' is unknown; use one of {', '.join(SCALES)}") from None
