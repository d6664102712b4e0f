"""Measures of similarity between two sets of features: linear CKA, recall, and a modality probe."""

import numpy as np

from mlcmkd.utils.errors import InputError

FOLDS = 5  # of the probe's cross-validation


def linear_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Linear centred kernel alignment (CKA) of two sets of features of the same n items, 0 to 1.

    ||Y'X||^2 / (||X'X|| ||Y'Y||) with Frobenius norms and centred columns: Kornblith et al. (2019),
    "Similarity of neural network representations revisited", section 3. A rotation or an isotropic
    scale of either set changes nothing. The matrices have the size of the feature dimensions,
    whatever n.

    Args:
        x: (n, p).
        y: (n, q), the same items in the same order. n must be far above p and q: with few rows CKA
            is high even between unrelated features.

    Returns:
        the CKA; 0 where either set is constant.

    Raises:
        InputError: the numbers of rows differ.
    """
    if len(x) != len(y):
        raise InputError(f"CKA compares row by row, but there are {len(x)} rows and {len(y)}")
    x = np.asarray(x, dtype=np.float64) - np.mean(x, axis=0, dtype=np.float64)
    y = np.asarray(y, dtype=np.float64) - np.mean(y, axis=0, dtype=np.float64)
    scale = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    return float(np.linalg.norm(y.T @ x) ** 2 / scale) if scale > 0 else 0.0


def recall_at_k(queries: np.ndarray, gallery: np.ndarray, k: int = 1) -> float:
    """Share of queries whose counterpart is among the k nearest in the gallery.

    Nearness is cosine similarity. First each modality is centred on its own mean, which requires no
    known pairs. Without centring, features after a ReLU are all non-negative, so every cosine is near 1,
    and a constant offset between the modalities would decide which face is nearest. `probe_accuracy`
    measures this offset; recall measures whether faces differ from one another in the same way in both
    modalities.

    Ties get the expected value of a random order: features that are the same for every face have a
    recall of k / N, the chance level.

    Args:
        queries: (N, D) descriptors, such as those of thermal images.
        gallery: (N, D) descriptors of the counterparts, in the same order.
        k: number of nearest faces that count, 1 to N.

    Raises:
        InputError: the shapes differ, or k is not within 1 to N.
    """
    if queries.shape != gallery.shape:
        raise InputError(
            f"queries and gallery must have equal shapes, not {queries.shape} and {gallery.shape}"
        )
    if not 1 <= k <= len(queries):
        raise InputError(f"k = {k} must be between 1 and the number of faces, {len(queries)}")
    similarity = _unit_vectors(queries) @ _unit_vectors(gallery).T
    own = np.diag(similarity)[:, None]
    nearer = (similarity > own).sum(axis=1)
    equally_near = (similarity == own).sum(axis=1)  # including the counterpart itself
    return float(np.clip((k - nearer) / equally_near, 0, 1).mean())


def _unit_vectors(vectors: np.ndarray) -> np.ndarray:
    """Rows centred on their mean and scaled to length 1; a row at the mean stays 0."""
    centred = np.asarray(vectors, dtype=np.float64) - np.mean(vectors, axis=0, dtype=np.float64)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)


def probe_accuracy(rgb: np.ndarray, thermal: np.ndarray, subjects: tuple[str, ...]) -> float:
    """Cross-validated accuracy of a linear classifier of the modality, 0 to 1; chance is 0.5.

    Logistic regression on standardised features, at most five folds. All images of a subject, of
    both modalities, are in one fold: otherwise the classifier could recognise the face instead of
    the modality. Both classes are equally frequent in every fold.

    Args:
        rgb, thermal: (N, D) features of both modalities of N pairs.
        subjects: name of the subject of each pair, N.

    Raises:
        InputError: fewer than two subjects.
    """
    count = len(set(subjects))
    if count < 2:
        raise InputError(
            "the modality probe is tested on subjects outside its training folds: give pairs of two or "
            "more subjects"
        )
    # Imported here: scikit-learn takes seconds to import, and most commands and lessons do not need it.
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    accuracies = cross_val_score(
        probe,
        np.concatenate([rgb, thermal]),
        np.repeat([0, 1], len(rgb)),
        groups=np.tile(subjects, 2),
        cv=GroupKFold(min(FOLDS, count)),
    )
    return float(accuracies.mean())
