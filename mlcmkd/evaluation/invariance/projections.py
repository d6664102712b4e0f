"""Visualisation of features: principal components as colours, descriptors in a plane."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from torch import Tensor

from mlcmkd.evaluation.invariance.features import place_rows
from mlcmkd.utils.errors import InputError

# At run time it is imported where it is used: scikit-learn takes seconds to import, and most commands
# and lessons do not need it.
if TYPE_CHECKING:
    from sklearn.decomposition import PCA


@dataclass(frozen=True)
class FeatureColours:
    """A map from features to colours: three principal components, each scaled to [0, 1].

    Attributes:
        pca: fitted with three components.
        low, high: (3,) values of each component that become 0 and 1.
    """

    pca: "PCA"
    low: np.ndarray
    high: np.ndarray

    def paint(self, features: Tensor) -> np.ndarray:
        """Features (N, C, h, w) as RGB images, (N, h, w, 3) in [0, 1]."""
        components = self.pca.transform(place_rows(features.detach().cpu()))
        scaled = np.clip((components - self.low) / np.maximum(self.high - self.low, 1e-12), 0, 1)
        count, _, height, width = features.shape
        return scaled.reshape(count, height, width, 3)


def fit_colours(*features: Tensor) -> FeatureColours:
    """Fits the first three principal components of all given features together.

    The 2nd percentile of each component becomes 0, the 98th becomes 1. So the colours do not show the
    variance of a component: one with a small variance has colours as strong as one with a large
    variance.

    Args:
        features: one or more of shape (N, C, h, w), with the same C of at least 3.
    """
    from sklearn.decomposition import PCA

    rows = np.concatenate([place_rows(maps.detach().cpu()) for maps in features])
    pca = PCA(n_components=3)
    low, high = np.percentile(pca.fit_transform(rows), [2, 98], axis=0)
    return FeatureColours(pca, low, high)


def pca_colours(
    teacher_features: Tensor, student_features: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Features of both modalities as images: three principal components as red, green and blue.

    The components are fitted and scaled on both modalities together (`fit_colours`), so equal
    colours mean equal features.

    Args:
        teacher_features: (N, C, h, w), of RGB images.
        student_features: (N, C, h, w), of thermal images.

    Returns:
        two arrays (N, h, w, 3) in [0, 1].
    """
    colours = fit_colours(teacher_features, student_features)
    return colours.paint(teacher_features), colours.paint(student_features)


def joint_embedding(
    x: np.ndarray, y: np.ndarray, seed: int = 0, method: Literal["pca", "tsne"] = "pca"
) -> tuple[np.ndarray, np.ndarray]:
    """Embeds the descriptors of both modalities in one plane.

    "pca" is a projection, so an offset between modalities remains an offset. "tsne" (van der Maaten
    and Hinton, 2008) keeps neighbours together; distances between its clusters have no meaning.

    Args:
        x, y: (N, D) descriptors, such as RGB and thermal.
        seed: random state of the method.
        method: "pca" or "tsne".

    Returns:
        the points of `x` and those of `y`, (N, 2) each.

    Raises:
        InputError: an unknown method.
    """
    both = np.concatenate([x, y])
    if method == "pca":
        from sklearn.decomposition import PCA

        points = PCA(n_components=2, random_state=seed).fit_transform(both)
    elif method == "tsne":
        from sklearn.manifold import TSNE

        # The usual perplexity of 30, or the largest that few points allow.
        perplexity = min(30.0, (len(both) - 1) / 3)
        points = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(both)
    else:
        raise InputError(f"embedding '{method}' is unknown; use pca or tsne")
    return points[: len(x)], points[len(x) :]
