"""A Landmarker on a split: its predictions, and their `Scores`."""

import numpy as np
import torch
from tqdm.auto import tqdm

from mlcmkd.data.pairs import Pairs
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.evaluation.metrics import Normaliser
from mlcmkd.evaluation.scores import Scores, score_points
from mlcmkd.models import Landmarker
from mlcmkd.schemes import map_indices
from mlcmkd.utils.errors import InputError


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


def score(
    prediction: np.ndarray,
    source_scheme: str,
    pairs: Pairs,
    normaliser: Normaliser = "inter-ocular",
    threshold: float = 0.08,
    *,
    visible: np.ndarray | None = None,
) -> Scores:
    """Predictions (N, K', 2) in their own scheme against the pairs' labels, in the pairs' scheme.

    `visible`, (N, K) bool, says which points of the pairs count; None for all.

    Raises:
        InputError: no labelled pair, the schemes cannot be mapped, or as `score_points`.
    """
    labelled = pairs.labelled.cpu().numpy()
    if not labelled.any():
        raise InputError("none of the pairs is labelled: nothing to score against")
    picked = np.flatnonzero(labelled)
    return score_points(
        prediction[:, list(map_indices(source_scheme, pairs.scheme))][labelled],
        pairs.landmarks.cpu().numpy()[labelled],
        pairs.scheme,
        [pairs.ids[i] for i in picked],
        normaliser=normaliser,
        threshold=threshold,
        visible=None if visible is None else visible[labelled],
        groups=[pairs.groups[i] for i in picked] if pairs.groups else (),
    )


def evaluate_model(
    model: Landmarker,
    pairs: Pairs,
    modality: str,
    normaliser: Normaliser = "inter-ocular",
    threshold: float = 0.08,
    *,
    visible_only: bool = False,
    **options,
) -> Scores:
    """Predicts and scores; `options` go to `predict_pairs`.

    `visible_only` leaves out of each face's mean what the pairs say is hidden.
    """
    prediction = predict_pairs(model, pairs, modality, **options)
    visible = pairs.visible.cpu().numpy() if visible_only and pairs.visible is not None else None
    return score(prediction, model.spec.scheme, pairs, normaliser, threshold, visible=visible)
