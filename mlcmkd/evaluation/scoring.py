"""Scores of predicted landmarks against annotated ones: checks, and selection of scorable faces."""

from collections.abc import Sequence

import numpy as np

from mlcmkd.data.manifest import groups_in
from mlcmkd.evaluation.metrics import (
    Normaliser,
    near_frontal,
    normaliser_length,
    point_errors,
)
from mlcmkd.evaluation.scores import FULL, Scores
from mlcmkd.utils.errors import InputError


def score_points(
    prediction: np.ndarray,
    target: np.ndarray,
    scheme: str,
    ids: Sequence[str],
    *,
    normaliser: Normaliser = "inter-ocular",
    threshold: float = 0.08,
    visible: np.ndarray | None = None,
    groups: Sequence[str | None] = (),
) -> Scores:
    """Scores predicted landmarks against annotated ones.

    Args:
        prediction: (N, K, 2); all NaN for a face that was not found.
        target: (N, K, 2) in the same scheme and unit; NaN where a landmark is not annotated.
        scheme: landmark scheme of the K points.
        ids: N names.
        normaliser: see `mlcmkd.evaluation.metrics.NORMALISERS`.
        threshold: NME threshold of the failure rate (FR) and the area under the curve (AUC), a share.
        visible: (N, K) bool; False leaves a point out of the mean of its face. The normaliser still uses
            an annotated point that is left out. None for all points.
        groups: N names of groups, joined by "+" where a face is in several, None for a face without
            a group; empty if there are no groups.

    Raises:
        InputError: a prediction of only some points of a face, a face whose normaliser length is
            zero, no face that can be scored, or a group named like a column of the tables.
    """
    _check_groups(groups)
    _check_whole_faces(prediction, ids)
    annotated = np.isfinite(target).all(axis=-1)
    if visible is not None:
        annotated &= visible
    length = normaliser_length(target, scheme, normaliser)
    for face in np.flatnonzero(length == 0):
        raise InputError(
            f"face '{ids[face]}': its {normaliser} distance is zero; correct its points"
        )
    usable = annotated.any(axis=1) & np.isfinite(length)
    if not usable.any():
        raise InputError(
            "no face can be scored: none has an annotated point and the points that the "
            f"{normaliser} distance needs; try another normaliser"
        )
    errors = point_errors(prediction[usable], target[usable], scheme, normaliser)
    return Scores(
        errors=np.where(annotated[usable], errors, np.nan),
        normaliser=normaliser,
        threshold=threshold,
        scheme=scheme,
        frontal=near_frontal(target[usable], scheme),
        prediction=prediction[usable],
        ids=tuple(name for name, has in zip(ids, usable, strict=True) if has),
        groups=tuple(g for g, has in zip(groups, usable, strict=True) if has) if groups else (),
        left_out=tuple(name for name, has in zip(ids, usable, strict=True) if not has),
    )


def _check_groups(groups: Sequence[str | None]) -> None:
    """Checks that no group has the name of a column of ced.csv."""
    if {FULL, "nme"} & {name for group in groups for name in groups_in(group)}:
        raise InputError(f"a group cannot be called '{FULL}' or 'nme'; rename it")


def _check_whole_faces(prediction: np.ndarray, ids: Sequence[str]) -> None:
    """Checks that a prediction (N, K, 2) has all points of each face or none."""
    missing = ~np.isfinite(prediction).all(axis=-1)
    for face in np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1)):
        raise InputError(
            f"face '{ids[face]}': {int(missing[face].sum())} of its {missing.shape[1]} predicted "
            "points are not numbers; predict all of them, or none if the face was not found"
        )
