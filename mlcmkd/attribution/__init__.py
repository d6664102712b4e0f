"""Which pixels a landmark, or a group of landmarks, was found by; and whether to believe it.

`attribute` explains by any method of `METHODS`; `trust` and `curves` ask whether a map says something
about the network; `agreement` asks whether RGB and thermal networks look at the same places.
"""

from mlcmkd.attribution.agreement import Agreement, agreement, spearman, top_overlap
from mlcmkd.attribution.baselines import Baseline, baseline_of
from mlcmkd.attribution.curves import Curve, pixel_curve
from mlcmkd.attribution.each import integrated_gradients_each
from mlcmkd.attribution.explain import Attribution, attribute, integrated_gradients
from mlcmkd.attribution.methods import METHODS, MethodName, Settings
from mlcmkd.attribution.regions import region_labels
from mlcmkd.attribution.scalars import (
    Scalar,
    Target,
    groups_of,
    landmark_indices,
    predicted,
)
from mlcmkd.attribution.trust import (
    Convergence,
    Randomisation,
    convergence,
    infidelity,
    randomisation,
    randomised,
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
    "integrated_gradients_each",
    "landmark_indices",
    "pixel_curve",
    "predicted",
    "randomisation",
    "randomised",
    "region_labels",
    "sensitivity",
    "spearman",
    "top_overlap",
]
