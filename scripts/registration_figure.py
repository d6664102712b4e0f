"""The figure and table of registration error, from the tables of `mlcmkd sweep`.

    python scripts/registration_figure.py results/ktl_registration.csv results/ktl_ablation.csv \
        docs/figures

Runs without a shift are those of the ablation with the same seeds, and so are those of the student
without a teacher, which never sees the RGB image.
"""

import sys
from pathlib import Path

from mlcmkd.evaluation.statistics import difference, interval
from mlcmkd.evaluation.tables import read_misalignment, read_rows, with_aligned
from mlcmkd.plots import nme_against_misalignment
from mlcmkd.utils.markdown import markdown_table

# A pixel of the 64-px input in percent of the mean inter-ocular distance of 300W's test faces, 34.4 px.
PER_PIXEL = 2.9
PAIRS = 500
# Only in the table: nine lines in one figure are too many to distinguish.
SINGLE_TERMS = ("fd", "ld", "fi", "ri")


def main(source: Path, ablation: Path, out: Path) -> None:
    """Draws `ktl_registration.png` and prints the table as Markdown."""
    found = with_aligned(read_misalignment(source), read_rows(ablation), "300w-sim", PAIRS)
    drawn = {name: by for name, by in found.items() if name not in SINGLE_TERMS}
    values = {n: {s: list(v.values()) for s, v in by.items()} for n, by in drawn.items()}
    title = f"{PAIRS} labelled pairs of 300W, RGB images shifted"
    figure = nme_against_misalignment(values, per_pixel=PER_PIXEL, title=title)
    figure.savefig(out / "ktl_registration.png", dpi=110)
    lines = [
        {
            "shift (px)": f"{shift:g}",
            "strategy": name,
            "seeds": str(len(by[shift])),
            "NME (%)": interval(list(by[shift].values())).text(),
            "minus none": _minus(found, name, "none", shift),
            "minus FD+LD": _minus(found, name, "fd+ld", shift),
        }
        for shift in found["none"]
        for name, by in found.items()
        if shift in by
    ]
    print(markdown_table(lines))


def _minus(found: dict, name: str, other: str, shift: float) -> str:
    """The paired difference of two strategies; empty if there is none."""
    if name == other or other not in found or shift not in found[other]:
        return ""
    return difference(found[name][shift], found[other][shift]).text()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
