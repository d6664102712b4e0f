"""The results of `few_shot.py` as a table, and the origin of their labels."""

from mlcmkd.data.manifest import PairRow
from mlcmkd.evaluation.statistics import difference, interval

NORMALISER = "box"


def as_table(rows: list[dict[str, str]]) -> str:
    """Rows as a Markdown table: mean and 95 % interval over seeds, percent, and the difference to the
    first student, paired by seed."""
    first = rows[0]["student"] if rows else ""
    faces = ", ".join(dict.fromkeys(row["faces"] for row in rows))
    lines = [
        f"| student | labels | seeds | NME (%), {NORMALISER}, {faces} faces | near-frontal (%) "
        f"| minus {first} |",
        "|" + " --- |" * 6,
    ]
    for name, count in dict.fromkeys((row["student"], row["labels"]) for row in rows):
        group = [row for row in rows if (row["student"], row["labels"]) == (name, count)]
        cells = [_mean(group, column) for column in ("nme", "nme_near_frontal")]
        other = [row for row in rows if (row["student"], row["labels"]) == (first, count)]
        cells.append("" if name == first or len(group) < 2 else _difference(group, other))
        lines.append(f"| {name} | {count} | {len(group)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def caveat(rows: list[PairRow]) -> str:
    """The origin of the labels, and the subjects of each split."""
    kinds = sorted({row.labels or "of unknown origin" for row in rows})
    subjects = {}
    for split in ("train", "val", "test"):
        names = sorted({row.subject for row in rows if row.split == split})
        subjects[split] = f"{len(names)} subjects" if len(names) > 4 else ", ".join(names) or "none"
    silver = any("silver" in kind for kind in kinds)
    return (
        f"Labels: {', '.join(kinds)}"
        + (
            "; training and test labels are predictions of a detector, not annotations of a person"
            if silver
            else ""
        )
        + f". Trained on {subjects['train']}, validated on {subjects['val']}, "
        f"tested on {subjects['test']}. "
        "Intervals: 95 %, over seeds (of the frames, and of the students if they differ by seed)."
    )


def _mean(rows: list[dict[str, str]], column: str) -> str:
    values = [float(row[column]) for row in rows if row[column]]
    if not values:
        return "none"
    # A single student without fine-tuning has no random frames, so no interval.
    without_seeds = rows[0]["labels"] == "0" and len(values) == 1
    return f"{values[0]:.2f}" if without_seeds else str(interval(values))


def _difference(rows: list[dict[str, str]], other: list[dict[str, str]]) -> str:
    nme = [{int(row["seed"]): float(row["nme"]) for row in group} for group in (rows, other)]
    return difference(*nme).text()
