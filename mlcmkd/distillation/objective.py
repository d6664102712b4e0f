"""The interface of a training objective: the module whose terms the training loop minimises."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from mlcmkd.data.modality import Modality
from mlcmkd.data.transforms import Batch
from mlcmkd.models import Landmarker

Terms = dict[str, Tensor]


class Objective(nn.Module, ABC):
    """Turns a batch into named loss terms; the training loop minimises their sum.

    The training loop and the stages use only what this class declares. Lightning Fabric wraps the
    objective and no other module. So every network that `forward` uses must be a submodule of the
    objective, and a frozen network must be wrapped in a `FrozenTeacher`.

    Subclasses implement `forward`, and override `reads` if a network takes images of another modality
    than the student's.

    Attributes:
        student: the Landmarker that is trained, validated and saved.
        watch: whether the decay of the distillation terms depends on `watched`; the training loop sets
            it.
        watched: mean task losses of the labelled rows of the last batch, if `watch` is set: of the
            student and of the teacher, each on images of its own modality. Two scalars without gradient.
            None if the batch has no label, and in objectives without a distillation decay.

    Example:
        Feature imitation, with the images of both modalities:

            class Imitation(Objective):
                def __init__(self, teacher: Landmarker, student: Landmarker):
                    super().__init__(student)
                    self.teacher = FrozenTeacher(teacher)

                @property
                def reads(self) -> frozenset[Modality]:
                    return frozenset({"rgb", "thermal"})

                def forward(self, batch: Batch, decay: float | Tensor = 1.0) -> Terms:
                    features = self.student.features(batch.images("thermal"))
                    theirs = self.teacher.features(batch.images("rgb"))
                    task = landmark_loss(self.student.head(features), batch.landmarks)
                    return {
                        "task": weighted_mean(task, batch.labelled.float()),
                        "imitation": decay * feature_distance(features, theirs).mean(),
                    }

        `mlcmkd.stages.objective.train_objective(Imitation(teacher, student), pairs, config)` trains
        it and writes a run directory.
    """

    def __init__(self, student: Landmarker):
        super().__init__()
        self.student = student
        self.watch = False
        self.watched: tuple[Tensor, Tensor] | None = None

    @property
    def reads(self) -> frozenset[Modality]:
        """Modalities of a batch that `forward` uses; batches are made without the others."""
        return frozenset({self.student.spec.modality})

    @abstractmethod
    def forward(self, batch: Batch, decay: float | Tensor = 1.0) -> Terms:
        """Weighted loss terms of a batch.

        Args:
            batch: augmented pairs, with the images of the modalities in `reads`.
            decay: weight of the distillation terms at this step, 0 to 1.

        Returns:
            Scalars by name, weights included: their sum is the loss. Each is logged under its name. A
            batch without any label must also return a value, such as 0.
        """
