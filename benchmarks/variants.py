"""Variants of a training with several seeds: the study, their scores, a table and a figure of them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mlcmkd.data.config import DataConfig
from mlcmkd.data.modality import Modality
from mlcmkd.evaluation.metrics import Normaliser
from mlcmkd.evaluation.statistics import difference, interval
from mlcmkd.plots import variants_compared
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.stages.train import TrainConfig
from mlcmkd.studies.study import Study
from mlcmkd.studies.table import read_table
from mlcmkd.training.provenance import manifest_stamp
from mlcmkd.training.run_directory import WEIGHTS
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import markdown_table

Rows = Sequence[dict[str, str]]  # of a table with the columns `variant` and `seed`


class PlannedVariant(NamedTuple):
    """A run: a variant with a seed; `run` is a hash of all that decides its scores."""

    variant: str
    config: TrainConfig
    run: str

    @property
    def label(self) -> str:
        return f"{self.variant}, seed {self.config.seed}"

    @property
    def out(self) -> Path:
        return self.config.out


class VariantStudy(Study[PlannedVariant]):
    """Variants with all seeds, scored on 300W and on the Knapik frames.

    A subclass has `planned`, and `make` and `row` of `Study`.

    Args:
        table: CSV of the scores.
        columns: of the table, `variant`, `seed` and `run` among them.
        out: folder of the runs.
        photos: manifest of 300W with simulated thermal images.
        real: manifest of the Knapik frames.
        names: of the variants.
        seeds: of the trainings.
        split: "val", or "test" at the end.

    Raises:
        InputError: a folder has no manifest.
    """

    def __init__(
        self,
        table: Path,
        columns: tuple[str, ...],
        out: Path,
        photos: Path,
        real: Path,
        names: Sequence[str],
        seeds: Sequence[int],
        split: str,
    ):
        super().__init__(table, columns)
        self.folder, self.photos, self.real = out, photos, real
        self.names, self.seeds, self.split = tuple(names), tuple(seeds), split
        self.stamps = [manifest_stamp(str(folder)) for folder in (real, photos)]
        if None in self.stamps:
            missing = (real, photos)[self.stamps.index(None)]
            raise InputError(f"{missing}: no manifest; make it with `mlcmkd prepare`")

    def planned(self, name: str, seed: int) -> PlannedVariant:
        """The run of a variant with a seed."""
        raise NotImplementedError

    def plan(self) -> Iterable[PlannedVariant]:
        """The runs, with seeds as the outermost loop, so that an interrupted table is balanced."""
        for seed in self.seeds:
            for name in self.names:
                yield self.planned(name, seed)

    def rows(self) -> list[dict[str, str]]:
        """The rows of the planned runs, as far as the table has them, in the order of the variants."""
        planned = {each.run for each in self.plan()}
        rows = [row for row in read_table(self.table, self.columns) if row["run"] in planned]
        return sorted(rows, key=lambda row: (self.names.index(row["variant"]), int(row["seed"])))


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
