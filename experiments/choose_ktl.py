"""Chooses what stands for DIKD in the ablation, from validation scores alone.

    python experiments/choose_ktl.py results/ktl_tuning.csv results/ktl_choice.json

The variant of `dikd` and of `dikd+fd+ld` with the lowest mean validation NME over both settings is
taken; of the two, the lower one stands for DIKD.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from mlcmkd.ablation import read_rows


def choose(source: Path) -> dict:
    """The choice, with the figures that it rests on."""
    scores = defaultdict(dict)
    for row in read_rows(source):
        setting = "few pairs" if row.labelled == row.pairs else "few labels"
        scores[row.strategy].setdefault(setting, []).append(row.nme)
    means = {
        name: {setting: round(float(np.mean(values)), 3) for setting, values in found.items()}
        for name, found in scores.items()
    }
    over_both = {
        name: float(np.mean(list(found.values())))
        for name, found in means.items()
        if name.startswith("dikd") and len(found) == 2
    }
    variants = {
        family: min((n for n in over_both if n.split(",")[0] == family), key=over_both.get)
        for family in ("dikd", "dikd+fd+ld")
    }
    chosen = min(variants.values(), key=over_both.get)
    return {
        "strategy": chosen.split(",")[0],
        "variants": variants,
        "validation_nme": means,
        "why": (
            f"{chosen}, with {over_both[chosen]:.2f} % the lowest mean validation NME over the two "
            "settings (" + "; ".join(f"{name} {nme:.2f}" for name, nme in over_both.items()) + "), "
            "one seed a variant, chosen before the test split was read."
        ),
    }


if __name__ == "__main__":
    source, out = map(Path, sys.argv[1:])
    out.write_text(json.dumps(choose(source), indent=2) + "\n")
    print(out.read_text())
