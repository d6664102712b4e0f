"""MLCM-KD: KTL, the knowledge transfer level, and MCL, the model compression level.

The paper is Tong et al., arXiv 2510.11128. Its terms are feature distillation (FD), logits distillation
(LD), forward injection (FI) and reverse injection (RI), see `terms`. FI and RI together are
dual-injected knowledge distillation (DIKD).

KTL has a frozen RGB teacher and a thermal student of the same capacity, so that each head accepts the
features of the other network.

In MCL the thermal model of KTL teaches a light thermal student by the same terms. Both networks take the
thermal image. In a control without KTL the RGB teacher teaches the light student directly
(`teacher_modality="rgb"`).

Where the widths or resolutions of the features differ (in MCL, and in KTL with a student of another
architecture), two 1x1 convolutions adapt the number of channels, and interpolation the resolution: FD
and RI train `to_teacher`, FI trains `to_student`. They belong to the objective, not to the student, so
its weights file does not have them; the stage `transfer` stores them in a file of their own.

Only the abstract of the paper is public: weights, guides, adapters and the treatment of unlabelled rows
are our choices.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mlcmkd.data.modality import Modality
from mlcmkd.data.transforms import Batch
from mlcmkd.distillation.adapters import Adapter, Adapters
from mlcmkd.distillation.losses import landmark_loss, target_loss, weighted_mean
from mlcmkd.distillation.objective import Objective, Terms
from mlcmkd.distillation.strategies import Guide, Weights
from mlcmkd.distillation.targets import guide_targets, landmark_target, teacher_target
from mlcmkd.distillation.teachers import FrozenTeacher, require_same_scheme
from mlcmkd.distillation.terms import BUILT_IN_TERMS, DistillationStep, DistillationTerm
from mlcmkd.models import Landmarker, Prediction
from mlcmkd.utils.errors import InputError


def chosen_terms(
    weights: Weights, extra: Mapping[str, DistillationTerm] | None
) -> dict[str, DistillationTerm]:
    """The terms of weight above 0 by name, the built-in ones first.

    Raises:
        InputError: an extra term has the name of another term.
    """
    terms = {name: DistillationTerm(BUILT_IN_TERMS[name], weight) for name, weight in weights}
    for name, term in (extra or {}).items():
        if name == "task" or name in terms:
            raise InputError(f"extra term '{name}': the name is taken; choose another")
        terms[name] = term
    return {name: term for name, term in terms.items() if term.weight}


class DistillationObjective(Objective):
    """Task loss and weighted distillation terms of a thermal student with a frozen teacher.

    The teacher's backbone runs once per batch, whatever the terms. See `mlcmkd.distillation.terms` for
    the terms and for how to add one.

    Args:
        teacher: the trained teacher; this class freezes it.
        student: the network to train; takes thermal images.
        weights: weights of the built-in terms.
        guide: choice of the targets of the injected heads, see `guide_targets`.
        teacher_modality: modality of the images that the teacher takes.
        extra_terms: further terms by name.

    Attributes:
        terms: all terms that are computed, with their weights.
        to_teacher: maps the student's features to the teacher's channels (for FD and RI).
        to_student: maps the teacher's features to the student's channels (for FI).

    Raises:
        InputError: teacher and student have different landmark schemes, or an extra term has the name
            of another term.
    """

    def __init__(
        self,
        teacher: Landmarker,
        student: Landmarker,
        weights: Weights,
        guide: Guide,
        teacher_modality: Modality,
        extra_terms: Mapping[str, DistillationTerm] | None = None,
    ):
        super().__init__(student)
        weights = Weights.validated("weights", weights)
        require_same_scheme(teacher.spec.scheme, student)
        self.teacher = FrozenTeacher(teacher)
        self.guide: Guide = guide
        self.teacher_modality: Modality = teacher_modality
        self.to_teacher: nn.Module = nn.Identity()
        self.to_student: nn.Module = nn.Identity()
        self.terms = chosen_terms(weights, extra_terms)
        self.term_modules = nn.ModuleDict(
            {
                name: term.loss
                for name, term in self.terms.items()
                if isinstance(term.loss, nn.Module)
            }
        )

    def _adapt(self, teacher: Landmarker, student: Landmarker, weights: Weights) -> None:
        """Adds adapters where the widths or the resolutions of the features differ.

        An adapter that no term uses is left out: its parameters would have no gradient, which torch's
        DistributedDataParallel refuses.
        """
        if (teacher.width, teacher.stride) == (student.width, student.stride):
            return
        weights = Weights.validated("weights", weights)
        finer = student.stride / teacher.stride
        if weights.fd or weights.ri:
            self.to_teacher = Adapter(student.width, teacher.width, finer)
        if weights.fi:
            self.to_student = Adapter(teacher.width, student.width, 1 / finer)

    @property
    def adapters(self) -> Adapters | None:
        """`to_teacher` and `to_student` as one module to store; None if neither is an adapter."""
        both = (self.to_teacher, self.to_student)
        to_teacher, to_student = (each if isinstance(each, Adapter) else None for each in both)
        return Adapters(to_teacher, to_student) if to_teacher or to_student else None

    @property
    def reads(self) -> frozenset[Modality]:
        """Thermal and the teacher's modality; without any term the teacher is not used."""
        return frozenset({"thermal", self.teacher_modality} if self.terms else {"thermal"})

    def forward(self, batch: Batch, decay: float | Tensor = 1.0) -> Terms:
        """The term "task" and the distillation terms; they sum to the loss.

        Args:
            batch: augmented pairs. Where the label of a row or of a point is missing, the teacher's
                prediction replaces it, also in the task term. Only the task term and LD train the
                student's head on the student's own features; FI and RI train them separately. Without
                any distillation term, rows and points without a label contribute 0.
            decay: weight of the distillation terms in labelled rows, 0 to 1. In unlabelled rows the
                weight is 1, because the teacher is their only supervision. In rows that `batch.paired`
                marks as wrong pairs it is 0.

        Returns:
            scalars by name, weights included.

        Raises:
            InputError: an extra term does not return one value per row.
        """
        student_features = self.student.features(batch.images("thermal"))
        prediction = self.student.head(student_features)
        if not self.terms:
            rows = landmark_loss(prediction, batch.landmarks)
            return {"task": weighted_mean(rows, batch.labelled.float())}

        step = self._step(batch, student_features, prediction)
        task = target_loss(prediction, step.label_target)
        terms = {"task": task.mean()}
        if self.watch:
            self._watch(step)
        row_weights = torch.where(batch.labelled, decay, 1.0)
        if batch.paired is not None:
            row_weights = row_weights * batch.paired
        for name, term in self.terms.items():
            rows = term.loss(step)
            if rows.shape != row_weights.shape:
                raise InputError(
                    f"term '{name}' has the shape {tuple(rows.shape)}; return one value a row, "
                    f"({len(row_weights)},)"
                )
            terms[name] = term.weight * weighted_mean(rows, row_weights)
        return terms

    def _step(
        self, batch: Batch, student_features: Tensor, student_prediction: Prediction
    ) -> DistillationStep:
        """Runs the teacher and makes the targets."""
        teacher_features = self.teacher.features(batch.images(self.teacher_modality))
        with torch.no_grad():
            teacher_prediction = self.teacher.head(teacher_features)
        landmarks = batch.landmarks_or(teacher_prediction.coordinates)
        from_label = landmark_target(landmarks, student_prediction.logits)
        from_teacher = teacher_target(teacher_prediction)
        fi_target, ri_target = guide_targets(from_label, from_teacher, self.guide)
        return DistillationStep(
            batch=batch,
            student_features=student_features,
            teacher_features=teacher_features,
            student_prediction=student_prediction,
            teacher_prediction=teacher_prediction,
            label_target=from_label,
            teacher_target=from_teacher,
            fi_target=fi_target,
            ri_target=ri_target,
            student_head=self.student.head,
            teacher_head=self.teacher.head,
            to_teacher=self.to_teacher,
            to_student=self.to_student,
        )

    @torch.no_grad()
    def _watch(self, step: DistillationStep) -> None:
        """Stores the task losses of student and teacher on the labelled rows in `watched`."""
        labelled = step.batch.labelled
        self.watched = None
        if labelled.any():
            predictions = step.student_prediction, step.teacher_prediction
            tasks = [landmark_loss(each, step.batch.landmarks) for each in predictions]
            self.watched = tasks[0][labelled].mean(), tasks[1][labelled].mean()


