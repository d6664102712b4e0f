"""From the shapes of pairs to their registration."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlcmkd.distillation.registration.config import RegistrationConfig
from mlcmkd.distillation.registration.motion import apply_maps, fit_motion, maps_of, residuals
from mlcmkd.distillation.registration.shrinkage import Shrunk, shrink
from mlcmkd.distillation.registration.wrong_pairs import residual_limit

# Shift, as a share of the input's side, above which distillation with unlabelled pairs no longer lowers
# the error: 2 px of 64, see docs/results/misaligned_pairs.md.
TOLERABLE = 0.03
# Remaining shift, as a share of the input's side, from which the report mentions it: 1.3 px of 64. Our
# choice, two thirds of what is tolerable.
NOTICEABLE = 0.02
# Share below which the student's error is larger than the shifts that it has to measure.
HALF = 0.5

# A function from maps (N, 2, 3) to RGB shapes (N, K, 2), in centred coordinates of the whole RGB images.
# It predicts the shapes on images that are cropped by the maps; None stands for the whole images.
PredictRGB = Callable[[np.ndarray | None], np.ndarray]


@dataclass(frozen=True)
class Registered:
    """Maps of pairs and their accuracy. Lengths are shares of the input's side.

    Attributes:
        maps: (N, 2, 3) from thermal to RGB coordinates.
        residual: (N,) mean distance between the shapes of each pair after its own map.
        labelled: (N,) bool, pairs with a label of every landmark.
        shrunk: the parameters of the maps, and the shares.
        wrong: (N,) bool, pairs whose images do not show the same face.
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
        """Expected distance between the images of unlabelled pairs after registration, or NaN."""
        return float(np.sqrt(2) * self.shrunk.remaining[0])

    @property
    def followed(self) -> bool:
        """Whether the student's shapes are accurate enough to align the unlabelled pairs.

        False if both hold: the student's error is larger than the spread of the labelled pairs, and the
        distance that remains after the registration is above `TOLERABLE`.
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
        predict_rgb: predicts the RGB landmarks, by the teacher.
        config: settings, with a `motion` other than "none".

    Returns:
        the maps; those of unlabelled pairs are shrunk towards the mean of the labelled pairs.
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
    """Converts shapes (N, K, 2) that were predicted on images cropped by maps to the whole images."""
    return shapes if maps is None else apply_maps(maps, shapes)
