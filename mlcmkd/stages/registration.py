"""The step of `transfer` that registers the training pairs by landmarks before they are distilled."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from mlcmkd.data.dataset import Pairs
from mlcmkd.distillation.registration.config import RegistrationConfig
from mlcmkd.distillation.registration.estimate import (
    Registered,
    in_rgb_image,
    register_shapes,
)
from mlcmkd.distillation.registration.report import lines, rows, summary
from mlcmkd.evaluation.evaluate import predict_pairs
from mlcmkd.models import Landmarker
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.processes import is_first
from mlcmkd.utils.progress import tqdm


@dataclass(frozen=True)
class RegisteredPairs:
    """Pairs of one source after registration.

    Attributes:
        pairs: the pairs with their maps, without the unlabelled pairs that were left out.
        rows: rows of registration.csv, one for each pair before registration.
        summary: the entry of result.json.
    """

    pairs: Pairs
    rows: list[dict[str, Any]]
    summary: dict[str, Any]


def register_pairs(
    pairs: Pairs,
    teacher: Landmarker,
    student_shapes: np.ndarray | None,
    config: RegistrationConfig,
) -> RegisteredPairs:
    """Registers the pairs of one source, and prints what was found.

    Labels of unlabelled pairs are not used.

    Args:
        pairs: N training pairs with both images.
        teacher: network with RGB input.
        student_shapes: (N, K, 2) landmarks that a thermal student predicts, centred coordinates; None
            if every pair has a label of every landmark.
        config: parameters of the registration; `motion` is not "none".

    Raises:
        InputError: a prediction is not finite.
    """
    thermal = _thermal_shapes(pairs, student_shapes)
    labelled = pairs.fully_labelled.numpy()
    found = register_shapes(thermal, labelled, partial(_rgb_shapes, pairs, teacher), config)
    result = summary(found, pairs.input_px)
    for line in lines(result, pairs.input_px) if is_first() else ():
        tqdm.write(f"registration: {line}")
    return RegisteredPairs(_applied(pairs, found), rows(found, pairs.ids, pairs.input_px), result)


def thermal_shapes_of(first: Landmarker, parts: Sequence[Pairs]) -> list[np.ndarray]:
    """The landmarks that a thermal student predicts for the pairs of each source.

    Args:
        first: the student; it may have points that the pairs lack.
        parts: the pairs of each source, cropped to the student's input size.

    Returns:
        For each source (N, K, 2), centred coordinates.
    """
    first = first.for_scheme(parts[0].scheme)
    return [predict_pairs(first, part.only({"thermal"}), "thermal") for part in parts]


def _thermal_shapes(pairs: Pairs, predicted: np.ndarray | None) -> np.ndarray:
    """The labels; for points without a label, the predictions."""
    known = (pairs.labelled[:, None, None] & ~pairs.landmarks.isnan()).numpy()
    if predicted is None:
        return pairs.landmarks.numpy()
    _check_finite(predicted, "the first student")
    return np.where(known, pairs.landmarks.numpy(), predicted)


def _rgb_shapes(pairs: Pairs, teacher: Landmarker, maps: np.ndarray | None) -> np.ndarray:
    """The teacher's landmarks in coordinates of the RGB images; its input is warped by the maps."""
    cut = replace(pairs.only({"rgb"}), rgb_maps=None if maps is None else _as_tensor(maps))
    predicted = predict_pairs(teacher, cut, "rgb")
    _check_finite(predicted, "the teacher")
    return in_rgb_image(predicted, maps)


def _applied(pairs: Pairs, found: Registered) -> Pairs:
    """The pairs with their maps, without pairs that have neither a label nor a registered RGB image."""
    registered = replace(pairs, rgb_maps=_as_tensor(found.maps))
    if not found.left_out.any():
        return registered
    paired = torch.from_numpy(~found.left_out)
    kept = torch.nonzero(paired | pairs.labelled).flatten().tolist()
    return replace(registered, paired=paired).subset(kept)


def _as_tensor(maps: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(maps.astype(np.float32))


def _check_finite(shapes: np.ndarray, who: str) -> None:
    if not np.isfinite(shapes).all():
        raise InputError(
            f"registration: a prediction of {who} is not finite; train it with a smaller learning rate"
        )
