"""Which terms, how heavy, against what: a distillation strategy as a validated config."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mlcmkd.distillation.decay import DecayKind


class Weights(BaseModel):
    """Weight of each distillation term; 0 leaves the term out of the computation.

    The values are ours: the paper states none.

    Attributes:
        fd: feature distillation.
        ld: logits distillation.
        fi: forward injection, the teacher's features read by the student's head.
        ri: reverse injection, the student's features read by the teacher's head.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fd: float = Field(default=0, ge=0)
    ld: float = Field(default=0, ge=0)
    fi: float = Field(default=0, ge=0)
    ri: float = Field(default=0, ge=0)

    def any(self) -> bool:
        """Whether anything is distilled at all."""
        return self != Weights()


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


class Distillation(BaseModel):
    """How a teacher is listened to.

    Attributes:
        strategy: which terms, by name.
        weights: overrides the strategy's weights.
        decay: how their weight falls over training: by the clock, or with the student's progress.
        floor: what is left of it at the end.
        guide: what an injected head's answer is compared with: the label, the teacher's own answer,
            the mean of both, or "own", what holds in the image that the features are of (the teacher's
            answer in FI, the label in RI).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    strategy: Strategy = "dikd"
    weights: Weights | None = None
    decay: DecayKind = "cosine"
    floor: float = Field(default=0.1, ge=0, le=1)
    guide: Guide = "both"

    def resolved(self) -> Weights:
        """The weights in force."""
        return self.weights or STRATEGIES[self.strategy]
