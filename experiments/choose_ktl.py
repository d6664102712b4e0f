"""Chooses what each strategy stands for in the ablation, from validation scores alone.

    python experiments/choose_ktl.py results/ktl_tuning.csv results/ktl_choice.json

Of every family (fd+ld, dikd, dikd+fd+ld) the variant with the lowest validation NME is taken, rivals
included: each gets its best weights. Of the two with DIKD, the lower one stands for DIKD.
"""

import json
import sys
from pathlib import Path

from mlcmkd.ablation import by_seed, interval, read_rows

FAMILIES = ("fd+ld", "dikd", "dikd+fd+ld")


def choose(source: Path) -> dict:
    """The choice, with the figures that it rests on."""
    rows = read_rows(source)
    nme = {
        name: interval(list(by_seed(row for row in rows if row.strategy == name).values()))
        for name in dict.fromkeys(row.strategy for row in rows)
    }
    variants = {
        family: min((name for name in nme if name.split(",")[0] == family), key=nme.get)
        for family in FAMILIES
    }
    chosen = min((variants["dikd"], variants["dikd+fd+ld"]), key=nme.get)
    told = "; ".join(f"{name} {nme[name].mean:.2f}" for name in nme)
    return {
        "strategy": chosen.split(",")[0],
        "variants": variants,
        "validation_nme": {name: round(found.mean, 3) for name, found in nme.items()},
        "why": f"{chosen}, the lowest validation NME of those with DIKD ({told}; {rows[0].pairs} "
        f"labelled pairs, seeds a variant: {nme[chosen].seeds}), before the test split was read.",
    }


if __name__ == "__main__":
    source, out = map(Path, sys.argv[1:])
    out.write_text(json.dumps(choose(source), indent=2) + "\n")
    print(out.read_text())
