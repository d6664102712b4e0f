"""Evaluation of a Landmarker on pairs: predictions, and their `Scores`."""

import numpy as np
import torch
from torch import Tensor

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.modality import Modality
from mlcmkd.data.network_input import network_input
from mlcmkd.data.thermal.model_range import check_model_range
from mlcmkd.evaluation.metrics import Normaliser
from mlcmkd.evaluation.scores import Scores
from mlcmkd.evaluation.scoring import score_points
from mlcmkd.models import Landmarker
from mlcmkd.schemes import get_scheme, map_indices
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.progress import tqdm


def check_input(model: Landmarker, pairs: Pairs, modality: Modality, task: str) -> None:
    """Checks that the pairs have a modality, the model's input size and its range of temperatures.

    Args:
        model: the network that will take the pairs.
        pairs: the data to check.
        modality: "rgb" or "thermal".
        task: the task that needs the modality, for the error message.

    Raises:
        InputError: the pairs lack the modality, were cropped for another input size, or were read over
            another range of temperatures than that of a model with normalisation "fixed".
    """
    pairs.require(modality, task)
    if pairs.input_px != model.spec.input_px:
        raise InputError(
            f"the model takes {model.spec.input_px} px input, but the pairs were cropped for "
            f"{pairs.input_px} px; load them with input_px={model.spec.input_px}"
        )
    if modality == "thermal":
        spec = model.spec
        check_model_range(spec.radiometry, pairs.radiometry, spec.normalisation, "the pairs")


@torch.no_grad()
def predict_pairs(
    model: Landmarker,
    pairs: Pairs,
    modality: Modality,
    *,
    batch: int = 64,
    device: torch.device | str | None = None,
    inputs: Tensor | None = None,
    flip: bool = False,
    progress: bool = False,
) -> np.ndarray:
    """Predicts the landmarks of every pair, in evaluation mode; the mode of the model is restored.

    Args:
        model: the network.
        pairs: N pairs with that modality.
        modality: "rgb" or "thermal", the images that the model gets. It may differ from the
            modality of its training: an RGB model on thermal images measures the modality gap.
        batch: pairs per forward pass.
        device: None for the device of the model.
        inputs: the `network_inputs` of these pairs, where the pairs are predicted several times; None
            to make them batch by batch.
        flip: mean of the predictions on the image and on its mirror image, at twice the time.
        progress: show a progress bar.

    Returns:
        (N, K, 2) float32, centred coordinates.

    Raises:
        InputError: the pairs lack the modality, or were cropped for another input size.
    """
    check_input(model, pairs, modality, "evaluation")
    device = torch.device(device) if device else next(model.parameters()).device
    training = model.training
    model.eval()
    coordinates = []
    blocks = torch.arange(len(pairs)).split(batch)
    for index in tqdm(blocks, desc="predicting", unit="batch", disable=not progress, leave=False):
        images = network_input(pairs, index, modality) if inputs is None else inputs[index]
        images = images.to(device)
        found = model(images).coordinates.float()
        if flip:
            mirrored = model(images.flip(-1)).coordinates.float()
            found = (found + mirror(mirrored, model.spec.scheme)) / 2
        coordinates.append(found.cpu())
    model.train(training)
    return torch.cat(coordinates).numpy()


def mirror(coordinates: Tensor, scheme: str) -> Tensor:
    """Landmarks of mirrored images in the images that were mirrored, or the other way round.

    Args:
        coordinates: (..., K, 2) centred coordinates.
        scheme: name of their landmark scheme; left and right points exchange their places.
    """
    return coordinates[..., list(get_scheme(scheme).flip), :] * coordinates.new_tensor((-1, 1))


def score(
    prediction: np.ndarray,
    source_scheme: str,
    pairs: Pairs,
    normaliser: Normaliser = "inter-ocular",
    threshold: float = 0.08,
    *,
    visible: np.ndarray | None = None,
) -> Scores:
    """Scores predictions against the labels of pairs; pairs without a label are left out.

    Args:
        prediction: (N, K', 2) in `source_scheme`, centred coordinates.
        source_scheme: landmark scheme of the predictions; mapped to the scheme of the pairs.
        normaliser: see `mlcmkd.evaluation.metrics.NORMALISERS`.
        threshold: NME threshold of the failure rate (FR) and the area under the curve (AUC), a share.
        visible: (N, K) bool, which points of the pairs count; None for all.

    Raises:
        InputError: no pair is labelled, the schemes cannot be mapped, or as `score_points`.
    """
    labelled = pairs.labelled.cpu().numpy()
    if not labelled.any():
        raise InputError("none of the pairs is labelled, so there is nothing to score against")
    rows = np.flatnonzero(labelled)
    return score_points(
        prediction[:, list(map_indices(source_scheme, pairs.scheme))][labelled],
        pairs.landmarks.cpu().numpy()[labelled],
        pairs.scheme,
        [pairs.ids[i] for i in rows],
        normaliser=normaliser,
        threshold=threshold,
        visible=None if visible is None else visible[labelled],
        groups=[pairs.groups[i] for i in rows] if pairs.groups else (),
    )


def evaluate_model(
    model: Landmarker,
    pairs: Pairs,
    modality: Modality,
    normaliser: Normaliser = "inter-ocular",
    threshold: float = 0.08,
    *,
    visible_only: bool = False,
    **options,
) -> Scores:
    """Predicts the landmarks of pairs and scores them.

    Args:
        visible_only: leave out points that the pairs mark as hidden.
        options: further arguments of `predict_pairs`.

    Other arguments, and errors, as in `predict_pairs` and `score`.
    """
    prediction = predict_pairs(model, pairs, modality, **options)
    visible = pairs.visible.cpu().numpy() if visible_only and pairs.visible is not None else None
    return score(prediction, model.spec.scheme, pairs, normaliser, threshold, visible=visible)
