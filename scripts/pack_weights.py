"""Bundles the weights of a run: `python scripts/pack_weights.py RUN [MANIFESTS]`.

Evaluates the weights on synthetic test faces and, where manifests are given, on simulated thermal
images of 300W (lfpw_test) and on real frames of the Knapik test sequences, each with its 95 %
bootstrap interval over faces. Then copies the weights to mlcmkd/deployment/weights and writes the
table into card and README, between two markers. The run must be chosen before, by validation pairs
only.
"""

import argparse
import json
import shutil
from pathlib import Path

from mlcmkd.data.config import DataConfig
from mlcmkd.models import Landmarker
from mlcmkd.stages.evaluate import EvaluateConfig, evaluate
from mlcmkd.training.run_directory import CONFIG, WEIGHTS
from mlcmkd.utils.markdown import markdown_table

# Of this checkout, whichever copy of mlcmkd is installed.
ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "mlcmkd/deployment/weights"
FIRST, LAST = "<!-- figures -->", "<!-- end of figures -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="run directory of `mlcmkd train`")
    parser.add_argument(
        "manifests", nargs="*", type=Path, help="of 300W, then of the Knapik frames"
    )
    arguments = parser.parse_args()
    run_config = json.loads((arguments.run / CONFIG).read_text(encoding="utf-8"))
    synthetic = DataConfig(**run_config["data"])
    sets = [("synthetic faces, other identities", "synthetic", synthetic, "inter-ocular")]
    real = [
        ("300W lfpw_test", "simulated from photos", "inter-ocular"),
        ("Knapik et al., test sequences", "**real**, labels from a detector", "box"),
    ]
    for (name, images, normaliser), folder in zip(real, arguments.manifests, strict=False):
        sets.append((name, images, DataConfig(source=str(folder)), normaliser))
    rows = []
    for n, (name, images, data, normaliser) in enumerate(sets):
        config = EvaluateConfig(
            out=arguments.run / f"score-{n}",
            weights=arguments.run / WEIGHTS,
            data=data,
            normaliser=normaliser,
        )
        row, _ = evaluate(config)
        rows.append(
            {
                "test faces": name,
                "thermal images": images,
                "faces": row["faces"],
                "NME (%) [95 % interval]": f"{row['nme_percent']:.2f} "
                f"[{row['nme_low_percent']:.2f}, {row['nme_high_percent']:.2f}]",
                "normaliser": normaliser,
                "FR at 8 % (%)": f"{100 * row['failure_rate']:.1f}",
            }
        )
    table = markdown_table(rows)
    print(table)
    shutil.copyfile(arguments.run / WEIGHTS, FOLDER / "model.safetensors")
    Landmarker.load(FOLDER / "model.safetensors")
    for page in (FOLDER / "card.md", ROOT / "README.md"):
        text = page.read_text(encoding="utf-8")
        before, after = text.split(FIRST)[0], text.split(LAST)[1]
        # Markdown needs an empty line before and after a table.
        page.write_text(before + "\n\n".join((FIRST, table, LAST)) + after, encoding="utf-8")


if __name__ == "__main__":
    main()
