"""Rank correlation of a measure with an error over the runs of a study, with its interval.

Two intervals: over strategies, where a study has a few benchmarks; over settings, where it has many.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from mlcmkd.evaluation.statistics import Interval, interval
from mlcmkd.utils.errors import InputError

Row = Mapping[str, str]


def rank_correlation(
    rows: Sequence[Row], gap: str, error: str, *, draws: int = 2000
) -> tuple[float, float, float]:
    """Mean over the benchmarks of Spearman's rank correlation, and its 95 % interval.

    Ranks are those within a benchmark, because errors of different benchmarks are not comparable. The
    interval is that of a bootstrap over cells (student and strategy) within each benchmark: runs of one
    cell, which differ by their seed, resemble one another.

    Args:
        rows: one for each run, with the columns benchmark, student and strategy.
        gap: column of the measure; a row in which it is empty is left out.
        error: column of the error.
        draws: bootstrap samples.

    Returns:
        Correlation and the ends of the interval; NaN if no benchmark has three different rows.
    """
    groups = [_values(of_one, gap, error) for of_one in by_benchmark(rows)]
    groups = [group for group in groups if len(group)]
    rng = np.random.default_rng(0)
    values = [_mean_correlation([_redrawn(group, rng) for group in groups]) for _ in range(draws)]
    known = [value for value in values if np.isfinite(value)]
    low, high = np.percentile(known, (2.5, 97.5)) if known else (np.nan, np.nan)
    return _mean_correlation(groups), float(low), float(high)


def correlation_over_settings(rows: Sequence[Row], gap: str, error: str) -> Interval:
    """Mean over settings of Spearman's rank correlation, with a 95 % interval over the settings.

    For studies with many settings of few strategies. A bootstrap over strategies draws some of them
    twice in each setting, which moves its correlations towards zero; settings are not drawn twice.

    Args:
        rows: one for each run, with the columns benchmark and student, which together are the setting.
        gap: column of the measure; a row in which it is empty is left out.
        error: column of the error.

    Raises:
        InputError: no setting has three different values of both columns.
    """
    settings: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        settings.setdefault((row["benchmark"], row["student"]), []).append(row)
    groups = [_values(of_one, gap, error) for of_one in settings.values()]
    found = [_spearman(group[:, 1:]) for group in groups if _can_be_ranked(group)]
    if not found:
        raise InputError(
            f"no setting has three different values of {gap} and of {error}, so there is no rank "
            "correlation; measure more strategies"
        )
    return interval(found)


def by_benchmark(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each benchmark, in the order of their first rows."""
    names = dict.fromkeys(row["benchmark"] for row in rows)
    return [[row for row in rows if row["benchmark"] == name] for name in names]


def _values(rows: Sequence[Row], gap: str, error: str) -> np.ndarray:
    """(n, 3): the number of a row's cell (student and strategy), its gap and its error.

    Rows without a value of the gap are left out: a measure may need an adapter that the run lacks.
    """
    rows = [row for row in rows if row[gap]]
    cells: dict[tuple[str, str], int] = {}
    return np.array(
        [
            [
                cells.setdefault((row["student"], row["strategy"]), len(cells)),
                float(row[gap]),
                float(row[error]),
            ]
            for row in rows
        ]
    ).reshape(-1, 3)


def _redrawn(group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A bootstrap sample of the cells, (n, 3) with the cell in the first column."""
    cells = np.unique(group[:, 0])
    drawn = rng.choice(cells, len(cells))
    return np.concatenate([group[group[:, 0] == cell] for cell in drawn])


def _mean_correlation(groups: Sequence[np.ndarray]) -> float:
    values = [_spearman(group[:, 1:]) for group in groups if _can_be_ranked(group)]
    return float(np.mean(values)) if values else float("nan")


def _can_be_ranked(group: np.ndarray) -> bool:
    """Whether gap and error have three different values each."""
    return all(len(np.unique(column)) > 2 for column in group.T[1:])


def _spearman(values: np.ndarray) -> float:
    """Pearson's correlation of the ranks of two columns (n, 2), equal values having the mean rank.

    `scipy.stats.spearmanr` is the same and takes ten times as long, because it also tests it.
    """
    from scipy import stats  # here, because its import takes a second

    return float(np.corrcoef(stats.rankdata(values, axis=0), rowvar=False)[0, 1])
