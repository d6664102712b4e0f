"""Rank correlations over the runs of a study: by hand, and their interval."""

import numpy as np
import pytest

from mlcmkd.evaluation.rank_correlation import correlation_over_settings, rank_correlation
from mlcmkd.utils.errors import InputError


def row(strategy: str, seed: int, gap: float, nme: float, benchmark: str = "photos") -> dict:
    names = {"benchmark": benchmark, "student": "", "strategy": strategy, "seed": str(seed)}
    return names | {"gap": str(gap), "nme": str(nme), "nme_real": str(10 - nme)}


ROWS = [
    row(strategy, seed, gap + 0.1 * seed, gap**3 + seed)
    for strategy, gap in (("none", 3.0), ("fd+ld", 1.0), ("dikd", 2.0), ("ri", 4.0))
    for seed in (0, 1)
]


def test_rank_correlation_is_one_for_any_increasing_relation():
    one_seed = [each for each in ROWS if each["seed"] == "0"]
    assert rank_correlation(one_seed, "gap", "nme", draws=50)[0] == pytest.approx(1)
    assert rank_correlation(one_seed, "gap", "nme_real", draws=50)[0] == pytest.approx(-1)


def test_rank_correlation_by_hand_with_one_exchange():
    values = [("a", 1, 1), ("b", 2, 3), ("c", 3, 2), ("d", 4, 4)]
    rows = [row(name, 0, gap, nme) for name, gap, nme in values]
    # 1 - 6 * (0 + 1 + 1 + 0) / (4 * 15)
    assert rank_correlation(rows, "gap", "nme", draws=10)[0] == pytest.approx(0.8)


def test_benchmarks_are_ranked_apart_and_averaged():
    rows = [row(name, 0, gap, gap, "photos") for name, gap in (("a", 1), ("b", 2), ("c", 3))]
    rows += [
        row(name, 0, gap, 90 - gap, "rendered") for name, gap in (("a", 1), ("b", 2), ("c", 3))
    ]
    value, low, high = rank_correlation(rows, "gap", "nme", draws=20)
    assert value == pytest.approx(0) and low <= 0 <= high


def test_the_interval_contains_the_variation_between_strategies():
    rng = np.random.default_rng(1)
    rows = [
        row(name, seed, gap, nme)
        for name, gap, nme in zip("abcdefgh", rng.random(8), rng.random(8), strict=True)
        for seed in range(20)  # further seeds of the same strategies are no further evidence
    ]
    value, low, high = rank_correlation(rows, "gap", "nme", draws=300)
    assert high - low > 0.6 and low < value < high


def test_settings_are_ranked_apart_and_their_correlations_are_the_sample():
    pairs = {"a": [(1, 1), (2, 2), (3, 3)], "b": [(1, 2), (2, 1), (3, 3)], "c": [(1, 1), (2, 2)]}
    rows = [
        row(str(n), 0, gap, nme) | {"student": student}
        for student, values in pairs.items()
        for n, (gap, nme) in enumerate(values)
    ]
    found = correlation_over_settings(rows, "gap", "nme")
    # 1 and 1 - 6 * 2 / (3 * 8) = 0.5; the third has two values only. s = 0.5 / sqrt(2), so half of
    # the interval is t(0.975, 1) * s / sqrt(2) = 12.7062 * 0.25.
    assert found.mean == pytest.approx(0.75) and found.seeds == 2
    assert found.high - found.mean == pytest.approx(12.7062 * 0.25, rel=1e-4)
    with pytest.raises(InputError, match="no setting has three different values of gap and of nme"):
        correlation_over_settings(rows[-2:], "gap", "nme")


def test_equal_settings_have_an_interval_without_width_unlike_the_bootstrap():
    rows = [
        row(str(n), 0, gap, gap) | {"student": student}
        for student in "abcd"
        for n, gap in enumerate((1, 2, 3))
    ]
    assert correlation_over_settings(rows, "gap", "nme")[:3] == pytest.approx((1, 1, 1))


def test_without_three_different_values_there_is_no_correlation():
    assert np.isnan(rank_correlation(ROWS[:2], "gap", "nme", draws=5)).all()


def test_the_correlation_is_that_of_scipy_with_equal_values_as_well():
    from scipy import stats

    values = np.random.default_rng(3).integers(0, 6, size=(2, 30))
    rows = [row(str(n), 0, *pair) for n, pair in enumerate(values.T)]
    expected = stats.spearmanr(*values).statistic
    assert rank_correlation(rows, "gap", "nme", draws=5)[0] == pytest.approx(expected)


def test_rows_without_a_value_of_the_gap_are_left_out():
    empty = [{**each, "gap": "", "nme": "99", "strategy": "empty"} for each in ROWS]
    for function in (
        lambda rows: rank_correlation(rows, "gap", "nme", draws=20)[0],
        lambda rows: correlation_over_settings(rows, "gap", "nme").mean,
    ):
        assert function([*empty, *ROWS]) == function(ROWS)
    elsewhere = [{**each, "benchmark": "rendered"} for each in empty]
    whole = rank_correlation(ROWS, "gap", "nme", draws=20)
    assert rank_correlation([*ROWS, *elsewhere], "gap", "nme", draws=20) == whole
