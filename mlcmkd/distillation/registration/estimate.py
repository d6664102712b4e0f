"""From the shapes of pairs to their registration."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlcmkd.distillation.registration.config import RegistrationConfig
from mlcmkd.distillation.registration.motion import apply_maps, fit_motion, maps_of, residuals
from mlcmkd.distillation.registration.shrinkage import Shrunk, shrink
from mlcmkd.distillation.registration.wrong_pairs import residual_limit

# Shift, as a share of the input's side, from which distillation with unlabelled pairs no longer pays:
# 2 px of 64, see docs/results/misaligned_pairs.md.
TOLERABLE = 0.03
# Share below which the student's error is larger than what it has to measure.
HALF = 0.5

# RGB shapes (N, K, 2) in centred coordinates of the RGB images, predicted on images that are cut through
# these maps (N, 2, 3); None for images as they are.
PredictRGB = Callable[[np.ndarray | None], np.ndarray]


@dataclass(frozen=True)
class Registered:
    """Maps of pairs and how far they can be trusted. Lengths are shares of the input's side.

    Attributes:
        maps: (N, 2, 3) from thermal to RGB coordinates.
        residual: (N,) mean distance between the shapes of each pair after its own map.
        labelled: (N,) bool, pairs with a label of every landmark.
        shrunk: the parameters of the maps, and the shares.
        wrong: (N,) bool, pairs whose images do not belong together.
        limit: residual above which a pair counts as wrong.
    """

    maps: np.ndarray
    residual: np.ndarray
    labelled: np.ndarray
    shrunk: Shrunk
    wrong: np.ndarray
    limit: float

    @property
    def remaining(self) -> float:
        """Expected distance by which unlabelled pairs are still apart; NaN if unknown."""
        return float(np.sqrt(2) * self.shrunk.remaining[0])

    @property
    def followed(self) -> bool:
        """Whether the student's shapes are good enough to align the unlabelled pairs.

        They are not if its error is larger than the spread of the labelled pairs and the distance that
        remains after the registration costs more accuracy than unlabelled pairs gain.
        """
        return not (self.shrunk.shares[0] < HALF and self.remaining > TOLERABLE)

    @property
    def left_out(self) -> np.ndarray:
        """(N,) bool, pairs that take no part in the distillation."""
        return self.wrong if self.followed else self.wrong | ~self.labelled


def register_shapes(
    thermal: np.ndarray,
    labelled: np.ndarray,
    predict_rgb: PredictRGB,
    config: RegistrationConfig,
) -> Registered:
    """Registers pairs by their shapes.

    Args:
        thermal: (N, K, 2) landmarks of the thermal images: labels, or a student's predictions.
        labelled: (N,) bool, which of them are labels.
        predict_rgb: the teacher.
        config: `motion` is not "none".
    """
    maps: np.ndarray | None = None
    for _ in range(config.rounds):
        rgb = predict_rgb(maps)
        parameters = fit_motion(thermal, rgb, config.motion)
        maps = maps_of(parameters, thermal)
    residual = residuals(maps, thermal, rgb)
    limit = residual_limit(residual) if config.leave_out else np.inf
    wrong = residual > limit
    shrunk = shrink(parameters, labelled, ~wrong)
    maps = maps_of(shrunk.parameters, thermal)
    return Registered(maps, residual, labelled, shrunk, wrong, limit)


def in_rgb_image(shapes: np.ndarray, maps: np.ndarray | None) -> np.ndarray:
    """Shapes predicted on images that were cut through maps, in coordinates of the whole images."""
    return shapes if maps is None else apply_maps(maps, shapes)
