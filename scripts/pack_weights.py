"""Puts a run into the box: `python scripts/pack_weights.py runs/box [MANIFEST_300W MANIFEST_KNAPIK]`.

Scores the weights on the embedded test faces and, where manifests are given, on 300W's simulated twins
(lfpw_test) and on the real frames of drivers 2 (Knapik et al.), each with its 95 % bootstrap interval
over faces; then copies them to mlcmkd/box and fills in the figures of card and README, between two
marks. Which run is packed is chosen before, on the validation split alone.
"""

import argparse
import json
import shutil
from pathlib import Path

from mlcmkd.data.config import DataConfig
from mlcmkd.deployment import weights as box
from mlcmkd.models import Landmarker
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.training.run_directory import CONFIG, WEIGHTS

FIRST, LAST = "<!-- figures -->", "<!-- end of figures -->"
HEAD = (
    "| test faces | thermal images | faces | NME (%) [95 % interval] | normaliser | FR at 8 % (%) |"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("manifests", nargs="*", type=Path, help="of 300W, and of Knapik's frames")
    arguments = parser.parse_args()
    told = json.loads((arguments.run / CONFIG).read_text(encoding="utf-8"))
    held = DataConfig(**told["data"])
    sets = [("embedded faces, other people", "drawn", held, "inter-ocular")]
    sources = {
        "300W lfpw_test": ("photos' simulated twins", "inter-ocular"),
        "Knapik et al., drivers 2": ("**real**, labels a detector's", "box"),
    }
    for (name, (kind, normaliser)), folder in zip(
        sources.items(), arguments.manifests, strict=False
    ):
        sets.append((name, kind, DataConfig(source=str(folder)), normaliser))
    lines = [HEAD, "|" + " --- |" * 6]
    for n, (name, kind, data, normaliser) in enumerate(sets):
        config = EvaluateConfig(
            out=arguments.run / f"score-{n}",
            weights=arguments.run / WEIGHTS,
            data=data,
            normaliser=normaliser,
        )
        row, _ = evaluate(config)
        lines.append(
            f"| {name} | {kind} | {row['faces']} | {row['nme_percent']:.2f} "
            f"[{row['nme_low_percent']:.2f}, {row['nme_high_percent']:.2f}] | {normaliser} "
            f"| {100 * row['failure_rate']:.1f} |"
        )
    print("\n".join(lines))
    shutil.copyfile(arguments.run / WEIGHTS, box.FOLDER / "model.safetensors")
    Landmarker.load(box.weights())
    for page in (box.FOLDER / "card.md", Path(__file__).parents[1] / "README.md"):
        text = page.read_text(encoding="utf-8")
        before, after = text.split(FIRST)[0], text.split(LAST)[1]
        # A table needs an empty line on both sides.
        page.write_text(
            before + "\n\n".join((FIRST, "\n".join(lines), LAST)) + after, encoding="utf-8"
        )


if __name__ == "__main__":
    main()
