"""MCL, the model compression level of MLCM-KD: the thermal model teaches a light thermal student.

The terms are KTL's; both sides read the thermal image, except in the control without a KTL level,
where the RGB teacher teaches the light student directly (`teacher_modality="rgb"`). Where the widths
differ, two 1x1 convolutions carry features across, one each way: `to_teacher` is trained by FD and RI,
`to_student` by FI. They belong to the objective, not to the student, and so never reach its checkpoint.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from mlcmkd.distillation.objective import DistillationObjective, Modality
from mlcmkd.distillation.strategies import Guide, Weights
from mlcmkd.models import Landmarker


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
