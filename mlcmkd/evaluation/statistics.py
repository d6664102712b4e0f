"""What a sweep's table says: means and intervals over seeds, paired differences, the gap closed.

Strategies share their seeds (the drawn pairs, the labels, the weights to begin with), so two of them
are compared seed by seed: what a seed does to both drops out of the difference. The order of the
batches they share as well where the augmentation draws nothing for the RGB side alone (`clean_rgb`, as
in the sweeps of experiments/), else only in the first epoch: one generator shuffles and augments.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from scipy import stats

from mlcmkd.utils.errors import InputError

FEW_PAIRS, FEW_LABELS = "few labelled pairs", "many pairs, few labels"
SETTINGS = (FEW_PAIRS, FEW_LABELS)
ORDER = ("none", "fd", "ld", "fd+ld", "fi", "ri", "dikd", "dikd+fd+ld")  # of strategies, in tables

R = TypeVar("R")


class Row(NamedTuple):
    """One run of a sweep's table; NME in percent, inter-ocular."""

    benchmark: str
    model: str
    input_px: int
    steps: int
    pairs: int
    labelled: int
    strategy: str
    decay: str
    init: str
    seed: int
    nme: float
    nme_teacher: float
    run: str


class Interval(NamedTuple):
    """A mean over seeds with its 95 % interval (Student's t); the ends are NaN for a single seed."""

    mean: float
    low: float
    high: float
    seeds: int

    def text(self, digits: int = 2) -> str:
        """The mean and its interval, or the mean and that it is of one seed."""
        if self.seeds < 2:
            return f"{self.mean:.{digits}f} (one seed)"
        return f"{self.mean:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"

    def __str__(self) -> str:
        return self.text()


def read_typed(path: Path | str, kind: type[R], command: str) -> list[R]:
    """The rows of a table, each value of the kind that its field of a NamedTuple has.

    Columns beyond the fields are left alone.

    Args:
        kind: the NamedTuple.
        command: what writes such a table, for who has none.

    Raises:
        InputError: no such table, a column is missing, or a value is not of its kind; the line is named.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such table; `{command}` writes it")
    kinds, rows = kind.__annotations__, []
    with path.open(newline="", encoding="utf-8") as file:
        for number, line in enumerate(csv.DictReader(file), start=2):
            try:
                rows.append(kind(**{name: each(line[name]) for name, each in kinds.items()}))
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{path}, line {number}: {error!r}; write it anew") from None
    return rows


def read_rows(path: Path | str) -> list[Row]:
    """The rows of a sweep's table; errors as `read_typed` has them."""
    return read_typed(path, Row, "mlcmkd sweep")


def read_misalignment(path: Path | str) -> dict[str, dict[float, dict[int, float]]]:
    """NME in percent by strategy, shift of the RGB side in pixels of the input, and seed.

    Args:
        path: the table of a sweep that has the column `misalignment_px`.

    Raises:
        InputError: no such table, no such column, or a value that is not a number.
    """
    path = Path(path)
    found: dict[str, dict[float, dict[int, float]]] = {}
    for row, line in zip(read_rows(path), csv.DictReader(path.open(newline="")), strict=True):
        try:
            shift = float(line["misalignment_px"])
        except (KeyError, ValueError) as error:
            raise InputError(f"{path}, run {row.run}: {error!r}; run the sweep anew") from None
        found.setdefault(row.strategy, {}).setdefault(shift, {})[row.seed] = row.nme
    return {name: dict(sorted(by.items())) for name, by in found.items()}


def with_aligned(
    found: dict[str, dict[float, dict[int, float]]], rows: Iterable[Row], benchmark: str, pairs: int
) -> dict[str, dict[float, dict[int, float]]]:
    """What `read_misalignment` gives, with the ablation's runs of the same benchmark and seeds on so
    many labelled pairs.

    They are the strategies at shift 0; and "none", which never sees the RGB image, at every shift.
    """
    rows = [row for row in rows if row.benchmark == benchmark]
    seeds = {seed for by in found.values() for each in by.values() for seed in each}
    shifts = sorted({0.0, *(shift for by in found.values() for shift in by)})

    def aligned(name: str) -> dict[int, float]:
        return {
            row.seed: row.nme
            for row in rows
            if row.strategy == name and row.labelled == row.pairs == pairs and row.seed in seeds
        }

    alone = aligned("none")
    total = {"none": dict.fromkeys(shifts, alone)} if alone else {}
    for name, by in found.items():
        there = {0.0: aligned(name)} if aligned(name) else {}
        total[name] = dict(sorted({**there, **by}.items()))
    return total


