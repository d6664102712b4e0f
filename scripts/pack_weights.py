"""Bundles the weights of a run: `python scripts/pack_weights.py RUN [--photos FOLDER] [--real FOLDER]`.

Evaluates the weights on synthetic test faces and, where manifests are given, on 300W (lfpw_test: the
photos for an RGB model, their simulated thermal images for a thermal one) and on real frames of the
Knapik test sequences (thermal models), each with its 95 % bootstrap interval over faces. Then writes
the weights to mlcmkd/deployment/weights, as the bundled model of the run's modality, and the table into
its card and into the page of results, between two markers. The card also has the figures in its YAML
header, in the form of the Hugging Face Hub (`model-index`). The ONNX graphs of the bundled networks are
written again (scripts/pack_graphs.py). The run must be chosen before, by validation pairs only.
"""

import argparse
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import EvalResult, ModelCard

from mlcmkd.cli import guarded
from mlcmkd.data.config import DataConfig
from mlcmkd.deployment.onnx.shared_weights import write_graphs
from mlcmkd.deployment.weights import FILES
from mlcmkd.models import Landmarker
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.training.run_directory import CONFIG, WEIGHTS
from mlcmkd.utils.errors import InputError
from mlcmkd.utils.markdown import markdown_table, with_table

# Of this checkout, whichever copy of mlcmkd is installed.
ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "mlcmkd/deployment/weights"
CANDIDATE = "bundled.safetensors"  # in the run directory
CARD_MARKER = "figures"
NME, FAILURES = "NME (%) [95 % interval]", "FR at 8 % (%)"  # columns of the table
RESULTS_PAGE = "docs/results/bundled_models.md"
RESULTS_MARKERS = {"thermal": "figures", "rgb": "figures of the RGB model"}


class ScoredSet(NamedTuple):
    """One row of the table: its names, its pairs, and the distance that errors are divided by."""

    faces: str
    images: str
    data: DataConfig
    normaliser: str


def scored_sets(
    modality: str, synthetic: DataConfig, photos: Path | None, real: Path | None
) -> list[ScoredSet]:
    """The test sets of a modality, as far as their manifests are given.

    Raises:
        InputError: real thermal frames for an RGB model.
    """
    if modality == "rgb" and real is not None:
        raise InputError("--real: these are thermal frames, but the run has an RGB model")
    kind = "simulated from photos" if modality == "thermal" else "**real** photos"
    sets = [ScoredSet("synthetic faces, other identities", "synthetic", synthetic, "inter-ocular")]
    if photos is not None:
        data = DataConfig(source=str(photos))
        sets.append(ScoredSet("300W lfpw_test", kind, data, "inter-ocular"))
    if real is not None:
        data = DataConfig(source=str(real))
        name = "Knapik et al., test sequences"
        sets.append(ScoredSet(name, "**real**, labels from a detector", data, "box"))
    return sets


def score(weights: Path, scored: ScoredSet, images_column: str, out: Path) -> dict[str, object]:
    """The row of a test set."""
    config = EvaluateConfig(
        out=out, weights=weights, data=scored.data, normaliser=scored.normaliser
    )
    row, _ = evaluate(config)
    return {
        "test faces": scored.faces,
        images_column: scored.images,
        "faces": row["faces"],
        NME: f"{row['nme_percent']:.2f} "
        f"[{row['nme_low_percent']:.2f}, {row['nme_high_percent']:.2f}]",
        "normaliser": scored.normaliser,
        FAILURES: f"{100 * row['failure_rate']:.1f}",
    }


def save_candidate(model: Landmarker, path: Path, largest: int, *, half: bool) -> None:
    """Save the weights as they would be bundled.

    Raises:
        InputError: the file is too large for the package, or a value is too large for float16.
    """
    model.save(path, half=half)
    size = path.stat().st_size
    if size > largest:
        advice = "bundle a smaller network" if half else "give --half, or bundle a smaller network"
        raise InputError(f"the weights have {size:,} bytes, more than {largest:,}; {advice}")


def with_results(card: str, modality: str, rows: Sequence[dict[str, object]]) -> str:
    """A card whose header has the figures of the table.

    Args:
        card: its text, with a YAML header.
        modality: of the model.
        rows: of the table, as `score` returns them.
    """
    parsed = ModelCard(card)
    parsed.data.model_name = f"the bundled {modality} model of mlcmkd"
    parsed.data.eval_results = [
        result for row in rows for result in _results(row, str(row["test faces"]))
    ]
    return str(parsed)


def _results(row: dict[str, object], faces: str) -> list[EvalResult]:
    """NME and failure rate of a row."""
    images = next(str(row[name]) for name in row if name.endswith(" images"))
    shared = {
        "task_type": "keypoint-detection",
        "dataset_type": re.sub(r"\W+", "-", faces.lower()),
        "dataset_name": f"{faces} ({images.replace('*', '')}), {row['faces']} faces",
    }
    nme, interval = str(row[NME]).split(" ", 1)
    name = f"NME (%, {row['normaliser']}), 95 % interval {interval}"
    rate = float(str(row[FAILURES]))
    return [
        EvalResult(metric_type="nme", metric_name=name, metric_value=float(nme), **shared),
        EvalResult(metric_type="failure-rate", metric_name=FAILURES, metric_value=rate, **shared),
    ]


def pack(run: Path, photos: Path | None, real: Path | None, *, half: bool) -> str:
    """Bundle the weights of a run; return the table. The scores are those of the bundled file."""
    config = json.loads((run / CONFIG).read_text(encoding="utf-8"))
    model = Landmarker.load(run / WEIGHTS)
    modality = model.spec.modality
    sets = scored_sets(modality, DataConfig(**config["data"]), photos, real)
    files, candidate = FILES[modality], run / CANDIDATE
    save_candidate(model, candidate, files.largest, half=half)
    column = "thermal images" if modality == "thermal" else "RGB images"
    rows = [score(candidate, each, column, run / f"score-{n}") for n, each in enumerate(sets)]
    table = markdown_table(rows)
    pages = {FOLDER / files.card: CARD_MARKER, ROOT / RESULTS_PAGE: RESULTS_MARKERS[modality]}
    texts = {
        page: with_table(page.read_text(encoding="utf-8"), marker, table)
        for page, marker in pages.items()
    }
    card = FOLDER / files.card
    texts[card] = with_results(texts[card], modality, rows)
    shutil.copyfile(candidate, FOLDER / files.weights)
    for page, text in texts.items():
        page.write_text(text, encoding="utf-8")
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="run directory of `mlcmkd train`")
    parser.add_argument("--photos", type=Path, help="manifest of 300W")
    parser.add_argument("--real", type=Path, help="manifest of the Knapik frames")
    parser.add_argument("--half", action="store_true", help="store float16, half the size")
    options = parser.parse_args(arguments)
    print(pack(options.run, options.photos, options.real, half=options.half))
    write_graphs(FOLDER)


if __name__ == "__main__":
    guarded(main)
