"""Measures of modality invariance: the similarity of RGB and thermal features of the same face.

There are four measures; none of them replaces another:

- Head exchange: normalised mean error (NME) of the features of each modality with each head. With
  invariant features the other model's head is as accurate as the own head.
- Linear CKA (centred kernel alignment): are both feature maps equal up to a rotation and a scale? It is
  1 for invariant features. The output of a head depends on a rotation, so CKA can be high although
  exchanged heads fail. All faces have the same position in the crop, which raises the CKA of any two
  landmark networks. So CKA is compared with the CKA of different faces.
- Recall@1: is the RGB image of the same face nearest to the thermal image? It is 1 for invariant
  features; chance is 1 / faces.
- Probe accuracy: can a linear classifier predict the modality? It is 0.5 for invariant features and 1
  for separable ones. A constant offset makes the modalities separable. Recall ignores such an offset,
  because it centres the features.
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
