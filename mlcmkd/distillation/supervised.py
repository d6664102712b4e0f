"""Supervised training: a task loss on labelled rows, without a teacher."""

from collections.abc import Callable

from torch import Tensor

from mlcmkd.data.modality import Modality
from mlcmkd.data.transforms import Batch
from mlcmkd.distillation.losses import landmark_loss, weighted_mean
from mlcmkd.distillation.objective import Objective, Terms
from mlcmkd.models import Landmarker, Prediction


class TaskObjective(Objective):
    """Supervised training of one Landmarker on one modality; unlabelled rows contribute 0.

    Attributes:
        modality: modality of the images that the student is trained on.
        loss: compares a prediction with landmarks (B, K, 2); one value per row, (B,).
    """

    def __init__(
        self,
        student: Landmarker,
        modality: Modality,
        loss: Callable[[Prediction, Tensor], Tensor] = landmark_loss,
    ):
        super().__init__(student)
        self.modality = modality
        self.loss = loss

    @property
    def reads(self) -> frozenset[Modality]:
        """The modality that the student is trained on."""
        return frozenset({self.modality})

    def forward(self, batch: Batch, decay: float | Tensor = 1.0) -> Terms:
        """The term "task"; `decay` is not used, since nothing is distilled."""
        rows = self.loss(self.student(batch.images(self.modality)), batch.landmarks)
        return {"task": weighted_mean(rows, batch.labelled.float())}
