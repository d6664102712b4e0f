"""A distillation strategy as a validated config: terms, their weights, their decay, their targets."""

from typing import Literal

from pydantic import Field

from mlcmkd.distillation.decay import DecayKind
from mlcmkd.utils.config import Config


class Weights(Config):
    """Weight of each distillation term; a term of weight 0 is not computed.

    Declare a new term by `late(0, ...)`, so that the hashes of earlier runs stay the same.
    """

    fd: float = Field(default=0, ge=0, description="Feature distillation.")
    ld: float = Field(default=0, ge=0, description="Logits distillation.")
    fi: float = Field(
        default=0,
        ge=0,
        description="Forward injection: the teacher's features in the student's head.",
    )
    ri: float = Field(
        default=0,
        ge=0,
        description="Reverse injection: the student's features in the teacher's head.",
    )

    def any(self) -> bool:
        """Whether any term is used."""
        return self != type(self)()


# The weights are our choice: the paper states none.
STRATEGIES: dict[str, Weights] = {
    "none": Weights(),
    "fd": Weights(fd=1),
    "ld": Weights(ld=1),
    "fd+ld": Weights(fd=1, ld=1),
    "fi": Weights(fi=1),
    "ri": Weights(ri=1),
    "dikd": Weights(fi=1, ri=1),
    "dikd+fd+ld": Weights(fd=1, ld=1, fi=1, ri=1),
}
Strategy = Literal["none", "fd", "ld", "fd+ld", "fi", "ri", "dikd", "dikd+fd+ld"]
Guide = Literal["label", "teacher", "both", "own"]


class Distillation(Config):
    """Which distillation terms are used, how their weight decays, and their supervision target."""

    strategy: Strategy = Field(default="dikd", description="Distillation terms, by name.")
    weights: Weights | None = Field(
        default=None, description="Weights of the terms, in place of the strategy's."
    )
    decay: DecayKind = Field(
        default="cosine",
        description="How the terms' weight falls over the training: by the step, or with the "
        "student's progress.",
    )
    floor: float = Field(
        default=0.1, ge=0, le=1, description="Share of the terms' weight that is left at the end."
    )
    guide: Guide = Field(
        default="both",
        description="Supervision target of the injected heads: the label, the teacher's prediction, "
        "the mean of both, or own: the target that belongs to the image of the features (the "
        "teacher's prediction in FI, the label in RI).",
    )

    def resolved(self) -> Weights:
        """The given weights, or those of the strategy."""
        return self.weights or STRATEGIES[self.strategy]