def interval(values: Sequence[float]) -> Interval:
    """Mean and 95 % interval of the mean over seeds, by Student's t with n - 1 degrees of freedom."""
    values = np.asarray(values, dtype=np.float64)
    if not len(values):
        raise InputError("no value to take a mean of")
    if len(values) == 1:
        return Interval(float(values[0]), float("nan"), float("nan"), 1)
    reach = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    mean = values.mean()
    return Interval(float(mean), float(mean - reach), float(mean + reach), len(values))


def by_seed(rows: Iterable[Row]) -> dict[int, float]:
    """NME of each seed.

    Raises:
        InputError: a seed is there twice: the rows mix what should be told apart.
    """
    found: dict[int, float] = {}
    for row in rows:
        if row.seed in found:
            raise InputError(f"seed {row.seed} of '{row.strategy}' is there twice ({row.run})")
        found[row.seed] = row.nme
    return found


def difference(a: Mapping[int, float], b: Mapping[int, float]) -> Interval:
    """Interval of a - b over the seeds that both have; below zero means that a has the lower NME."""
    shared = sorted(set(a) & set(b))
    if not shared:
        raise InputError("the two strategies share no seed, so they cannot be paired")
    return interval([a[seed] - b[seed] for seed in shared])


def gap_closed(none: Mapping[int, float], student: Mapping[int, float], teacher: float) -> Interval:
    """Share of the modality gap closed, (NME_none - NME_x) / (NME_none - NME_teacher), 1 for all.

    The teacher is one and the same in all runs, so the seeds' chance is in the other two.

    Args:
        none: NME by seed of the student without a teacher.
        student: NME by seed of the student in question.
        teacher: NME of the teacher on RGB.
    """
    shared = sorted(set(none) & set(student))
    if not shared:
        raise InputError("the two strategies share no seed, so they cannot be paired")
    if any(none[seed] <= teacher for seed in shared):
        raise InputError("the student without a teacher is as good as the teacher: there is no gap")
    return interval([(none[s] - student[s]) / (none[s] - teacher) for s in shared])


def in_setting(rows: Iterable[Row], benchmark: str, setting: str) -> list[Row]:
    """Rows of one benchmark and one setting.

    Few labelled pairs: all pairs of a run are labelled. Many pairs, few labels: all pairs of the
    benchmark are seen, labelled or not; the fully labelled runs belong to the first setting only.
    """
    if setting not in SETTINGS:
        raise InputError(f"setting '{setting}' is unknown; use one of {', '.join(SETTINGS)}")
    few = setting == FEW_PAIRS
    here = [
        row for row in rows if row.benchmark == benchmark and (row.labelled == row.pairs) == few
    ]
    # Rows stand in a table as they were finished; readers want one order of strategies.
    return sorted(here, key=lambda row: (*ORDER, row.strategy).index(row.strategy))


def count_of(row: Row, setting: str) -> int:
    """What a setting varies: the pairs, or the labels."""
    return row.pairs if setting == FEW_PAIRS else row.labelled


def table(rows: Iterable[Row], setting: str, ours: str = "dikd+fd+ld") -> list[dict[str, str]]:
    """One line a count and strategy, as text: NME, difference to FD+LD, to none, the gap closed.

    Args:
        rows: of one benchmark and one setting.
        setting: which.
        ours: the variant of DIKD that was chosen on the validation split; marked.
    """
    rows = list(rows)
    lines = []
    for count in sorted({count_of(row, setting) for row in rows}):
        here = [row for row in rows if count_of(row, setting) == count]
        found = {
            name: by_seed(row for row in here if row.strategy == name)
            for name in dict.fromkeys(row.strategy for row in here)
        }
        teacher = here[0].nme_teacher
        for name, seeds in found.items():
            line = {
                "pairs" if setting == FEW_PAIRS else "labels": str(count),
                "strategy": f"**{name}**" if name == ours else name,
                "seeds": str(len(seeds)),
                "NME (%)": str(interval(list(seeds.values()))),
            }
            for rival in ("none", "fd+ld"):
                paired = rival != name and rival in found and set(seeds) & set(found[rival])
                apart = difference(seeds, found[rival]).text(3) if paired else ""
                line[f"minus {rival}"] = apart
            paired = name != "none" and set(seeds) & set(found.get("none", {}))
            line["gap closed"] = str(gap_closed(found["none"], seeds, teacher)) if paired else ""
            lines.append(line)
    return lines
