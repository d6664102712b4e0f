"""Rank correlation of a measure with an error over the runs of a study, with its interval."""

from collections.abc import Mapping, Sequence

import numpy as np

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
        gap: column of the measure.
        error: column of the error.
        draws: bootstrap samples.

    Returns:
        Correlation and the ends of the interval; NaN if no benchmark has three different rows.
    """
    groups = [
        np.array([[_cell(rows, row), float(row[gap]), float(row[error])] for row in of_one])
        for of_one in by_benchmark(rows)
    ]
    rng = np.random.default_rng(0)
    values = [_mean_correlation([_redrawn(group, rng) for group in groups]) for _ in range(draws)]
    known = [value for value in values if np.isfinite(value)]
    low, high = np.percentile(known, (2.5, 97.5)) if known else (np.nan, np.nan)
    return _mean_correlation(groups), float(low), float(high)


def by_benchmark(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each benchmark, in the order of their first rows."""
    names = dict.fromkeys(row["benchmark"] for row in rows)
    return [[row for row in rows if row["benchmark"] == name] for name in names]


def _cell(rows: Sequence[Row], row: Row) -> int:
    """Number of the row's student and strategy."""
    cells = list(dict.fromkeys((each["student"], each["strategy"]) for each in rows))
    return cells.index((row["student"], row["strategy"]))


def _redrawn(group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A bootstrap sample of the cells, (n, 3) with the cell in the first column."""
    cells = np.unique(group[:, 0])
    drawn = rng.choice(cells, len(cells))
    return np.concatenate([group[group[:, 0] == cell] for cell in drawn])


def _mean_correlation(groups: Sequence[np.ndarray]) -> float:
    values = [
        _spearman(group[:, 1:])
        for group in groups
        if len(np.unique(group[:, 1])) > 2 and len(np.unique(group[:, 2])) > 2
    ]
    return float(np.mean(values)) if values else float("nan")


def _spearman(values: np.ndarray) -> float:
    """Pearson's correlation of the ranks of two columns (n, 2), equal values having the mean rank.

    `scipy.stats.spearmanr` is the same and takes ten times as long, because it also tests it.
    """
    from scipy import stats  # here, because its import takes a second

    return float(np.corrcoef(stats.rankdata(values, axis=0), rowvar=False)[0, 1])
