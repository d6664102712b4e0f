"""Tables of studies of KTL (knowledge transfer level): rows of a CSV, by setting, over seeds.

One random generator shuffles and augments. So the runs of a study with the same seed have the same order
of batches in all epochs only if the augmentation draws no random numbers for the RGB images alone
(`clean_rgb`, as in the studies of experiments/). Otherwise they share the order of the first epoch only.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

from mlcmkd.evaluation.statistics import difference, gap_closed, interval
from mlcmkd.utils.errors import InputError

FEW_PAIRS, FEW_LABELS = "few labelled pairs", "many pairs, few labels"
SETTINGS = (FEW_PAIRS, FEW_LABELS)
ORDER = ("none", "fd", "ld", "fd+ld", "fi", "ri", "dikd", "dikd+fd+ld")  # of strategies, in tables

# NME in percent by strategy, misalignment in pixels of the input, and seed.
Misalignment = dict[str, dict[float, dict[int, float]]]
R = TypeVar("R")


class Row(NamedTuple):
    """One run of a KTL study.

    Attributes:
        pairs, labelled: number of training pairs, and how many of them have labels.
        nme, nme_teacher: inter-ocular NME in percent, of the student on thermal and of the teacher on
            RGB images.
        run: hash of the run's config.
    """

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


def read_typed(path: Path | str, kind: type[R], command: str) -> list[R]:
    """Reads a CSV into NamedTuples; each value is converted to the type of its field.

    Additional columns are ignored.

    Args:
        path: the CSV.
        kind: the NamedTuple; its fields are the required columns.
        command: the command that writes such a table, for the error message.

    Raises:
        InputError: the file or a column is missing, or a value cannot be converted; the message
            names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such table; `{command}` writes it")
    types, rows = kind.__annotations__, []
    with path.open(newline="", encoding="utf-8") as file:
        for number, line in enumerate(csv.DictReader(file), start=2):
            try:
                values = {name: convert(line[name]) for name, convert in types.items()}
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(
                    f"{path}, line {number}: {error!r}; write the table again"
                ) from None
            rows.append(kind(**values))
    return rows


def read_rows(path: Path | str) -> list[Row]:
    """Reads the table of a KTL study; errors as in `read_typed`."""
    return read_typed(path, Row, "mlcmkd sweep")


def read_misalignment(path: Path | str, **only: str) -> Misalignment:
    """Reads NME by strategy, shift of the RGB image and seed.

    Args:
        path: the table of a study with the column `misalignment_px`.
        only: columns and texts; only rows with these texts are read, such as labelled="100".

    Returns:
        NME in percent by strategy, shift in pixels of the input, and seed.

    Raises:
        InputError: as `read_typed`, or a column is missing or holds no number.
    """
    path = Path(path)
    nme: Misalignment = {}
    for row, line in zip(read_rows(path), csv.DictReader(path.open(newline="")), strict=True):
        try:
            shift = float(line["misalignment_px"])
            chosen = all(line[column] == text for column, text in only.items())
        except (KeyError, ValueError) as error:
            raise InputError(
                f"{path}, run {row.run}: {error!r}; repeat the study with misalignment_px"
            ) from None
        if chosen:
            nme.setdefault(row.strategy, {}).setdefault(shift, {})[row.seed] = row.nme
    return {name: dict(sorted(by_shift.items())) for name, by_shift in nme.items()}


