"""The picture of the explorer in the guide, on the models of `make course`.

    python scripts/explorer_figure.py runs/course docs/figures

Writes `explorer.png`: heads exchanged, RGB shifted by 3 px. Synthetic faces only.
"""

import sys
from pathlib import Path

from mlcmkd import course
from mlcmkd.explorer.exploration import Exploration
from mlcmkd.models import Landmarker
from mlcmkd.training.run_directory import WEIGHTS


def main(work: Path, out: Path) -> None:
    """Draws one view."""
    lesson = course.TransferLesson(work=work.resolve())
    runs = {"RGB teacher": course.teacher_run(lesson), "student dikd": course.student_run(lesson)}
    models = {name: Landmarker.load(run / WEIGHTS) for name, run in runs.items()}
    exploration = Exploration(lesson.pairs("val"), models)
    view = exploration.first_view().changed(pair=12, exchanged=True, misalignment=3)
    exploration.figure(view).savefig(out / "explorer.png", dpi=85)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
