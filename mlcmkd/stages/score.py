"""Predictions made elsewhere, against annotations: any system, by the same figures as ours."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from mlcmkd.data.landmark_files import LandmarkFiles, match, read_landmarks
from mlcmkd.evaluation.metrics import NORMALISERS, Normaliser
from mlcmkd.evaluation.scores import Scores
from mlcmkd.evaluation.scoring import score_points
from mlcmkd.schemes import get_scheme, map_indices
from mlcmkd.stages.score_tables import write_scores
from mlcmkd.training.run_directory import Run
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError

# Called with the names of all annotated faces, folders included; gives the group of each, or None.
GroupsOf = Callable[[Sequence[str]], list[str | None]]


class ScoreConfig(Config):
    """Predictions in files, and the annotations that they are scored against."""

    predictions: Path = Field(
        description="Folder of .pts files (pixels from 1), or a CSV (pixels from 0)."
    )
    annotations: Path = Field(
        description="Folder of .pts files, a CSV, or the folder of a manifest."
    )
    out: Path | None = Field(
        default=None, description="Run directory to write; None to write nothing."
    )
    scheme: str = Field(
        default="ibug68", description="Landmark scheme of files that do not name theirs."
    )
    predicted_scheme: str | None = Field(
        default=None, description="Landmark scheme of the predictions, if it is another one."
    )
    split: Literal["train", "val", "test"] = Field(
        default="test", description="Split of a manifest to score."
    )
    normaliser: Normaliser = Field(
        default="inter-ocular", description="Distance that errors are divided by."
    )
    threshold: float = Field(
        default=0.08, gt=0, lt=1, description="Threshold of FR and AUC, a share: 0.08 is 8 %."
    )


def score_files(
    config: ScoreConfig, groups_of: GroupsOf | None = None
) -> tuple[dict[str, Any], Scores]:
    """Scores files against files; with `out` it writes a run directory as `evaluate` does.

    An annotated face without a prediction was not found: it counts as failed. A prediction of no
    annotated face is ignored. `groups_of` tells groups by name, where the annotations do not.

    Returns:
        the result, as result.json holds it: the summary, and which names had no counterpart; and
        the scores.

    Raises:
        InputError: files that cannot be used, names that are not clear, not one face in common, or
            an `out` that holds the files to be scored.
    """
    if config.out is not None:
        _refuse_own_folder(config)
    predicted = read_landmarks(
        config.predictions, config.predicted_scheme or config.scheme, config.split
    )
    annotated = read_landmarks(config.annotations, config.scheme, config.split)
    found = match(predicted, annotated)
    if not found:
        raise InputError(
            f"no prediction is of an annotated face: the first are called "
            f"'{next(iter(predicted.faces))}' and '{next(iter(annotated.faces))}'; name them alike"
        )
    target = np.stack(list(annotated.faces.values()))
    scores = score_points(
        _predictions(predicted, annotated, found),
        target,
        annotated.scheme,
        list(annotated.faces),
        normaliser=config.normaliser,
        threshold=config.threshold,
        groups=_groups(config.annotations, annotated, groups_of),
    )
    result = {
        "scheme": annotated.scheme,
        "normaliser_is": NORMALISERS[config.normaliser],
        **scores.summary(),
        "without_prediction": [name for name in annotated.faces if name not in found],
        "ignored_predictions": sorted(set(predicted.faces) - set(found.values())),
    }
    if config.out is not None:
        run = Run(config.out, "score", config)
        run.note(data=hashlib.sha256(target.tobytes()).hexdigest()[:16])
        write_scores(run, scores)
        run.finish(**result)
    return result, scores


def text(result: dict[str, Any], scores: Scores) -> str:
    """The result for people: the table, then the faces without a counterpart."""
    lines = [scores.text()]
    for key, told in (
        ("without_prediction", "annotated faces have no prediction and count as failed"),
        ("ignored_predictions", "predictions are of no annotated face and are ignored"),
    ):
        names = result[key]
        if names:
            more = ", ..." if len(names) > 5 else ""
            lines.append(f"{len(names)} {told}: {', '.join(names[:5])}{more}")
    return "\n".join(lines)


def _refuse_own_folder(config: ScoreConfig) -> None:
    """A run writes files such as landmarks.csv, which must not take the place of the user's."""
    out = config.out.resolve()
    for path in (config.predictions, config.annotations):
        if out == (path.parent if path.is_file() else path).resolve():
            raise InputError(f"{config.out}: holds what is to be scored; choose another folder")


def _predictions(
    predicted: LandmarkFiles, annotated: LandmarkFiles, found: dict[str, str]
) -> np.ndarray:
    """Predictions in the annotations' scheme and order, (N, K, 2); NaN for a face without one."""
    order = list(map_indices(predicted.scheme, annotated.scheme))
    none = np.full((get_scheme(annotated.scheme).points, 2), np.nan)
    return np.stack(
        [predicted.faces[found[name]][order] if name in found else none for name in annotated.faces]
    )


def _groups(
    folder: Path, annotated: LandmarkFiles, groups_of: GroupsOf | None
) -> list[str | None] | tuple[()]:
    if annotated.groups:
        return [annotated.groups.get(name) for name in annotated.faces]
    told = groups_of([f"{folder.resolve().name}/{n}" for n in annotated.faces]) if groups_of else []
    return told if any(told) else ()
