"""What is minimised: modules that turn a batch into named loss terms.

An objective is the only thing Fabric wraps. It returns its terms already weighted, so that they sum
exactly to the total, and each is logged under its own name.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mlcmkd.data.modality import Modality
from mlcmkd.data.transforms import Batch
from mlcmkd.distillation.losses import (
    Target,
    answer_target,
    feature_distance,
    halfway,
    label_target,
    landmark_loss,
    target_loss,
    weighted_mean,
)
from mlcmkd.distillation.strategies import Guide, Weights
from mlcmkd.distillation.teachers import FrozenTeacher, need_one_scheme
from mlcmkd.models import Landmarker, Prediction

Terms = dict[str, Tensor]


class TaskObjective(nn.Module):
    """Plain supervised training of one Landmarker on one modality; unlabelled rows count nothing.

    Attributes:
        student: what is trained.
        modality: the side it reads.
        loss: of a prediction against landmarks (B, K, 2), one value a row.
    """

    def __init__(
        self,
        student: Landmarker,
        modality: Modality,
        loss: Callable[[Prediction, Tensor], Tensor] = landmark_loss,
    ):
        super().__init__()
        self.student = student
        self.modality = modality
        self.loss = loss

    @property
    def reads(self) -> set[Modality]:
        """The sides of a batch that are looked at; `fit` makes no others."""
        return {self.modality}

    def forward(self, batch: Batch, decay: float = 1.0) -> Terms:
        """The task term of a batch; `decay` is unused, since nothing is distilled."""
        rows = self.loss(self.student(getattr(batch, self.modality)), batch.landmarks)
        return {"task": weighted_mean(rows, batch.labelled.float())}


def guide_targets(label: Target, said: Target, guide: Guide) -> tuple[Target, Target]:
    """What the answers of the injected heads are told, in FI and in RI.

    "own" tells each what holds in the image that its features are of: in FI the teacher's answer, in
    RI the label. Where a pair is not quite aligned the two lie apart, and only this guide contradicts
    neither image.
    """
    if guide == "both":
        both = halfway(label, said)
        return both, both
    return said if guide in ("teacher", "own") else label, said if guide == "teacher" else label


class DistillationObjective(nn.Module):
    """A thermal student between a frozen teacher and the labels.

    With f_T the teacher's features and f_S the student's (Tong et al., arXiv 2510.11128; DESIGN.md
    section 4 has the table):

        task  loss(head_S(f_S), y)                  reaches the student's features and head
        fd    distance(f_S, f_T)                    the student's features
        ld    divergence(head_S(f_S), head_T(f_T))  the student's features and head
        fi    guided loss of head_S(f_T)            the student's head only
        ri    guided loss of head_T(f_S)            the student's features only

    The teacher's backbone runs once a batch, whatever the terms.

    Attributes:
        teacher: frozen; reads `teacher_modality`.
        student: trained; reads thermal images.
        watched: after a batch with labels, the task losses of its labelled rows, (the student's, the
            teacher's), for a decay that follows them; None where nobody asked by `watch`.
        to_teacher: carries the student's features into the teacher's space (for fd and ri).
        to_student: carries the teacher's features into the student's space (for fi).
    """

    def __init__(
        self,
        teacher: Landmarker,
        student: Landmarker,
        weights: Weights,
        guide: Guide,
        teacher_modality: Modality,
    ):
        super().__init__()
        need_one_scheme(teacher.spec.scheme, student)
        self.teacher = FrozenTeacher(teacher)
        self.student = student
        self.weights = weights
        self.guide: Guide = guide
        self.teacher_modality = teacher_modality
        self.watch = False
        self.watched: tuple[Tensor, Tensor] | None = None
        self.to_teacher: nn.Module = nn.Identity()
        self.to_student: nn.Module = nn.Identity()

    @property
    def reads(self) -> set[Modality]:
        """The sides of a batch that are looked at; without any term the teacher looks at none."""
        return {"thermal", self.teacher_modality} if self.weights.any() else {"thermal"}

    def forward(self, batch: Batch, decay: float = 1.0) -> Terms:
        """Weighted terms of a batch, by name; they sum to the total.

        Args:
            batch: pairs. On rows without a label the teacher's answer stands in for y, in the task
                term too: FI and RI alone train the student's head and its features apart, and
                nothing would tie them. Without any distillation such rows count nothing.
            decay: weight of the distillation terms on labelled rows, 0 to 1; on the others, where
                no label can take over, the teacher keeps its whole say.
        """
        weights, teacher, student = self.weights, self.teacher, self.student
        f_s = student.features(batch.thermal)
        answer = student.head(f_s)
        if not weights.any():
            rows = landmark_loss(answer, batch.landmarks)
            return {"task": weighted_mean(rows, batch.labelled.float())}

        f_t = teacher.features(getattr(batch, self.teacher_modality))
        with torch.no_grad():
            said = teacher.head(f_t)
        label = torch.where(batch.labelled[:, None, None], batch.landmarks, said.coordinates)
        share = torch.where(batch.labelled, decay, 1.0)
        label_told = label_target(label, answer.logits)
        said_told = answer_target(said)
        in_fi, in_ri = guide_targets(label_told, said_told, self.guide)
        task = target_loss(answer, label_told)
        terms = {"task": task.mean()}
        if self.watch:
            self._compare(task.detach(), said, batch)

        def add(name: str, rows: Tensor) -> None:
            terms[name] = getattr(weights, name) * weighted_mean(rows, share)

        if weights.fd:
            add("fd", feature_distance(self.to_teacher(f_s), f_t))
        if weights.ld:
            add("ld", target_loss(answer, said_told))
        if weights.fi:
            injected = student.head(self.to_student(f_t))
            add("fi", target_loss(injected, in_fi))
        if weights.ri:
            injected = teacher.head(self.to_teacher(f_s))
            add("ri", target_loss(injected, in_ri))
        return terms

    @torch.no_grad()
    def _compare(self, task: Tensor, said: Prediction, batch: Batch) -> None:
        """Keeps both sides' task loss on the labelled rows."""
        self.watched = None
        if batch.labelled.any():
            theirs = landmark_loss(said, batch.landmarks)
            self.watched = task[batch.labelled].mean(), theirs[batch.labelled].mean()
