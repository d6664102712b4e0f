"""Deviations that are fitted to errors, and how well they describe them."""

import numpy as np
import pytest

from mlcmkd.evaluation.calibration import (
    FEWEST,
    fit_deviation,
    measure_coverage,
    rank_correlation,
)
from mlcmkd.utils.errors import InputError


def normal_errors(scale: float, power: float, faces: int = 100, seed: int = 0):
    """Spreads (N, 20), and normal errors whose standard deviation is scale * spread ** power."""
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.02, 0.08, (faces, 20))
    deviation = scale * spread**power
    return spread, rng.normal(size=(faces, 20, 2)) * deviation[..., None]


@pytest.mark.parametrize(("scale", "power"), [(1.0, 1.0), (3.0, 1.5), (0.02, 0.0)])
def test_the_fit_finds_the_deviation_of_normal_errors(scale, power):
    spread, errors = normal_errors(scale, power)
    found = fit_deviation(spread, errors)
    assert found[1] == pytest.approx(power, abs=0.1)
    for value in (0.02, 0.04, 0.08):
        assert found[0] * value ** found[1] == pytest.approx(scale * value**power, rel=0.05)
    held = measure_coverage(found[0] * spread ** found[1], errors)
    assert held.within_one == pytest.approx(0.683, abs=0.02)
    assert held.within_two == pytest.approx(0.954, abs=0.01)


def pinball(level: float, power: float, spread: np.ndarray, errors: np.ndarray) -> float:
    """The loss of the docstring, coordinate by coordinate."""
    terms = []
    for width, both in zip(spread.ravel(), errors.reshape(-1, 2), strict=True):
        for error in both:
            for times, share in ((1, 0.6827), (2, 0.9545)):
                excess = np.log(abs(error) / times) - level - power * np.log(width)
                slope = share if excess > 0 else share - 1
                terms.append(slope * excess / (share * (1 - share)))
    return float(np.mean(terms))


def test_no_other_calibration_has_a_lower_loss():
    spread, errors = normal_errors(2.0, 1.2, faces=12)
    errors *= np.random.default_rng(1).lognormal(0, 0.5, (12, 20, 1))  # tails that are not normal
    scale, power = fit_deviation(spread, errors)
    best = pinball(np.log(scale), power, spread, errors)
    middle = np.log(spread).mean()
    for level, slope in [(0.1, 0), (-0.1, 0), (0, 0.2), (0, -0.2), (0.1, 0.2), (-0.1, 0.2)]:
        # a change of the power turns the function around the mean spread
        moved = np.log(scale) + level - slope * middle
        assert pinball(moved, power + slope, spread, errors) > best


def test_single_large_errors_hardly_matter():
    spread, errors = normal_errors(1.0, 1.0)
    wanted = fit_deviation(spread, errors)
    errors[0] *= 1000
    assert fit_deviation(spread, errors) == pytest.approx(wanted, rel=0.05)


def test_points_without_a_label_are_left_out():
    spread, errors = normal_errors(1.0, 1.0)
    wanted = fit_deviation(spread[:, :10], errors[:, :10])
    errors[:, 10:] = np.nan
    spread[:, 10:] = 5
    assert fit_deviation(spread, errors) == pytest.approx(wanted)


def test_too_few_faces_are_refused_in_one_line():
    spread, errors = normal_errors(1.0, 1.0, faces=FEWEST + 1)
    errors[:2] = np.nan
    with pytest.raises(InputError, match=f"^{FEWEST - 1} labelled validation faces; .*needs"):
        fit_deviation(spread, errors)


def test_equal_deviations_rank_nothing():
    assert np.isnan(rank_correlation(np.ones(5), np.arange(5)))
    assert rank_correlation(np.arange(5), -(np.arange(5) ** 3)) == pytest.approx(-1)


def test_coverage_by_hand():
    errors = np.array([[[1.0, -3], [0, 2]], [[4, 4], [np.nan, np.nan]], [[9, 0], [0, 0.5]]])
    deviation = np.array([[2.0, 1], [4, 7], [3, 2]])
    held = measure_coverage(deviation, errors)
    # |error| / deviation: 0.5, 1.5, 0, 2, 1, 1, 3, 0, 0, 0.25
    assert held.within_one == pytest.approx(7 / 10)
    assert held.within_two == pytest.approx(9 / 10)
    # distances sqrt(10), 2, sqrt(32), 9, 0.5 with deviations 2, 1, 4, 3, 2: ranks 3 2 4 5 1 and
    # 2.5 1 5 4 2.5, whose correlation is (covariance 7 / 5) / sqrt(2 * 1.9)
    assert held.point_rank == pytest.approx(1.4 / np.sqrt(2 * 1.9))
    # faces: mean distances 2.58, 5.66, 4.75 and mean deviations 1.5, 4, 2.5
    assert held.face_rank == pytest.approx(1)
