"""The table of one step against two levels, from the table of `mlcmkd levels`.

python scripts/levels_table.py results/ktl_levels.csv
"""

import csv
import sys
from pathlib import Path

from mlcmkd.evaluation.statistics import difference, interval
from mlcmkd.studies.levels.plan import TWO_LEVEL
from mlcmkd.utils.markdown import markdown_table


def main(source: Path) -> None:
    """Prints the table as Markdown."""
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        found.setdefault(row["route"], {})[int(row["seed"])] = float(row["nme"])
    steps = {row["route"]: (row["transfer_steps"], row["compress_steps"]) for row in rows}
    lines = [
        {
            "route": route,
            "strategy": next(row["strategy"] for row in rows if row["route"] == route),
            "steps": " + ".join(count for count in steps[route] if count != "0"),
            "seeds": str(len(by_seed)),
            "NME (%)": interval(list(by_seed.values())).text(),
            "minus two-level": (
                "" if route == TWO_LEVEL else difference(by_seed, found[TWO_LEVEL]).text()
            ),
        }
        for route, by_seed in found.items()
    ]
    print(markdown_table(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
