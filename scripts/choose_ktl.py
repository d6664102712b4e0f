"""Chooses the variant of each strategy for the ablation, from validation scores only.

    python scripts/choose_ktl.py results/ktl_tuning.csv results/ktl_choice.json

Of every family (fd+ld, dikd, dikd+fd+ld) the variant with the lowest validation NME is chosen, so that
each family has its best weights, the same in both settings. The NME is the mean over the settings, so
only variants that were run in both are candidates. Of the two families with DIKD, the better one
represents DIKD.
"""

import json
import sys
from pathlib import Path

from mlcmkd.evaluation.statistics import interval
from mlcmkd.evaluation.tables import SETTINGS, by_seed, in_setting, read_rows

FAMILIES = ("fd+ld", "dikd", "dikd+fd+ld")


def choose(source: Path) -> dict:
    """The choice, with the scores on which it is based."""
    rows = read_rows(source)
    nme: dict[str, dict[str, float]] = {}
    for setting in SETTINGS:
        here = in_setting(rows, rows[0].benchmark, setting)
        for name in dict.fromkeys(row.strategy for row in here):
            values = by_seed(row for row in here if row.strategy == name).values()
            nme.setdefault(name, {})[setting] = round(interval(list(values)).mean, 3)
    mean = {n: sum(by.values()) / len(by) for n, by in nme.items() if len(by) == len(SETTINGS)}
    variants = {
        family: min((name for name in mean if name.split(",")[0] == family), key=mean.get)
        for family in FAMILIES
    }
    chosen = min((variants["dikd"], variants["dikd+fd+ld"]), key=mean.get)
    seeds = sorted({row.seed for row in rows})
    return {
        "strategy": chosen.split(",")[0],
        "variants": variants,
        "validation_nme": nme,
        "why": f"{chosen}, the lowest validation NME of those with DIKD over both settings "
        f"(seeds {', '.join(map(str, seeds))}). The setting '{SETTINGS[0]}' was chosen on before the "
        f"test split was read; '{SETTINGS[1]}' came later and changed nothing.",
    }


if __name__ == "__main__":
    source, out = map(Path, sys.argv[1:])
    out.write_text(json.dumps(choose(source), indent=2) + "\n")
    print(out.read_text())
