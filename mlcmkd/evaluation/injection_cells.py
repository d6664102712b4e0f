"""The cells of the map of dual injection: the runs of a sweep by setting, strategy and seed."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mlcmkd.evaluation.tables import read_typed
from mlcmkd.utils.errors import InputError

# Strategies with fewer terms come first: they are chosen at equal validation scores.
BASELINES = ("none", "pseudo-labels", "ld", "fd", "fd+ld")
FORMS = ("dikd", "dikd, own guide", "dikd+fd+ld")
SINGLE = ("ri", "fi")  # one injection: neither a form of dual injection nor without injection
STRATEGIES = (*BASELINES, *SINGLE, *FORMS)
REGISTERED = "R, "  # before the name of a strategy whose pairs are registered first
ALL = "all"


class Row(NamedTuple):
    """One run of the sweep.

    Attributes:
        pairs, labelled: number of training pairs, and how many of them have labels.
        nme, val_nme: inter-ocular NME in percent on the test and on the validation split.
        misalignment_px: shift of the RGB images, pixels of the input.
    """

    benchmark: str
    student: str
    pairs: int
    labelled: int
    misalignment_px: float
    strategy: str
    seed: int
    nme: float
    val_nme: float
    run: str


class Cell(NamedTuple):
    """A setting in which strategies are compared.

    Attributes:
        labels: number of labelled pairs as text; "all" if every pair has its label.
        shift: of the RGB images, pixels of the input.
        registered: whether the pairs are registered first.
    """

    benchmark: str
    student: str
    labels: str
    shift: float
    registered: bool


Runs = dict[str, dict[int, Row]]  # of one cell, by strategy and seed


def read_rows(path: Path | str) -> list[Row]:
    """Reads the table of a sweep with validation scores.

    Raises:
        InputError: as `read_typed`, or the table has no validation scores.
    """
    path = Path(path)
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            header = next(csv.reader(file), [])
        if "val_nme" not in header:
            raise InputError(
                f"{path}: no column val_nme, on which the strategies are chosen; set validation: true "
                "and a new table in the parameter file, and repeat `mlcmkd sweep`"
            )
    return read_typed(path, Row, "mlcmkd sweep")


def in_cells(rows: Iterable[Row]) -> dict[Cell, Runs]:
    """The runs of each cell.

    The strategy "none" never uses RGB images. Its runs at a shift of 0 are therefore in every cell of
    the same benchmark, student and labels, unless the cell has such runs of its own.

    Raises:
        InputError: a strategy is unknown, or a cell has two runs of a strategy with the same seed.
    """
    cells: dict[Cell, Runs] = {}
    for row in rows:
        strategy = row.strategy.removeprefix(REGISTERED)
        if strategy not in STRATEGIES:
            raise InputError(
                f"run {row.run}: strategy '{row.strategy}' is not among {'; '.join(STRATEGIES)}"
            )
        labels = ALL if row.labelled == row.pairs else str(row.labelled)
        registered = strategy != row.strategy
        cell = Cell(row.benchmark, row.student, labels, row.misalignment_px, registered)
        of_strategy = cells.setdefault(cell, {}).setdefault(strategy, {})
        if row.seed in of_strategy:
            raise InputError(
                f"run {row.run}: a second run of '{row.strategy}' with seed {row.seed} in one cell; "
                "filter the rows"
            )
        of_strategy[row.seed] = row
    for cell, runs in cells.items():
        aligned = cells.get(cell._replace(shift=0.0, registered=False), {})
        if "none" in aligned:
            runs.setdefault("none", aligned["none"])
    return cells
