"""In which settings dual injection (DIKD) has a lower error than the best strategy without injection.

The rows of a sweep are grouped into cells: benchmark, student, labels, shift of the RGB images. In each
cell the best form of dual injection and the best baseline are chosen on the validation split, and their
errors on the test split are compared, paired by seed. A choice on the test split would favour the side
with more candidates.
"""

from collections.abc import Mapping, Sequence
from math import fsum
from typing import NamedTuple

from mlcmkd.evaluation.injection_cells import (
    ALL,
    BASELINES,
    FORMS,
    STRATEGIES,
    Cell,
    Row,
    Runs,
)
from mlcmkd.evaluation.statistics import Interval, difference, interval


class Comparison(NamedTuple):
    """The best form of dual injection in a cell, and the best baseline; NME and differences in percent.

    Attributes:
        form, baseline: names of the strategies, chosen on the validation split.
        form_nme, baseline_nme: NME on the test split over the seeds that both have.
        gain: form minus baseline; negative if dual injection is better.
        to_labels: form minus labels alone ("none"); None if the cell has no such run.
    """

    cell: Cell
    form: str
    form_nme: Interval
    baseline: str
    baseline_nme: Interval
    gain: Interval
    to_labels: Interval | None


def chosen(runs: Runs, candidates: Sequence[str]) -> str | None:
    """The candidate with the lowest mean NME on the validation split, over the seeds of all candidates.

    Args:
        runs: runs of one cell.
        candidates: strategies in order of preference at equal means.

    Returns:
        its name; None if the cell has no candidate, or if the candidates share no seed.
    """
    present = [name for name in candidates if name in runs]
    seeds = set.intersection(*(set(runs[name]) for name in present)) if present else set()
    if not seeds:
        return None
    # Rounded, so that the order of a sum does not decide between equal means.
    return min(
        present, key=lambda name: round(fsum(runs[name][s].val_nme for s in seeds) / len(seeds), 6)
    )


def compare(
    cells: Mapping[Cell, Runs],
    forms: Sequence[str] = FORMS,
    baselines: Sequence[str] = BASELINES,
) -> tuple[list[Comparison], list[str]]:
    """Compares the best form with the best baseline in each cell.

    Args:
        cells: from `in_cells`.
        forms: strategies with dual injection, in order of preference at equal validation scores.
        baselines: strategies that they are compared with, in the same way.

    Returns:
        the comparisons, and a line for each cell without one, which has no form or no baseline.
    """
    compared, left_out = [], []
    for cell, runs in sorted(cells.items(), key=lambda item: _order(item[0], list(cells))):
        form, baseline = chosen(runs, forms), chosen(runs, baselines)
        if form is None or baseline is None:
            missing = "form with dual injection" if form is None else "strategy without injection"
            left_out.append(f"{_text_of(cell)}: no {missing}")
        elif not set(runs[form]) & set(runs[baseline]):
            left_out.append(f"{_text_of(cell)}: '{form}' and '{baseline}' share no seed")
        else:
            compared.append(_compare(cell, runs, form, baseline))
    return compared, left_out


def _compare(cell: Cell, runs: Runs, form: str, baseline: str) -> Comparison:
    shared = sorted(set(runs[form]) & set(runs[baseline]))
    return Comparison(
        cell,
        form,
        interval([runs[form][seed].nme for seed in shared]),
        baseline,
        interval([runs[baseline][seed].nme for seed in shared]),
        difference(_nme(runs[form]), _nme(runs[baseline])),
        _minus(runs, form, "none"),
    )


def _text_of(cell: Cell) -> str:
    registered = ", registered" if cell.registered else ""
    return f"{cell.benchmark}, {cell.student}, {cell.labels} labels, {cell.shift:g} px{registered}"


def order_of_labels(labels: str) -> tuple[int, int]:
    """Sorting key of numbers of labels: few labels, all labels, no labels."""
    if labels == ALL:
        return 1, 0
    return (0, int(labels)) if int(labels) else (2, 0)


def minus(cells: Mapping[Cell, Runs], reference: str = "fd+ld") -> dict[str, dict[Cell, float]]:
    """Paired differences of every strategy from a reference on the test split.

    Args:
        cells: from `in_cells`.
        reference: name of a strategy.

    Returns:
        strategy -> cell -> the mean difference over the seeds that both have, in percent.
    """
    found: dict[str, dict[Cell, float]] = {}
    for name in STRATEGIES:
        for cell, runs in cells.items():
            apart = _minus(runs, name, reference) if name != reference else None
            if apart is not None:
                found.setdefault(name, {})[cell] = apart.mean
    return found


def _minus(runs: Runs, name: str, other: str) -> Interval | None:
    """Paired difference of two strategies; None if one is missing or they share no seed."""
    if not set(runs.get(name, {})) & set(runs.get(other, {})):
        return None
    return difference(_nme(runs[name]), _nme(runs[other]))


def _nme(runs: Mapping[int, Row]) -> dict[int, float]:
    return {seed: row.nme for seed, row in runs.items()}


def _order(cell: Cell, cells: list[Cell]) -> tuple:
    """Sorting key: by labels, then by benchmark and student as in the table, then by shift."""
    benchmarks, students = [each.benchmark for each in cells], [each.student for each in cells]
    places = benchmarks.index(cell.benchmark), students.index(cell.student)
    return order_of_labels(cell.labels), *places, cell.shift, cell.registered
