"""Pairs whose images do not belong together, by what is left between their shapes after registration.

The residual of a right pair is the error of two networks; many small causes multiply in it, so its
logarithm is about normal. The residual of a wrong pair is the difference between two faces. Median and
median absolute deviation (MAD) of the logarithms describe the right pairs even if some are wrong. A face
that one of the networks misses has a large residual, too: its map is not to be trusted either.
"""

import numpy as np

# Limit in standard deviations of the logarithm. Our choice: 0.6 % of a normal distribution are above it.
# A right pair that is left out costs little, a wrong one that stays teaches another face.
DEVIATIONS = 2.5
_MAD = 1.4826  # standard deviation of a normal distribution / its MAD
FEWEST = 20  # pairs; of fewer a limit says too little, and none is left out


def residual_limit(residuals: np.ndarray) -> float:
    """The residual above which a pair counts as wrong; infinity for fewer than 20 pairs.

    Args:
        residuals: (N,) above 0, in any unit.
    """
    if len(residuals) < FEWEST:
        return np.inf
    logarithms = np.log(np.maximum(residuals, np.finfo(float).tiny))
    median = np.median(logarithms)
    spread = _MAD * np.median(np.abs(logarithms - median))
    return float(np.exp(median + DEVIATIONS * spread))
