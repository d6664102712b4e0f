"""A plain loss on the labels and, where a pair has none, on a teacher's answer: a control for KD-Loss.

Where labels are few a teacher says two things: where the landmarks of the other faces are and, by how
hard it pulls, how much that is worth. This objective takes over the first alone. It is ours, in neither
paper.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mlcmkd.data.modality import Modality
from mlcmkd.data.transforms import Batch
from mlcmkd.distillation.objective import Terms
from mlcmkd.distillation.teachers import FrozenTeacher, need_one_scheme
from mlcmkd.models import Landmarker, Prediction


class PseudoLabelObjective(nn.Module):
    """A student of one modality; a teacher answers in place of the labels that are missing.

    Attributes:
        student: trained.
        teacher: frozen; reads the side it was trained on.
        loss: of a prediction against landmarks (B, K, 2), one value a row.
    """

    def __init__(
        self,
        teacher: Landmarker,
        student: Landmarker,
        loss: Callable[[Prediction, Tensor], Tensor],
    ):
        super().__init__()
        need_one_scheme(teacher.spec.scheme, student)
        self.teacher = FrozenTeacher(teacher)
        self.student = student
        self.loss = loss

    @property
    def reads(self) -> set[Modality]:
        """The sides of a batch that are looked at."""
        return {self.student.spec.modality, self.teacher.landmarker.spec.modality}

    def forward(self, batch: Batch, decay: float = 1.0) -> Terms:
        """The task term of a batch, the mean over its rows; `decay` is unused."""
        said = self.teacher.answer(batch)
        target = torch.where(batch.labelled[:, None, None], batch.landmarks, said)
        answer = self.student(getattr(batch, self.student.spec.modality))
        return {"task": self.loss(answer, target).mean()}
