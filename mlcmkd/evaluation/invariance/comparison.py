"""All measures of invariance for a teacher on RGB and a student on thermal images."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mlcmkd.data.dataset import Pairs
from mlcmkd.evaluation.evaluate import Scores, score
from mlcmkd.evaluation.invariance.features import (
    descriptors,
    evaluation_mode,
    modality_features,
    place_rows,
)
from mlcmkd.evaluation.invariance.measures import linear_cka, probe_accuracy, recall_at_k
from mlcmkd.models import Landmarker
from mlcmkd.utils.errors import InputError

FEWEST = 8  # pairs; with fewer, recall and probe are mostly chance


@dataclass(frozen=True)
class Invariance:
    """How similar the RGB features of a teacher and the thermal features of a student are.

    Attributes:
        faces: number of pairs.
        head_swap: (2, 2) inter-ocular NME, shares; rows: features of (teacher on RGB, student on
            thermal), columns: head of (teacher, student). The diagonal holds the unchanged models.
        cka: linear CKA of the feature maps, 0 to 1.
        cka_other_face: CKA of each RGB map with the thermal map of another face. It measures the
            similarity that all cropped faces share. The excess of `cka` over it is due to the individual
            face.
        recall_at_1: share of thermal images whose nearest RGB image shows the same face; chance is
            1 / faces.
        probe_accuracy: share of images whose modality a linear classifier predicts, 0 to 1; 0.5 is
            chance.
    """

    faces: int
    head_swap: np.ndarray
    cka: float
    cka_other_face: float
    recall_at_1: float
    probe_accuracy: float

    def summary(self) -> dict[str, float]:
        """All values in a flat dict, for a line of a log; NME as a share."""
        swap = {
            f"swap_{features}_features_{head}_head": round(float(self.head_swap[row, column]), 6)
            for row, features in enumerate(("teacher", "student"))
            for column, head in enumerate(("teacher", "student"))
        }
        return {
            "invariance_faces": self.faces,
            **swap,
            "cka": round(self.cka, 6),
            "cka_other_face": round(self.cka_other_face, 6),
            "recall_at_1": round(self.recall_at_1, 6),
            "probe_accuracy": round(self.probe_accuracy, 6),
        }


def measure_invariance(
    teacher: Landmarker,
    student: Landmarker,
    pairs: Pairs,
    *,
    faces: int | None = 200,
    batch: int = 64,
    seed: int = 0,
) -> Invariance:
    """Compares a teacher's features of RGB images with a student's features of the thermal images.

    The features of each modality are computed once. Both models run in evaluation mode on their own
    device; their modes are restored.

    Args:
        teacher: takes RGB input.
        student: takes thermal input; of the teacher's width and input size.
        pairs: pairs with both modalities; all measures use the labelled pairs only.
        faces: largest number of pairs, drawn by `seed`; None for all.
        batch: pairs per forward pass.
        seed: random state.

    Raises:
        InputError: widths or input sizes differ, the pairs lack a modality or were cropped for
            another size, fewer than eight labelled pairs, or fewer than two subjects.
    """
    _check_models(teacher, student)
    for modality in ("rgb", "thermal"):
        pairs.require(modality, "measuring invariance")
    pairs = _draw_labelled(pairs, faces, seed)
    of_rgb = modality_features(teacher, pairs, "rgb", batch=batch)
    of_thermal = modality_features(student, pairs, "thermal", batch=batch)
    swap = [
        [score_head(model, features, pairs, batch).nme for model in (teacher, student)]
        for features in (of_rgb, of_thermal)
    ]
    cka, cka_other_face = cka_of_pairs(of_rgb, of_thermal)
    return Invariance(
        faces=len(pairs),
        head_swap=np.array(swap),
        cka=cka,
        cka_other_face=cka_other_face,
        recall_at_1=recall_at_k(descriptors(of_thermal), descriptors(of_rgb)),
        probe_accuracy=probe_accuracy(
            of_rgb.mean(dim=(2, 3)).numpy(), of_thermal.mean(dim=(2, 3)).numpy(), pairs.subjects
        ),
    )


def _check_models(teacher: Landmarker, student: Landmarker) -> None:
    if teacher.width != student.width:
        raise InputError(
            f"the teacher's features have {teacher.width} channels, the student's {student.width}: "
            "heads can be exchanged between equal widths only"
        )
    if teacher.stride != student.stride:
        raise InputError(
            f"the teacher's features have 1/{teacher.stride} of the input's resolution, the student's "
            f"1/{student.stride}: only feature maps of one size can be compared location by location"
        )
    if teacher.spec.input_px != student.spec.input_px:
        raise InputError(
            f"the teacher takes {teacher.spec.input_px} px, the student {student.spec.input_px}: "
            "only feature maps of one size can be compared location by location"
        )


def _draw_labelled(pairs: Pairs, faces: int | None, seed: int) -> Pairs:
    """At most `faces` of the labelled pairs, drawn by `seed`."""
    labelled = np.flatnonzero(pairs.labelled.cpu().numpy())
    if not len(labelled):
        raise InputError("none of the pairs is labelled: exchanged heads cannot be evaluated")
    drawn = np.random.default_rng(seed).permutation(labelled)[:faces]
    if len(drawn) < FEWEST:
        raise InputError(f"{len(drawn)} labelled pairs are too few; invariance needs {FEWEST}")
    return pairs.subset(np.sort(drawn))


def cka_of_pairs(rgb: Tensor, thermal: Tensor) -> tuple[float, float]:
    """Linear CKA of the feature maps of pairs, and of each RGB map with another face's thermal map.

    Args:
        rgb, thermal: (N, C, h, w) of N pairs; the numbers of channels may differ.
    """
    # Shifted by half the set, because images of one subject usually follow each other.
    other_faces = thermal.roll(len(thermal) // 2, dims=0)
    rows = place_rows(rgb)
    return linear_cka(rows, place_rows(thermal)), linear_cka(rows, place_rows(other_faces))


@torch.no_grad()
def score_head(head_of: Landmarker, features: Tensor, pairs: Pairs, batch: int = 64) -> Scores:
    """Scores of one model's head on given features (N, C, h, w) of labelled pairs."""
    device = next(head_of.parameters()).device
    with evaluation_mode(head_of):
        coordinates = [
            head_of.head(part.to(device)).coordinates.cpu() for part in features.split(batch)
        ]
    return score(torch.cat(coordinates).float().numpy(), head_of.spec.scheme, pairs)
