"""Modality invariance in numbers: how far RGB and thermal features describe a face alike.

Four measures; none of them replaces another:

- Head exchange: NME of the features of either modality under either head. Invariant features: the
  other model's head is as good as the features' own.
- Linear CKA: are both feature maps equal up to a rotation and a scale? Invariant: 1. A head does
  notice a rotation, so CKA can be high although exchanged heads fail. Any two landmark networks see
  faces at the same position of the crop, so CKA is compared with the CKA of different faces.
- Recall@1: is the thermal image of a face nearest to the RGB image of the same face? Invariant: 1;
  chance is 1 / faces.
- Probe accuracy: can a linear classifier tell the modality? Invariant: 0.5; separable: 1. A
  constant offset makes modalities separable, while recall, which centres the features, ignores it.
"""

from mlcmkd.evaluation.invariance.comparison import FEWEST, Invariance, measure_invariance
from mlcmkd.evaluation.invariance.features import descriptors, modality_features, place_rows
from mlcmkd.evaluation.invariance.measures import linear_cka, probe_accuracy, recall_at_k
from mlcmkd.evaluation.invariance.projections import (
    FeatureColours,
    fit_colours,
    joint_embedding,
    pca_colours,
)

__all__ = [
    "FEWEST",
    "FeatureColours",
    "Invariance",
    "descriptors",
    "fit_colours",
    "joint_embedding",
    "linear_cka",
    "measure_invariance",
    "modality_features",
    "pca_colours",
    "place_rows",
    "probe_accuracy",
    "recall_at_k",
]
