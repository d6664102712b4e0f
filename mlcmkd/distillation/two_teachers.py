"""KD-Loss as an objective: a light student with a Tough-Teacher and a Tolerant-Teacher.

The paper is Fard and Mahoor, arXiv 2111.07047. The Tough-Teacher was trained on the annotated (hard)
landmarks, the Tolerant-Teacher on the soft landmarks of an active shape model. In every step both
predict the landmarks of the student's batch, with the same augmentation.
"""

import torch
from pydantic import Field
from torch import Tensor

from mlcmkd.data.modality import Modality
from mlcmkd.data.transforms import Batch
from mlcmkd.distillation.kd_loss import (
    BAND,
    MAIN_WEIGHT,
    SLOPE,
    TOLERANT_WEIGHT,
    TOUGH_WEIGHT,
    Inner,
    kd_values,
)
from mlcmkd.distillation.objective import Objective, Terms
from mlcmkd.distillation.shape_model import ShapeModel
from mlcmkd.distillation.teachers import FrozenTeacher, require_same_scheme
from mlcmkd.models import Landmarker
from mlcmkd.utils.config import Config


class KDWeights(Config):
    """Weight of each term of KD-Loss; a weight of 0 leaves the term out."""

    main: float = Field(
        default=MAIN_WEIGHT,
        gt=0,
        description="Main loss: distance to the landmarks, with a smaller slope beyond the "
        "Tolerant-Teacher's error.",
    )
    tough: float = Field(
        default=TOUGH_WEIGHT, ge=0, description="Assistive loss of the Tough-Teacher."
    )
    tolerant: float = Field(
        default=TOLERANT_WEIGHT, ge=0, description="Assistive loss of the Tolerant-Teacher."
    )


class KDForm(Config):
    """Form of KD-Loss near the truth: by default that of the authors' code.

    The sample figures of the paper show another form: inner "ramp", band 0.4, and a weight of 2.5 of the
    main loss.
    """

    inner: Inner = Field(
        default="zero",
        description="Weight of an assistive loss inside the band: zero (the authors' code), or a ramp "
        "that rises from 0 at the truth, so that the loss is continuous (the figures of the paper).",
    )
    band: float = Field(
        default=BAND,
        ge=0,
        le=1,
        description="Half width of the band, as a share of the teacher's error; 0.4 in the figures.",
    )
    slope: float = Field(
        default=SLOPE,
        gt=0,
        description="Slope of the main loss where the student's error is at most the "
        "Tolerant-Teacher's; 3 in the code.",
    )


class TwoTeachers(Objective):
    """The three terms of KD-Loss for a student of one modality and two teachers.

    Each teacher takes images of the modality that it was trained on, so an RGB teacher may teach a
    thermal student. In rows without a label the Tough-Teacher's prediction replaces the label. Its
    assistive loss is then 0 by definition, and that of the Tolerant-Teacher remains. This treatment of
    unlabelled rows is our choice.

    Attributes:
        tough: the frozen Tough-Teacher.
        tolerant: the frozen Tolerant-Teacher; None if a shape model softens the Tough-Teacher's
            prediction instead.
        shapes: that active shape model; None with a Tolerant-Teacher network.
        weights: weights of the terms.
        form: form of the loss near the truth.

    Raises:
        InputError: a teacher has another landmark scheme than the student.
    """

    def __init__(
        self,
        tough: Landmarker,
        tolerant: Landmarker | ShapeModel,
        student: Landmarker,
        weights: KDWeights | None = None,
        form: KDForm | None = None,
    ):
        super().__init__(student)
        for name, teacher in (("Tough-Teacher", tough), ("Tolerant-Teacher", tolerant)):
            scheme = teacher.scheme if isinstance(teacher, ShapeModel) else teacher.spec.scheme
            require_same_scheme(scheme, student, name)
        self.tough = FrozenTeacher(tough)
        soft = isinstance(tolerant, ShapeModel)
        self.tolerant = None if soft else FrozenTeacher(tolerant)
        self.shapes = tolerant if soft else None
        self.weights = KDWeights.validated("weights", {} if weights is None else weights)
        self.form = KDForm.validated("form", {} if form is None else form)

    @property
    def reads(self) -> frozenset[Modality]:
        """The modalities of the student and of each teacher."""
        networks = [self.student, self.tough.landmarker]
        if self.tolerant is not None:
            networks.append(self.tolerant.landmarker)
        return frozenset(network.spec.modality for network in networks)

    @torch.no_grad()
    def teacher_predictions(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Landmarks of the Tough- and the Tolerant-Teacher, each (B, K, 2) centred coordinates."""
        tough = self.tough.predict(batch)
        if self.tolerant is None:
            return tough, self.shapes.soften(tough)
        return tough, self.tolerant.predict(batch)

    def forward(self, batch: Batch, decay: float | Tensor = 1.0) -> Terms:
        """The terms "main", "tough" and "tolerant", without those of weight 0.

        `decay` is not used, because the slopes of KD-Loss already depend on the student's error.
        """
        tough, tolerant = self.teacher_predictions(batch)
        prediction = self.student(batch.images(self.student.spec.modality)).coordinates
        target = batch.landmarks_or(tough)
        weights = dict(self.weights)
        values = kd_values(
            prediction,
            target,
            tough,
            tolerant,
            **{f"{name}_weight": weight for name, weight in weights.items()},
            **dict(self.form),
        )
        return {name: values[name].mean() for name, weight in weights.items() if weight}
