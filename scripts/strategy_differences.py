"""A strategy beside all others on the same students, from tables of `mlcmkd sweep`.

    python scripts/strategy_differences.py dikd+fd+ld results/dikd_map.csv results/dikd_map_time.csv

For each setting (benchmark, student, labels, shift of the RGB images) in which the strategy was run: its
NME, and the NME of every other strategy with the difference, paired by seed, as Markdown. Strategies
whose names begin with "none" do not use the RGB images, so those on aligned pairs are listed at every
shift.
"""

import csv
import sys
from collections.abc import Iterable
from pathlib import Path

from mlcmkd.cli import guarded
from mlcmkd.evaluation.statistics import difference, interval
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import markdown_table

Setting = tuple[str, str, str, float]  # benchmark, student, labels, shift
Errors = dict[int, float]  # NME in percent by seed


def read_errors(tables: Iterable[Path]) -> dict[Setting, dict[str, Errors]]:
    """The NME of every run, by setting, strategy and seed.

    Raises:
        InputError: two tables have the same run; the file is named.
    """
    found: dict[Setting, dict[str, Errors]] = {}
    for path in tables:
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
            shift = float(row.get("misalignment_px") or 0)
            setting = row["benchmark"], row.get("student", ""), row["labelled"], shift
            errors = found.setdefault(setting, {}).setdefault(row["strategy"], {})
            if int(row["seed"]) in errors:
                raise InputError(f"{path}: run {row['run']} is a repetition; name each table once")
            errors[int(row["seed"])] = float(row["nme"])
    return found


def differences(found: dict[Setting, dict[str, Errors]], strategy: str) -> list[dict[str, str]]:
    """A line for each setting of a strategy and each other strategy there.

    Raises:
        InputError: no table has the strategy.
    """
    lines = []
    for setting, of_setting in found.items():
        if strategy not in of_setting:
            continue
        mine, aligned = of_setting[strategy], found.get((*setting[:3], 0.0), {})
        alone = {name: errors for name, errors in aligned.items() if name.startswith("none")}
        for name, errors in (alone | of_setting).items():
            if name == strategy or not mine.keys() & errors.keys():
                continue
            lines.append(
                dict(zip(("benchmark", "student", "labels"), setting[:3], strict=True))
                | {
                    "shift (px)": f"{setting[3]:g}",
                    f"{strategy} (%)": str(interval([*mine.values()])),
                }
                | {"compared with": name, "its NME (%)": str(interval([*errors.values()]))}
                | {"difference": str(difference(mine, errors))}
                | {"seeds": str(len(mine.keys() & errors.keys()))}
            )
    if not lines:
        raise InputError(f"no run of '{strategy}' beside another strategy; check its name")
    return lines


def main(strategy: str, *tables: str) -> None:
    """Prints the table."""
    print(markdown_table(differences(read_errors(map(Path, tables)), strategy)))


if __name__ == "__main__":
    guarded(lambda: main(*sys.argv[1:]))
