"""Scores of the runs of a work folder: comparisons with intervals, and one table of results."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlcmkd.course.lesson import Lesson
from mlcmkd.data.dataset import Pairs
from mlcmkd.evaluation.evaluate import Scores, evaluate_model
from mlcmkd.evaluation.metrics import bootstrap_interval
from mlcmkd.models import Landmarker
from mlcmkd.stages.kd_loss import ABLATION, KDLossConfig
from mlcmkd.training.run_directory import CONFIG, PROVENANCE, RESULT, WEIGHTS
from mlcmkd.utils import markdown
from mlcmkd.utils.writing import replacing

STAGES = ("train", "transfer", "compress", "kd-loss")
COLUMNS = {
    "name": "run",
    "reads": "input",
    "parameters": "parameters",
    "nme_interval": "NME, inter-ocular (%) [95 % interval]",
    "failure_rate": "FR at 8 % (%)",
    "auc": "AUC at 8 %",
}


def scores_of(run: Path, pairs: Pairs, modality: str | None = None) -> Scores:
    """Scores of a run's model on pairs.

    Args:
        modality: of the input, "rgb" or "thermal"; None for that of the run's training.
    """
    model = Landmarker.load(run / WEIGHTS)
    return evaluate_model(model, pairs, modality or model.spec.modality)


def compare(name: str, scores: Scores, other_name: str, other: Scores) -> str:
    """One sentence: which of two models is better on the same faces, by how much, with its interval.

    The 95 % interval is a bootstrap of the differences face by face. It includes the variation between
    faces, not the variation between trainings, which requires several seeds.

    Returns:
        Markdown. Without a clear difference (zero is in the interval) it says so.
    """
    difference = 100 * (scores.per_face - other.per_face)
    low, high = bootstrap_interval(difference)
    ours, others = (round(100 * each.nme, 3) for each in (scores, other))  # as in the tables
    if low <= 0 <= high:
        return (
            f"No clear difference between **{name}** and **{other_name}**: NME {ours:.2f} % "
            f"and {others:.2f} %, difference {difference.mean():+.2f} points "
            f"(95 % interval [{low:+.2f}, {high:+.2f}])."
        )
    if low > 0:
        return compare(other_name, other, name, scores)
    return (
        f"**{name}** is better than **{other_name}** by {-difference.mean():.2f} points of NME (95 % "
        f"interval [{-high:.2f}, {-low:.2f}]): {ours:.2f} % and {others:.2f} %."
    )


def all_runs(work: Path) -> list[Path]:
    """Completed training runs, in the order of the stages, then by name."""
    runs = []
    for path in sorted(work.glob(f"*/{RESULT}")):
        stage = _read(path.parent / PROVENANCE)["stage"]
        if stage in STAGES and (path.parent / WEIGHTS).is_file():
            runs.append((STAGES.index(stage), path.parent))
    return [path for _, path in sorted(runs)]


def title_of(run: Path, modality: str | None = None) -> str:
    """A title for a run: stage, strategy, labels, and parameters that differ from the defaults.

    Args:
        modality: of the input, if it is not that of the run's training.
    """
    config = _read(run / CONFIG)
    stage = _read(run / PROVENANCE)["stage"]
    if stage == "train":
        words = ["RGB teacher" if config["modality"] == "rgb" else "thermal baseline"]
        if modality not in (None, config["modality"]):
            words[0] += f" on {modality}"
    elif stage == "kd-loss":
        words = ["light", _loss_of(config), f"{labels_of(run)} labels"]
    else:
        distillation = config["distillation"]
        kind = "coordinate student" if config.get("head") == "coordinate" else "student"
        words = [kind if stage == "transfer" else "light", distillation["strategy"]]
        if distillation["strategy"] != "none":
            words += [distillation["decay"]] * (distillation["decay"] != "cosine")
            words += [f"guide {distillation['guide']}"] * (distillation["guide"] != "both")
        words.append(f"{labels_of(run)} labels")
    words += [f"seed {config['seed']}"] * (config["seed"] != 0)
    return ", ".join(words)


def _loss_of(config: dict[str, Any]) -> str:
    """The name of the row of `stages.kd_loss.ABLATION` with this loss and weights."""
    terms = {"loss": config["loss"], "weights": config["weights"]}
    for name, fields in ABLATION.items():
        row = KDLossConfig(out=Path(), **fields)
        if terms == json.loads(row.model_dump_json(include={"loss", "weights"})):
            return name
    return f"{config['loss']} with other weights"


def labels_of(run: Path) -> int | str:
    """Number of labelled pairs of a run, or "all"."""
    data = _read(run / CONFIG)["data"]
    counts = [data[key] for key in ("labelled", "pairs") if data[key] is not None]
    return min(counts) if counts else "all"


def score_all_runs(
    lesson: Lesson, split: str = "test"
) -> tuple[list[dict[str, Any]], dict[str, Scores]]:
    """Evaluates every run of the work folder on one split, and writes `results.csv`.

    The RGB teacher has two rows: with RGB input and with thermal input.

    Returns:
        The rows, and the scores by title (see `title_of`).
    """
    rows, scores = [], {}
    for run in all_runs(lesson.work):
        model = Landmarker.load(run / WEIGHTS)
        pairs = lesson.data().load(split, model.spec.input_px)
        own = model.spec.modality
        for modality in dict.fromkeys((own, "thermal")):
            title = title_of(run, modality)
            scores[title] = evaluate_model(model, pairs, modality)
            rows.append(
                {
                    "name": title,
                    "run": run.name,
                    "reads": modality,
                    "split": split,
                    "parameters": model.parameter_count(),
                    "labelled": labels_of(run),
                    **scores[title].summary(),
                }
            )
    write_csv(rows, lesson.work / "results.csv")
    return rows, scores


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def write_csv(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Writes rows with the same columns as a CSV file."""
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _cell(row: Mapping[str, Any], column: str) -> str:
    if column == "nme_interval":
        mean, low, high = (float(row[f"nme_{part}percent"]) for part in ("", "low_", "high_"))
        return f"{mean:.2f} [{low:.2f}, {high:.2f}]"
    if column == "parameters":
        return f"{int(row[column]):,}"
    if column == "failure_rate":
        return f"{100 * float(row[column]):.1f}"
    if column == "auc":
        return f"{float(row[column]):.2f}"
    return str(row[column])


def markdown_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str] = COLUMNS) -> str:
    """Rows as a Markdown table; the numbers of `COLUMNS` are rounded."""
    return markdown.markdown_table(rows, columns, _cell)