class KTL(DistillationObjective):
    """Knowledge transfer level: an RGB teacher and a thermal student of the same width.

    Args:
        teacher, student, weights, guide, extra_terms: as in `DistillationObjective`.
        adapters: allow a student of another width or resolution of the features, with adapters as in
            MCL. This is our extension, for students of another architecture; in the paper both networks
            have the same architecture.

    Raises:
        InputError: widths or resolutions differ and `adapters` is False, or as in
            `DistillationObjective`.
    """

    def __init__(
        self,
        teacher: Landmarker,
        student: Landmarker,
        weights: Weights,
        guide: Guide = "both",
        *,
        adapters: bool = False,
        extra_terms: Mapping[str, DistillationTerm] | None = None,
    ):
        if teacher.width != student.width and not adapters:
            raise InputError(
                f"KTL needs features of one width, not {teacher.width} (teacher) and "
                f"{student.width} (student): transfer to the same size first, then compress"
            )
        if teacher.stride != student.stride and not adapters:
            raise InputError(
                f"KTL needs features of one resolution, not 1/{teacher.stride} (teacher) and "
                f"1/{student.stride} (student) of the input: transfer to the same size first, then "
                "compress"
            )
        super().__init__(teacher, student, weights, guide, "rgb", extra_terms)
        self._adapt(teacher, student, weights)


class MCL(DistillationObjective):
    """Model compression level: a teacher and a light thermal student, with adapters between widths.

    Args:
        teacher, student, weights, guide, extra_terms: as in `DistillationObjective`. If the widths
            differ, `to_teacher` is an adapter where FD or RI has a weight above 0, and `to_student`
            where FI has one. An extra term that needs an adapter of its own has to contain it, as an
            `nn.Module`.
        teacher_modality: modality of the images that the teacher takes; the student takes thermal
            images.

    Raises:
        InputError: as in `DistillationObjective`.
    """

    def __init__(
        self,
        teacher: Landmarker,
        student: Landmarker,
        weights: Weights,
        guide: Guide = "both",
        *,
        teacher_modality: Modality = "thermal",
        extra_terms: Mapping[str, DistillationTerm] | None = None,
    ):
        super().__init__(teacher, student, weights, guide, teacher_modality, extra_terms)
        self._adapt(teacher, student, weights)