def with_aligned(
    shifted: Misalignment, rows: Iterable[Row], benchmark: str, pairs: int
) -> Misalignment:
    """Adds the aligned runs of the ablation to the result of `read_misalignment`.

    The ablation's runs of the same benchmark and seeds are added to each strategy as shift 0. The
    strategy "none" never uses the RGB image, so its runs are added at every shift.

    Args:
        shifted: the result of `read_misalignment`.
        rows: rows of the ablation.
        benchmark: name of the benchmark.
        pairs: number of pairs; only runs with this number, all labelled, are added.
    """
    rows = [row for row in rows if row.benchmark == benchmark]
    seeds = {seed for shifts in shifted.values() for nme in shifts.values() for seed in nme}
    shifts = sorted({0.0, *(shift for by_shift in shifted.values() for shift in by_shift)})

    def aligned(name: str) -> dict[int, float]:
        return {
            row.seed: row.nme
            for row in rows
            if row.strategy == name and row.labelled == row.pairs == pairs and row.seed in seeds
        }

    without_teacher = aligned("none")
    merged = {"none": dict.fromkeys(shifts, without_teacher)} if without_teacher else {}
    for name, by_shift in shifted.items():
        at_zero = {0.0: aligned(name)} if aligned(name) else {}
        merged[name] = dict(sorted({**at_zero, **by_shift}.items()))
    return merged


def by_seed(rows: Iterable[Row]) -> dict[int, float]:
    """NME in percent by seed, of runs that differ only in the seed.

    Raises:
        InputError: two rows have the same seed.
    """
    nme: dict[int, float] = {}
    for row in rows:
        if row.seed in nme:
            raise InputError(
                f"seed {row.seed} of '{row.strategy}' occurs twice ({row.run}); filter the rows"
            )
        nme[row.seed] = row.nme
    return nme


def in_setting(rows: Iterable[Row], benchmark: str, setting: str) -> list[Row]:
    """The rows of one benchmark and one setting, in the order of `ORDER`.

    "few labelled pairs": runs whose pairs are all labelled. "many pairs, few labels": runs that
    train on all pairs of the benchmark, of which some are labelled. Fully labelled runs belong to
    the first setting only.

    Raises:
        InputError: the setting is unknown.
    """
    if setting not in SETTINGS:
        raise InputError(f"setting '{setting}' is unknown; use one of {', '.join(SETTINGS)}")
    few_pairs = setting == FEW_PAIRS
    chosen = [
        row
        for row in rows
        if row.benchmark == benchmark and (row.labelled == row.pairs) == few_pairs
    ]
    # The rows of a file are in the order in which the runs ended.
    return sorted(chosen, key=lambda row: (*ORDER, row.strategy).index(row.strategy))


def count_of(row: Row, setting: str) -> int:
    """The number that a setting varies: pairs or labels."""
    return row.pairs if setting == FEW_PAIRS else row.labelled


def table(rows: Iterable[Row], setting: str, ours: str = "dikd+fd+ld") -> list[dict[str, str]]:
    """One row per count and strategy: NME, paired differences from none and from FD+LD, gap closed.

    FD is feature distillation, LD logits distillation. NME and differences are in percent.

    Args:
        rows: rows of one benchmark and one setting (`in_setting`).
        setting: one of `SETTINGS`.
        ours: strategy printed in bold: the variant of DIKD (dual-injected knowledge distillation) that
            was chosen on the validation set.

    Returns:
        dicts of texts; the columns are the keys.
    """
    rows = list(rows)
    lines = []
    for count in sorted({count_of(row, setting) for row in rows}):
        of_count = [row for row in rows if count_of(row, setting) == count]
        nme = {
            name: by_seed(row for row in of_count if row.strategy == name)
            for name in dict.fromkeys(row.strategy for row in of_count)
        }
        teacher = of_count[0].nme_teacher
        for name, seeds in nme.items():
            line = {
                "pairs" if setting == FEW_PAIRS else "labels": str(count),
                "strategy": f"**{name}**" if name == ours else name,
                "seeds": str(len(seeds)),
                "NME (%)": str(interval(list(seeds.values()))),
            }
            for baseline in ("none", "fd+ld"):
                paired = baseline != name and set(seeds) & set(nme.get(baseline, {}))
                line[f"minus {baseline}"] = (
                    difference(seeds, nme[baseline]).text(3) if paired else ""
                )
            paired = name != "none" and set(seeds) & set(nme.get("none", {}))
            line["gap closed"] = str(gap_closed(nme["none"], seeds, teacher)) if paired else ""
            lines.append(line)
    return lines
