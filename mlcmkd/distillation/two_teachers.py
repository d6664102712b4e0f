"""KD-Loss as an objective: a light student between a Tough- and a Tolerant-Teacher.

Fard & Mahoor, arXiv 2111.07047. The Tough-Teacher learned the hard landmarks, the Tolerant-Teacher the
soft ones of an active shape model. Both see what the student sees, augmented alike, and answer it anew.
"""

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from mlcmkd.data.modality import Modality
from mlcmkd.data.transforms import Batch
from mlcmkd.distillation.kd_loss import (
    MAIN_WEIGHT,
    TOLERANT_WEIGHT,
    TOUGH_WEIGHT,
    kd_values,
)
from mlcmkd.distillation.objective import Terms
from mlcmkd.distillation.shape_model import ShapeModel
from mlcmkd.distillation.teachers import FrozenTeacher, need_one_scheme
from mlcmkd.models import Landmarker


class KDWeights(BaseModel):
    """Weight of each term of KD-Loss; a weight of 0 leaves the term out.

    Attributes:
        main: distance to the landmarks, milder beyond the Tolerant-Teacher's error.
        tough: assistive loss of the Tough-Teacher.
        tolerant: assistive loss of the Tolerant-Teacher.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    main: float = Field(default=MAIN_WEIGHT, gt=0)
    tough: float = Field(default=TOUGH_WEIGHT, ge=0)
    tolerant: float = Field(default=TOLERANT_WEIGHT, ge=0)


class TwoTeachers(nn.Module):
    """A student of one modality, two teachers, the three terms of KD-Loss.

    Each teacher reads the side it was trained on, so an RGB teacher may teach a thermal student. Where
    a pair has no label the Tough-Teacher's answer stands in for it: that teacher's assistive loss is
    then 0 by its own definition, and the Tolerant-Teacher's remains.

    Attributes:
        student: trained; answers by coordinates, from either head.
        tough: frozen.
        tolerant: frozen; None where the Tolerant-Teacher is the Tough-Teacher's answer, softened.
        shapes: the active shape model that softens it; None with a network of its own.
        weights: of the terms.
    """

    def __init__(
        self,
        tough: Landmarker,
        tolerant: Landmarker | ShapeModel,
        student: Landmarker,
        weights: KDWeights | None = None,
    ):
        super().__init__()
        for name, other in (("Tough-Teacher", tough), ("Tolerant-Teacher", tolerant)):
            scheme = other.scheme if isinstance(other, ShapeModel) else other.spec.scheme
            need_one_scheme(scheme, student, name)
        self.student = student
        self.tough = FrozenTeacher(tough)
        soft = isinstance(tolerant, ShapeModel)
        self.tolerant = None if soft else FrozenTeacher(tolerant)
        self.shapes = tolerant if soft else None
        self.weights = weights or KDWeights()

    @property
    def reads(self) -> set[Modality]:
        """The sides of a batch that are looked at: the student's and each teacher's own."""
        networks = [self.student, self.tough.landmarker]
        if self.tolerant is not None:
            networks.append(self.tolerant.landmarker)
        return {network.spec.modality for network in networks}

    @torch.no_grad()
    def answers(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What the Tough- and the Tolerant-Teacher say, (B, K, 2) each, centred coordinates."""
        tough = self.tough.answer(batch)
        if self.tolerant is None:
            return tough, self.shapes.soften(tough)
        return tough, self.tolerant.answer(batch)

    def forward(self, batch: Batch, decay: float = 1.0) -> Terms:
        """Weighted terms of a batch, by name; `decay` is unused: KD-Loss fades by its own regions."""
        tough, tolerant = self.answers(batch)
        said = self.student(getattr(batch, self.student.spec.modality)).coordinates
        target = torch.where(batch.labelled[:, None, None], batch.landmarks, tough)
        weights = self.weights.model_dump()
        values = kd_values(
            said, target, tough, tolerant, **{f"{name}_weight": w for name, w in weights.items()}
        )
        return {name: values[name].mean() for name, weight in weights.items() if weight}
