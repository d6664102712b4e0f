"""Adapters between the features of a student and those of its teacher, where the widths differ.

The paper (Tong et al., arXiv 2510.11128) trains adapters in MCL; in KTL both networks have the same
width there. Adapters belong to the distillation and not to the student, whose weights file does not have
them. `Adapters` stores them beside it, because measures of the agreement of the features of two networks
need them.
"""

from pathlib import Path
from typing import Self

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from mlcmkd.models.weights_file import read_weights, write_weights
from mlcmkd.utils.config import Config

_KIND = "pair of adapters"


class AdapterSpec(Config):
    """What is needed to build an Adapter."""

    width_in: int = Field(ge=1, description="Number of channels of its input.")
    width_out: int = Field(ge=1, description="Number of channels of its output.")
    finer: float = Field(
        default=1.0, gt=0, description="Resolution of the output divided by that of the input."
    )


class Adapter(nn.Module):
    """A 1x1 convolution and a ReLU: features of another width, non-negative as all features are.

    Args:
        width_in, width_out: numbers of channels.
        finer: resolution of the output divided by that of the input. Other resolutions are reached
            by bilinear interpolation, or by the mean of the positions that fall together.

    Attributes:
        spec: its AdapterSpec.
    """

    def __init__(self, width_in: int, width_out: int, finer: float = 1.0):
        super().__init__()
        self.spec = AdapterSpec(width_in=width_in, width_out=width_out, finer=finer)
        self.convolution = nn.Conv2d(width_in, width_out, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, width_in, h, w) to (B, width_out, finer * h, finer * w)."""
        adapted = F.relu(self.convolution(features))
        finer = self.spec.finer
        if finer == 1:
            return adapted
        mode = "bilinear" if finer > 1 else "area"
        return F.interpolate(adapted, scale_factor=finer, mode=mode)


class AdaptersSpec(Config):
    """What is needed to build Adapters; None for an adapter that was not trained."""

    to_teacher: AdapterSpec | None = Field(description="From student to teacher.")
    to_student: AdapterSpec | None = Field(description="From teacher to student.")


class Adapters(nn.Module):
    """The adapters of one distillation, to store and to load.

    Args:
        to_teacher: from the student's features to the teacher's, trained by FD and RI; None without
            either term.
        to_student: from the teacher's features to the student's, trained by FI; None without it.

    Attributes:
        spec: its AdaptersSpec.
    """

    def __init__(self, to_teacher: Adapter | None, to_student: Adapter | None):
        super().__init__()
        self.to_teacher = to_teacher
        self.to_student = to_student
        self.spec = AdaptersSpec(
            to_teacher=to_teacher.spec if to_teacher else None,
            to_student=to_student.spec if to_student else None,
        )

    def save(self, path: Path | str) -> None:
        """Writes them to one safetensors file, atomically."""
        write_weights(Path(path), self, kind=_KIND)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The adapters saved at `path`, on the CPU and in evaluation mode.

        Raises:
            InputError: no such file, not safetensors, or not written by `save`.
        """

        def make(spec: AdaptersSpec) -> Self:
            found = (spec.to_teacher, spec.to_student)
            return cls(*(Adapter(**dict(each)) if each else None for each in found))

        return read_weights(Path(path), make, AdaptersSpec, kind=_KIND)
