"""The figures and tables of the KTL ablation, from the table of `mlcmkd sweep`.

    python scripts/ktl_figure.py results/ktl_ablation.csv docs/figures

Writes `ktl_few_pairs.png` and `ktl_few_labels.png` for 300W, `..._synthetic.png` for the synthetic
faces, and prints the tables as Markdown.
"""

import json
import sys
from pathlib import Path

from mlcmkd.evaluation.tables import FEW_LABELS, FEW_PAIRS, in_setting, read_rows, table
from mlcmkd.plots import nme_against_count
from mlcmkd.utils.markdown import markdown_table

FILES = {FEW_PAIRS: "ktl_few_pairs.png", FEW_LABELS: "ktl_few_labels.png"}
TITLES = {"300w-sim": "300W and its simulated thermal images", "synthetic": "synthetic faces"}


def main(source: Path, out: Path) -> None:
    """Draws and prints every setting that has rows."""
    rows = read_rows(source)
    chosen = json.loads((source.parent / "ktl_choice.json").read_text())["strategy"]
    for benchmark in dict.fromkeys(row.benchmark for row in rows):
        for setting, file in FILES.items():
            here = in_setting(rows, benchmark, setting)
            if not here:
                continue
            title = f"{TITLES.get(benchmark, benchmark)}: {setting}"
            # The files of 300W were the first and have no suffix.
            name = file if benchmark == "300w-sim" else file.replace(".png", f"_{benchmark}.png")
            nme_against_count(here, setting, title).savefig(out / name, dpi=110)
            lines = table(here, setting, ours=chosen)
            print(f"\n**{title}**\n")
            print(markdown_table(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
