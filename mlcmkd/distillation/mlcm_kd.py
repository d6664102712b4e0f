"""MLCM-KD: KTL, the knowledge transfer level, and MCL, the model compression level.

KTL: a frozen RGB teacher and a thermal student of the same capacity, so that the student's features can
be read by the teacher's head and the other way round without anything in between. DIKD is FI with RI.

MCL: the thermal model teaches a light thermal student. The terms are KTL's; both take the thermal
image, except in the control without a KTL level, where the RGB teacher teaches the light student
directly (`teacher_modality="rgb"`). Where the widths differ, two 1x1 convolutions carry features
across, one each way: `to_teacher` is trained by FD and RI, `to_student` by FI. They belong to the
objective, not to the student, and so never reach its checkpoint.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from mlcmkd.data.modality import Modality
from mlcmkd.distillation.objective import DistillationObjective
from mlcmkd.distillation.strategies import Guide, Weights
from mlcmkd.models import Landmarker
from mlcmkd.utils.errors import InputError


class KTL(DistillationObjective):
    """RGB teacher to thermal student of the same width.

    Raises:
        InputError: the widths differ; MCL is the level that bridges them.
    """

    def __init__(
        self, teacher: Landmarker, student: Landmarker, weights: Weights, guide: Guide = "both"
    ):
        if teacher.width != student.width:
            raise InputError(
                f"KTL needs features of one width, not {teacher.width} (teacher) and "
                f"{student.width} (student): transfer to the same size first, then compress"
            )
        super().__init__(teacher, student, weights, guide, teacher_modality="rgb")


class Adapter(nn.Module):
    """A 1x1 convolution to another width; its output is non-negative, as all features are."""

    def __init__(self, width_in: int, width_out: int):
        super().__init__()
        self.convolution = nn.Conv2d(width_in, width_out, 1)

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.convolution(features))


class MCL(DistillationObjective):
    """A teacher to a light thermal student, with adapters where the widths differ.

    `teacher_modality` is the side that the teacher reads; the student always reads thermal images.
    """

    def __init__(
        self,
        teacher: Landmarker,
        student: Landmarker,
        weights: Weights,
        guide: Guide = "both",
        *,
        teacher_modality: Modality = "thermal",
    ):
        super().__init__(teacher, student, weights, guide, teacher_modality)
        if teacher.width == student.width:
            return
        # An adapter whose terms are off would be a parameter without gradient, which DDP refuses.
        if weights.fd or weights.ri:
            self.to_teacher = Adapter(student.width, teacher.width)
        if weights.fi:
            self.to_student = Adapter(teacher.width, student.width)
