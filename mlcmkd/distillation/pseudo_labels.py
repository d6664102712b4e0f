"""A supervised loss with pseudo-labels: a control for KD-Loss.

In KD-Loss a teacher contributes pseudo-labels of the unlabelled faces, and a gradient magnitude that
depends on its own error. This objective uses the pseudo-labels only. It is our control experiment and
is in neither paper.
"""

from collections.abc import Callable

from torch import Tensor

from mlcmkd.data.modality import Modality
from mlcmkd.data.transforms import Batch
from mlcmkd.distillation.objective import Objective, Terms
from mlcmkd.distillation.teachers import FrozenTeacher, require_same_scheme
from mlcmkd.models import Landmarker, Prediction


class PseudoLabelObjective(Objective):
    """A student of one modality; the teacher's prediction replaces missing labels.

    Attributes:
        teacher: the frozen teacher; takes images of the modality that it was trained on.
        loss: compares a prediction with landmarks (B, K, 2); one value per row, (B,).

    Raises:
        InputError: teacher and student have different landmark schemes.
    """

    def __init__(
        self,
        teacher: Landmarker,
        student: Landmarker,
        loss: Callable[[Prediction, Tensor], Tensor],
    ):
        super().__init__(student)
        require_same_scheme(teacher.spec.scheme, student)
        self.teacher = FrozenTeacher(teacher)
        self.loss = loss

    @property
    def reads(self) -> frozenset[Modality]:
        """The student's modality and the teacher's."""
        return frozenset({self.student.spec.modality, self.teacher.landmarker.spec.modality})

    def forward(self, batch: Batch, decay: float | Tensor = 1.0) -> Terms:
        """The term "task", the mean over all rows; `decay` is not used."""
        pseudo_labels = self.teacher.predict(batch)
        target = batch.landmarks_or(pseudo_labels)
        prediction = self.student(batch.images(self.student.spec.modality))
        return {"task": self.loss(prediction, target).mean()}
