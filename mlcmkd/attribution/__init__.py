"""Attribution: which pixels contribute to the prediction of a landmark or a group of landmarks.

`attribute` applies any method of `METHODS`. `trust` and `curves` test whether a map depends on the
network; `agreement` measures whether RGB and thermal networks use the same pixels.
"""

from mlcmkd.attribution.agreement import Agreement, agreement, spearman, top_overlap
from mlcmkd.attribution.baselines import Baseline, baseline_of
from mlcmkd.attribution.curves import Curve, pixel_curve
from mlcmkd.attribution.explain import Attribution, attribute, integrated_gradients
from mlcmkd.attribution.methods import METHODS, MethodName, Settings
from mlcmkd.attribution.per_landmark import integrated_gradients_per_landmark
from mlcmkd.attribution.regions import region_labels
from mlcmkd.attribution.scalars import (
    Scalar,
    Target,
    groups_of,
    landmark_indices,
    predict,
)
from mlcmkd.attribution.trust import (
    Convergence,
    Randomisation,
    convergence,
    infidelity,
    randomisation,
    randomised_copies,
    sensitivity,
)

__all__ = [
    "METHODS",
    "Agreement",
    "Attribution",
    "Baseline",
    "Convergence",
    "Curve",
    "MethodName",
    "Randomisation",
    "Scalar",
    "Settings",
    "Target",
    "agreement",
    "attribute",
    "baseline_of",
    "convergence",
    "groups_of",
    "infidelity",
    "integrated_gradients",
    "integrated_gradients_per_landmark",
    "landmark_indices",
    "pixel_curve",
    "predict",
    "randomisation",
    "randomised_copies",
    "region_labels",
    "sensitivity",
    "spearman",
    "top_overlap",
]
