"""Distillation terms: functions of the results of a training step, one value per row.

    fd  distance(f_S, f_T)                    trains the student's features
    ld  divergence(head_S(f_S), head_T(f_T))  trains the student's features and head
    fi  loss of head_S(f_T)                   trains the student's head only
    ri  loss of head_T(f_S)                   trains the student's features only

f_S and f_T are the features of the student and of the teacher, head_S and head_T their heads. The terms
are those of Tong et al. (arXiv 2510.11128). Only the abstract of the paper is public, so the formulas
are our reading of it. To add a term to the library, write its function here, name it in
`BUILT_IN_TERMS`, and give it a weight of the same name in `Weights`. A term in your own code needs no
change here, see `DistillationTerm`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from mlcmkd.data.transforms import Batch
from mlcmkd.distillation.losses import feature_distance, target_loss
from mlcmkd.distillation.targets import SupervisionTarget
from mlcmkd.models import Prediction


@dataclass(frozen=True)
class DistillationStep:
    """Results of the forward passes of teacher and student for one batch.

    Attributes:
        batch: the augmented pairs.
        student_features: (B, C_S, h, w), with gradient.
        teacher_features: (B, C_T, h, w), without gradient.
        student_prediction: head_S(f_S), with gradient.
        teacher_prediction: head_T(f_T), without gradient.
        label_target: the labels, or the teacher's prediction in rows without a label.
        teacher_target: the teacher's prediction.
        fi_target, ri_target: targets of the injected heads, see `guide_targets`.
        student_head: features (B, C_S, h, w) to a prediction, with trained parameters.
        teacher_head: features (B, C_T, h, w) to a prediction, differentiable in the features only.
        to_teacher: maps features from C_S to C_T channels; the identity where the numbers are equal.
        to_student: maps features from C_T to C_S channels.
    """

    batch: Batch
    student_features: Tensor
    teacher_features: Tensor
    student_prediction: Prediction
    teacher_prediction: Prediction
    label_target: SupervisionTarget
    teacher_target: SupervisionTarget
    fi_target: SupervisionTarget
    ri_target: SupervisionTarget
    student_head: Callable[[Tensor], Prediction]
    teacher_head: Callable[[Tensor], Prediction]
    to_teacher: Callable[[Tensor], Tensor]
    to_student: Callable[[Tensor], Tensor]


TermLoss = Callable[[DistillationStep], Tensor]


@dataclass(frozen=True)
class DistillationTerm:
    """A term and its weight.

    A term of your own goes into an objective without a change to the library:

        def attention_transfer(step: DistillationStep) -> Tensor:
            ours, theirs = (f.square().mean(1).flatten(1).softmax(1)
                            for f in (step.student_features, step.teacher_features))
            return (ours - theirs).square().sum(1)

        KTL(teacher, student, Weights(fd=1),
            extra_terms={"attention": DistillationTerm(attention_transfer, weight=0.5)})

    Attributes:
        loss: returns one value per row, (B,). An `nn.Module` becomes a submodule of the objective: its
            parameters are trained, and are not saved with the student.
        weight: factor of the mean over the rows; a term of weight 0 is not computed.
    """

    loss: TermLoss
    weight: float = 1.0


def feature_distillation(step: DistillationStep) -> Tensor:
    """Feature distillation (FD): `feature_distance` in the teacher's channels, (B,)."""
    return feature_distance(step.to_teacher(step.student_features), step.teacher_features)


def logits_distillation(step: DistillationStep) -> Tensor:
    """Logits distillation (LD): `target_loss` of the student against the teacher's prediction, (B,)."""
    return target_loss(step.student_prediction, step.teacher_target)


def forward_injection(step: DistillationStep) -> Tensor:
    """Forward injection (FI): `target_loss` of the student's head on the teacher's features, (B,)."""
    return target_loss(step.student_head(step.to_student(step.teacher_features)), step.fi_target)


def reverse_injection(step: DistillationStep) -> Tensor:
    """Reverse injection (RI): `target_loss` of the teacher's head on the student's features, (B,)."""
    return target_loss(step.teacher_head(step.to_teacher(step.student_features)), step.ri_target)


# By the names of `Weights`, in the order of computation.
BUILT_IN_TERMS: dict[str, TermLoss] = {
    "fd": feature_distillation,
    "ld": logits_distillation,
    "fi": forward_injection,
    "ri": reverse_injection,
}
