"""The README's figure: predictions of teacher and students on synthetic faces, one face per column.

    python scripts/path_figure.py runs/course docs/figures/path.png

It needs the runs of the course (`make course`) and draws faces of the test split.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from mlcmkd.course import all_runs, scores_of, title_of
from mlcmkd.data.pairs import from_synthetic, synthetic_faces
from mlcmkd.data.transforms import NO_AUGMENTATION, make_batch
from mlcmkd.plots.style import GREEN, VERMILION, WIDTH, draw_landmarks, show_image, styled
from mlcmkd.schemes import IBUG68

COLUMNS = 8
FACE_PX = 160  # larger than the network input, for display


def chosen_runs(work: Path) -> dict[str, Path]:
    """Runs of the teacher, the KTL student and the light student, by their labels in the figure."""
    runs = {title_of(run): run for run in all_runs(work)}

    def run_of(start: str) -> Path:
        return next(run for title, run in runs.items() if title.startswith(start))

    return {
        "RGB teacher": run_of("RGB teacher"),
        "KTL student": run_of("student, dikd"),
        "light student": run_of("light, dikd"),
    }


@styled
def draw(work: Path) -> Figure:
    """Four rows: the teacher on RGB and on thermal, the student, the light student."""
    runs = chosen_runs(work)
    faces = synthetic_faces("test", 64, size=FACE_PX)
    pairs = from_synthetic(faces, 64).subset(np.arange(0, 64, 64 // COLUMNS))
    large = from_synthetic(faces, FACE_PX).subset(np.arange(0, 64, 64 // COLUMNS))
    batch = make_batch(large, torch.arange(COLUMNS), NO_AUGMENTATION, torch.Generator())
    rows = [
        ("RGB teacher\nRGB input", runs["RGB teacher"], "rgb"),
        ("RGB teacher\nthermal input", runs["RGB teacher"], "thermal"),
        ("KTL student\nthermal input", runs["KTL student"], "thermal"),
        ("light student\nthermal input", runs["light student"], "thermal"),
    ]
    figure = Figure(figsize=(WIDTH, WIDTH / COLUMNS * len(rows) + 0.35))
    grid = figure.subplots(len(rows), COLUMNS)
    for number, (label, run, modality) in enumerate(rows):
        scores = scores_of(run, pairs, modality)
        for column, axes in enumerate(grid[number]):
            image = batch.images(modality)[column].permute(1, 2, 0).numpy().squeeze()
            options = {"cmap": "gray"} if modality == "thermal" else {}
            show_image(axes, image, **options)
            draw_landmarks(axes, batch.landmarks[column].numpy(), IBUG68, GREEN, size=1)
            draw_landmarks(axes, scores.prediction[column], IBUG68, VERMILION, size=1)
            error = f"{100 * scores.per_face[column]:.1f} %"
            axes.text(
                0.97, 0.04, error, transform=axes.transAxes, fontsize=7, ha="right", color="white",
                bbox={"facecolor": "black", "alpha": 0.6, "pad": 1, "linewidth": 0},
            )  # fmt: skip
        grid[number, 0].set_axis_on()
        grid[number, 0].set(xticks=[], yticks=[])
        grid[number, 0].spines[:].set_visible(False)
        grid[number, 0].set_ylabel(label, fontsize=8)
    figure.suptitle(
        "predicted (orange-red) over annotated (green); NME of each face, inter-ocular", fontsize=9
    )
    return figure


if __name__ == "__main__":
    draw(Path(sys.argv[1])).savefig(sys.argv[2], dpi=96)
