"""A Landmarker on a split: predictions, errors a face, and the figures a table quotes."""

from dataclasses import dataclass

import numpy as np
import torch
from tqdm.auto import tqdm

from mlcmkd.errors import InputError
from mlcmkd.metrics import (
    Normaliser,
    area_under_curve,
    bootstrap_interval,
    failure_rate,
    near_frontal,
    point_errors,
)
from mlcmkd.models import Landmarker
from mlcmkd.pairs import Pairs
from mlcmkd.schemes import map_indices
from mlcmkd.transforms import NO_AUGMENTATION, make_batch


def check_input(model: Landmarker, pairs: Pairs, modality: str, task: str) -> None:
    """Makes sure that a model can read one side of the pairs.

    Raises:
        InputError: the pairs lack that side (`task` says who asked), or were cut for another size.
    """
    pairs.require(modality, task)
    if pairs.input_px != model.spec.input_px:
        raise InputError(
            f"the model reads {model.spec.input_px} px, the pairs were cut for {pairs.input_px}"
        )


@torch.no_grad()
def predict_pairs(
    model: Landmarker,
    pairs: Pairs,
    modality: str,
    *,
    batch: int = 64,
    device: torch.device | str | None = None,
    progress: bool = False,
) -> np.ndarray:
    """Predicted landmarks of every pair, (N, K, 2) float32, centred coordinates.

    The model is put into evaluation mode and left as it was found. `modality` is the side that is
    read, whatever the model was trained on: reading thermal images with an RGB model is how the
    modality gap is measured.

    Raises:
        InputError: the pairs lack that side, or were cut for another input size.
    """
    check_input(model, pairs, modality, "evaluation")
    device = torch.device(device) if device else next(model.parameters()).device
    training = model.training
    model.eval()
    found = []
    generator = torch.Generator().manual_seed(0)
    starts = range(0, len(pairs), batch)
    for start in tqdm(starts, desc="predicting", unit="batch", disable=not progress, leave=False):
        index = torch.arange(start, min(start + batch, len(pairs)))
        images = getattr(make_batch(pairs, index, NO_AUGMENTATION, generator), modality)
        found.append(model(images.to(device)).coordinates.float().cpu())
    model.train(training)
    return torch.cat(found).numpy()


@dataclass(frozen=True)
class Scores:
    """Errors of a set of faces and what is quoted of them.

    Attributes:
        errors: (N, K) normalised point errors, shares.
        normaliser: what they were divided by.
        threshold: of FR and AUC, a share.
        scheme: landmark scheme of the K points.
        frontal: (N,) bool, which faces are near-frontal.
        prediction: (N, K, 2) centred coordinates, in `scheme`.
        ids: N names.
    """

    errors: np.ndarray
    normaliser: Normaliser
    threshold: float
    scheme: str
    frontal: np.ndarray
    prediction: np.ndarray
    ids: tuple[str, ...]

    @property
    def per_face(self) -> np.ndarray:
        """NME of every face, (N,)."""
        return self.errors.mean(axis=1)

    @property
    def nme(self) -> float:
        """Mean over faces, a share."""
        return float(self.per_face.mean())

    def summary(self) -> dict[str, float | str | int | None]:
        """NME in percent with its bootstrap interval over faces, FR and AUC.

        Near-frontal faces are also told apart; None where there are none.
        """
        low, high = bootstrap_interval(self.per_face)
        frontal = self.per_face[self.frontal]
        return {
            "faces": len(self.ids),
            "normaliser": self.normaliser,
            "nme_percent": round(100 * self.nme, 3),
            "nme_low_percent": round(100 * low, 3),
            "nme_high_percent": round(100 * high, 3),
            "threshold": self.threshold,
            "failure_rate": round(failure_rate(self.per_face, self.threshold), 4),
            "auc": round(area_under_curve(self.per_face, self.threshold), 4),
            "faces_near_frontal": int(self.frontal.sum()),
            "nme_near_frontal_percent": round(100 * float(frontal.mean()), 3)
            if len(frontal)
            else None,
        }

    def rows(self) -> list[dict[str, str | float]]:
        """One row a face, for errors.csv."""
        return [
            {"id": name, "nme": round(float(error), 6), "near_frontal": int(frontal)}
            for name, error, frontal in zip(self.ids, self.per_face, self.frontal, strict=True)
        ]


def score(
    prediction: np.ndarray,
    source_scheme: str,
    pairs: Pairs,
    normaliser: Normaliser = "inter-ocular",
    threshold: float = 0.08,
) -> Scores:
    """Predictions (N, K', 2) in their own scheme against the pairs' labels, in the pairs' scheme.

    Raises:
        InputError: no labelled pair, or the schemes cannot be mapped.
    """
    labelled = pairs.labelled.cpu().numpy()
    if not labelled.any():
        raise InputError("none of the pairs is labelled: nothing to score against")
    mapped = prediction[:, list(map_indices(source_scheme, pairs.scheme))][labelled]
    target = pairs.landmarks.cpu().numpy()[labelled]
    return Scores(
        errors=point_errors(mapped, target, pairs.scheme, normaliser),
        normaliser=normaliser,
        threshold=threshold,
        scheme=pairs.scheme,
        frontal=near_frontal(target, pairs.scheme),
        prediction=mapped,
        ids=tuple(name for name, has in zip(pairs.ids, labelled, strict=True) if has),
    )


def evaluate_model(
    model: Landmarker,
    pairs: Pairs,
    modality: str,
    normaliser: Normaliser = "inter-ocular",
    threshold: float = 0.08,
    **options,
) -> Scores:
    """Predicts and scores; `options` go to `predict_pairs`."""
    prediction = predict_pairs(model, pairs, modality, **options)
    return score(prediction, model.spec.scheme, pairs, normaliser, threshold)
