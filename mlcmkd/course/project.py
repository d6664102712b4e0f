"""Folders of the project: notebooks, stored tables, and the work folder of the lessons."""

import json
from pathlib import Path

import mlcmkd
from mlcmkd.course.scales import SCALES
from mlcmkd.training.run_directory import CONFIG, WEIGHTS
from mlcmkd.utils.errors import InputError

ROOT = Path(mlcmkd.__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
SOLUTIONS = NOTEBOOKS / "solutions"  # of the exercises
RESULTS = ROOT / "results"  # stored tables of studies
_WORK = "runs/course"
# `work` in the parameters cells of lessons and exercises, relative to the notebook's own folder.
_IN_NOTEBOOKS = (Path("..", _WORK), Path("..", "..", _WORK))


def default_work(scale: str) -> Path:
    """The work folder of a scale, relative to the project; every scale has its own."""
    return Path(_WORK if scale == "laptop" else f"{_WORK}-{scale}")


def work_folder(given: Path | None, scale: str) -> Path:
    """The absolute path of the work folder of a notebook.

    A kernel runs in the folder in which papermill was started, which need not be the notebook's.
    Therefore the path in the parameters cells is taken from the project, not from the working directory.

    Args:
        given: the parameter `work`; None for the default.
        scale: of the lesson.
    """
    if given is not None and given not in _IN_NOTEBOOKS:
        return given.resolve()
    return ((ROOT if NOTEBOOKS.is_dir() else Path.cwd()) / default_work(scale)).resolve()


def check_scale(work: Path, scale: str) -> None:
    """Checks that a work folder contains no trained network of another scale.

    Runs of all scales have the same names, so those of one scale would replace those of another.

    Raises:
        InputError: it contains one.
    """
    for config in sorted(work.glob(f"*/{CONFIG}")):
        other = _scale_of(config) if (config.parent / WEIGHTS).is_file() else None
        if other is not None and other != scale:
            raise InputError(
                f"{work}: contains {config.parent.name} of scale '{other}', which a run of scale "
                f"'{scale}' would replace; name another work folder, such as {work.name}-{scale}"
            )


def _scale_of(config: Path) -> str | None:
    """The scale whose number of synthetic faces a run has; None if it is none."""
    try:
        data = json.loads(config.read_text(encoding="utf-8"))["data"]
        faces = (data["synthetic_train"], data["synthetic_held"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
    sizes = {name: (scale.synthetic_train, scale.synthetic_held) for name, scale in SCALES.items()}
    return next((name for name, size in sizes.items() if size == faces), None)
