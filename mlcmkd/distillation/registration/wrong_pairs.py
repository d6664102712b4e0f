"""Detection of pairs whose images do not show the same face, by the residual after registration.

The residual of a correct pair is the error of two networks. It is a product of many small factors, so
its logarithm is approximately normal. The residual of a wrong pair is the difference between two faces.
The median and the median absolute deviation (MAD) of the logarithms describe the correct pairs even if
some pairs are wrong. If one of the networks misses a face, the residual is large as well, and the map of
that pair is not reliable either.
"""

import numpy as np

# Limit in standard deviations of the logarithm. Our choice: 0.6 % of a normal distribution are above it.
# To leave out a correct pair costs little; to keep a wrong one trains on landmarks of another face.
DEVIATIONS = 2.5
_MAD = 1.4826  # standard deviation of a normal distribution / its MAD
FEWEST = 20  # pairs; with fewer, the limit is too uncertain, and no pair is left out


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
