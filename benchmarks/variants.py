"""Variants of a training with several seeds: their scores, a table and a figure of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mlcmkd.data.config import DataConfig
from mlcmkd.data.modality import Modality
from mlcmkd.evaluation.metrics import Normaliser
from mlcmkd.evaluation.statistics import difference, interval
from mlcmkd.plots import variants_compared
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.markdown import markdown_table

Rows = Sequence[dict[str, str]]  # of a table with the columns `variant` and `seed`


def nme_of(
    run: Path, source: Path, split: str, modality: Modality, normaliser: Normaliser
) -> float:
    """NME of a run's model on a split of a manifest, percent."""
    config = EvaluateConfig(
        out=run / f"score-{source.name}-{modality}-{split}",
        weights=run / WEIGHTS,
        data=DataConfig(source=str(source)),
        split=split,
        modality=modality,
        normaliser=normaliser,
    )
    return evaluate(config, progress=False)[0]["nme_percent"]


def by_seed(rows: Rows, column: str) -> dict[str, dict[int, float]]:
    """Scores of a column: variant -> seed -> NME in percent; without the rows that lack it."""
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        if row[column]:
            found.setdefault(row["variant"], {})[int(row["seed"])] = float(row[column])
    return found


def as_table(rows: Rows, test_sets: Mapping[str, str], reference: str) -> str:
    """The scores as Markdown: mean and 95 % interval over seeds, and the difference from `reference`.

    Args:
        rows: of the table.
        test_sets: title of each column of scores.
        reference: the variant that the others are compared with, paired by seed.
    """
    scores = {column: by_seed(rows, column) for column in test_sets}
    lines = []
    for name in dict.fromkeys(row["variant"] for row in rows):
        seeds = {row["seed"] for row in rows if row["variant"] == name}
        line: dict[str, object] = {"variant": name, "seeds": len(seeds)}
        for column, title in test_sets.items():
            values = scores[column].get(name, {})
            compared = scores[column].get(reference, {})
            shared = name != reference and set(values) & set(compared)
            line[f"{title}, NME (%)"] = interval(list(values.values())).text() if values else ""
            line[f"{title}, minus {reference}"] = (
                difference(values, compared).text() if shared else ""
            )
        lines.append(line)
    return markdown_table(lines)


def draw(rows: Rows, test_sets: Mapping[str, str], reference: str, out: Path) -> None:
    """Save the figure of the scores, a panel for each test set."""
    panels = {
        title: {
            name: interval(list(values.values()))[:3]
            for name, values in by_seed(rows, column).items()
        }
        for column, title in test_sets.items()
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    variants_compared(panels, reference).savefig(out, dpi=110)
