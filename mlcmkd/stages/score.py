"""Scores predictions of any system, read from files, by the same metrics as our models."""

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

# Maps the names of all annotated faces, including folders, to the group of each, or None.
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
    """Scores predictions in files against annotations in files.

    An annotated face without a prediction was not found: it counts as failed. A prediction without
    an annotated face is ignored.

    Args:
        config: with `out`, a run directory is written as by `evaluate`.
        groups_of: groups by name of face, for annotations that do not contain groups.

    Returns:
        the result, as in result.json (the summary, and the names without a counterpart), and the
        scores.

    Raises:
        InputError: unusable files, ambiguous names, no face in common, or an `out` that holds the
            files to be scored.
    """
    if config.out is not None:
        _check_out(config)
    predicted = read_landmarks(
        config.predictions, config.predicted_scheme or config.scheme, config.split
    )
    annotated = read_landmarks(config.annotations, config.scheme, config.split)
    matches = match(predicted, annotated)
    if not matches:
        raise InputError(
            f"no prediction has the name of an annotated face: the first are called "
            f"'{next(iter(predicted.faces))}' and '{next(iter(annotated.faces))}'; use equal names"
        )
    target = np.stack(list(annotated.faces.values()))
    scores = score_points(
        _predictions(predicted, annotated, matches),
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
        "without_prediction": [name for name in annotated.faces if name not in matches],
        "ignored_predictions": sorted(set(predicted.faces) - set(matches.values())),
    }
    if config.out is not None:
        run = Run(config.out, "score", config)
        run.note(data=hashlib.sha256(target.tobytes()).hexdigest()[:16])
        write_scores(run, scores)
        run.finish(**result)
    return result, scores


def text(result: dict[str, Any], scores: Scores) -> str:
    """The result as text: the table, then the names without a counterpart."""
    lines = [scores.text()]
    for key, meaning in (
        ("without_prediction", "annotated faces have no prediction and count as failed"),
        ("ignored_predictions", "predictions belong to no annotated face and are ignored"),
    ):
        names = result[key]
        if names:
            more = ", ..." if len(names) > 5 else ""
            lines.append(f"{len(names)} {meaning}: {', '.join(names[:5])}{more}")
    return "\n".join(lines)


def _check_out(config: ScoreConfig) -> None:
    """The run writes files such as landmarks.csv, which must not overwrite those of the user."""
    out = config.out.resolve()
    for path in (config.predictions, config.annotations):
        if out == (path.parent if path.is_file() else path).resolve():
            raise InputError(f"{config.out}: holds the files to be scored; choose another folder")


def _predictions(
    predicted: LandmarkFiles, annotated: LandmarkFiles, matches: dict[str, str]
) -> np.ndarray:
    """Predictions in the annotations' scheme and order, (N, K, 2); NaN for a face without one."""
    order = list(map_indices(predicted.scheme, annotated.scheme))
    missing = np.full((get_scheme(annotated.scheme).points, 2), np.nan)
    return np.stack(
        [
            predicted.faces[matches[name]][order] if name in matches else missing
            for name in annotated.faces
        ]
    )


def _groups(
    folder: Path, annotated: LandmarkFiles, groups_of: GroupsOf | None
) -> list[str | None] | tuple[()]:
    """Groups from the annotations, otherwise from `groups_of`; empty if no face has one."""
    if annotated.groups:
        return [annotated.groups.get(name) for name in annotated.faces]
    if groups_of is None:
        return ()
    groups = groups_of([f"{folder.resolve().name}/{name}" for name in annotated.faces])
    return groups if any(groups) else ()
