"""The README's figure and table of registration error, from the table that the sweep wrote.

    python docs/registration_figure.py results/ktl_registration.csv results/ktl_ablation.csv docs

The student without a teacher never sees the RGB image, so its line is the ablation's, of the same seeds.
"""

import sys
from pathlib import Path

from mlcmkd.ablation import difference, interval, read_misalignment, read_rows
from mlcmkd.course import markdown_table
from mlcmkd.plots import nme_against_misalignment

# A pixel of the 64-px input in percent of the mean inter-ocular distance of 300W's test faces, 34.4 px.
PER_PIXEL = 2.9
PAIRS = 500


def main(source: Path, ablation: Path, out: Path) -> None:
    """Draws `ktl_registration.png` and prints the table as Markdown."""
    found = read_misalignment(source)
    shifts = sorted({shift for by in found.values() for shift in by})
    seeds = {seed for by in found.values() for each in by.values() for seed in each}
    alone = {
        row.seed: row.nme
        for row in read_rows(ablation)
        if row.strategy == "none" and row.labelled == row.pairs == PAIRS and row.seed in seeds
    }
    found = {"none": {shift: alone for shift in shifts}, **found}
    values = {n: {s: list(v.values()) for s, v in by.items()} for n, by in found.items()}
    title = f"{PAIRS} labelled pairs of 300W, the RGB side shifted"
    figure = nme_against_misalignment(values, per_pixel=PER_PIXEL, title=title)
    figure.savefig(out / "ktl_registration.png", dpi=110)
    lines = [
        {
            "shift (px)": f"{shift:g}",
            "strategy": name,
            "seeds": str(len(by[shift])),
            "NME (%)": interval(list(by[shift].values())).text(),
            "minus none": "" if name == "none" else difference(by[shift], alone).text(),
        }
        for shift in shifts
        for name, by in found.items()
        if shift in by
    ]
    print(markdown_table(lines, {name: name for name in lines[0]}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
