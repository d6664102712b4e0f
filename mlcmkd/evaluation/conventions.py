"""Hints that predictions follow another convention than the annotations.

The conventions are the order of x and y, the order of the points, the image size, and whether pixels are
counted from 0 or 1.
"""

import numpy as np

from mlcmkd.schemes import get_scheme

# A hint is given if the median error becomes this many times smaller.
_TIMES = 2.0
# Factors of x and y within 5 % of 1 do not indicate another image size.
_LOG_FACTOR = np.log(1.05)
# Largest difference of the mean offset from one pixel, and the largest standard error of that offset.
_OFFSET_PX, _OFFSET_ERROR_PX = 0.2, 0.1


def convention_hints(prediction: np.ndarray, target: np.ndarray, scheme: str) -> list[str]:
    """Checks whether predictions follow another convention than the annotations.

    Four differences are checked: x and y are exchanged; left and right are exchanged in the order of the
    points; the predictions are pixels of an image of another size, or percent of it; pixels are counted
    from 0 and from 1. The scores are not changed.

    Args:
        prediction: (N, K, 2) pixels; NaN for a face that was not found.
        target: (N, K, 2) pixels; NaN for a point that is not annotated.
        scheme: landmark scheme of both.

    Returns:
        one line per likely difference; empty if there is none.
    """
    both = (np.isfinite(prediction) & np.isfinite(target)).all(axis=-1)
    used = both.any(axis=1)
    if not used.any():
        return []
    prediction, target = prediction[used], np.where(both[..., None], target, np.nan)[used]
    found, now = [], _median_error(prediction, target)
    for convention, changed in (
        ("x and y exchanged", prediction[..., ::-1]),
        ("left and right exchanged", prediction[:, list(get_scheme(scheme).flip)]),
    ):
        then = _median_error(changed, target)
        if then * _TIMES < now:
            found.append(
                f"with {convention} the predictions are {then:.1f} instead of {now:.1f} pixels from the "
                "annotations (median of the faces); check their order"
            )
    times = _best_factors(prediction, target)
    then = _median_error(prediction * times, target)
    if then * _TIMES < now and (np.abs(np.log(times)) > _LOG_FACTOR).any():
        found.append(
            f"with x multiplied by {times[0]:.3g} and y by {times[1]:.3g} the predictions are "
            f"{then:.1f} instead of {now:.1f} pixels from the annotations (median of the faces); do "
            "they refer to images of another size?"
        )
    offsets = np.nanmean(prediction - target, axis=1)
    if len(offsets) > 1:
        offset, spread = offsets.mean(axis=0), offsets.std(axis=0, ddof=1) / np.sqrt(len(offsets))
        by_one = any((np.abs(offset - one) < _OFFSET_PX).all() for one in (-1, 1))
        if by_one and (spread < _OFFSET_ERROR_PX).all():
            found.append(
                f"the predictions are {offset[0]:+.2f}, {offset[1]:+.2f} pixels from the annotations "
                "on average: does one of them count pixels from 0 and the other from 1? (In .pts files "
                "pixels count from 1, in tables from 0.)"
            )
    return found


def _best_factors(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Returns the median ratios of annotations to predictions for x and y, (2,), above 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = target / prediction
    ratios[~np.isfinite(ratios) | (ratios <= 0)] = np.nan
    factors = [np.nanmedian(axis) if np.isfinite(axis).any() else 1.0 for axis in ratios.T]
    return np.array(factors)


def _median_error(prediction: np.ndarray, target: np.ndarray) -> float:
    """Returns the median over faces of the mean distance of the points, pixels."""
    return float(np.median(np.nanmean(np.linalg.norm(prediction - target, axis=-1), axis=1)))
