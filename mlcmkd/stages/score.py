"""Scores predictions of any system, read from files, by the same metrics as our models."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from mlcmkd.data.landmark_faces import LandmarkFiles, match
from mlcmkd.data.landmark_files import read_landmarks
from mlcmkd.data.plausibility import collapsed
from mlcmkd.evaluation.conventions import convention_hints
from mlcmkd.evaluation.metrics import NORMALISERS, Normaliser
from mlcmkd.evaluation.scores import Scores
from mlcmkd.evaluation.scoring import score_points
from mlcmkd.schemes import get_scheme, map_indices
from mlcmkd.stages.common import locks_its_run, validates_config
from mlcmkd.stages.score_tables import write_scores
from mlcmkd.training.run_directory import Run
from mlcmkd.utils.config import Config
from mlcmkd.utils.errors import InputError

# Maps the names of all annotated faces, including folders, to the group of each, or None.
GroupsOf = Callable[[Sequence[str]], list[str | None]]


class ScoreConfig(Config):
    """Predictions in files, and the annotations that they are scored against."""

    predictions: Path = Field(
        description="Folder of .pts files (pixels from 1), a CSV (pixels from 0), or the text file of "
        "results on COFW68 (pixels from 1)."
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


@validates_config
@locks_its_run
def score_files(
    config: ScoreConfig, groups_of: GroupsOf | None = None
) -> tuple[dict[str, Any], Scores]:
    """Scores predictions in files against annotations in files.

    An annotated face without a prediction counts as failed, and so does a face whose predicted points
    coincide (all -1 or 0). A prediction without an annotated face is ignored.

    Args:
        config: the files; with `out`, a run directory is written as by `evaluate`.
        groups_of: groups by the names of the faces, for annotations that do not contain groups.

    Returns:
        The result, as in result.json (the summary, the names without a counterpart or whose points
        coincide, and hints at another convention), and the scores.

    Raises:
        InputError: unusable files, shares of the image size instead of pixels, ambiguous names, no
            face in common, or an `out` that holds the files to be scored.
    """
    if config.out is not None:
        _check_out(config)
    predicted = read_landmarks(
        config.predictions, config.predicted_scheme or config.scheme, config.split
    )
    annotated = read_landmarks(config.annotations, config.scheme, config.split)
    for name, points in annotated.faces.items():
        if fault := collapsed(points):
            raise InputError(f"{config.annotations}, face '{name}': {fault.what}")
    predicted, coincident = _without_marks(config.predictions, predicted)
    matches = match(predicted, annotated)
    if not matches:
        raise InputError(
            f"no prediction has the name of an annotated face: the first are called "
            f"'{next(iter(predicted.faces))}' and '{next(iter(annotated.faces))}'; use equal names"
        )
    target = np.stack(list(annotated.faces.values()))
    prediction = _predictions(predicted, annotated, matches)
    scores = score_points(
        prediction,
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
        "coincident_points": [name for name in matches if matches[name] in coincident],
        "ignored_predictions": sorted(set(predicted.faces) - set(matches.values())),
        "hints": convention_hints(prediction, target, annotated.scheme),
    }
    if config.out is not None:
        run = Run(config.out, "score", config)
        run.note(data=hashlib.sha256(target.tobytes()).hexdigest()[:16])
        write_scores(run, scores)
        run.finish(**result)
    return result, scores


def text(result: dict[str, Any], scores: Scores) -> str:
    """The result as text: the table, the names that need attention, and the hints."""
    lines = [scores.text()]
    for key, meaning in (
        ("without_prediction", "annotated faces have no prediction and count as failed"),
        ("coincident_points", "predictions have coincident points, so they count as failed"),
        ("ignored_predictions", "predictions belong to no annotated face and are ignored"),
    ):
        names = result[key]
        if names:
            more = ", ..." if len(names) > 5 else ""
            lines.append(f"{len(names)} {meaning}: {', '.join(names[:5])}{more}")
    lines += [f"hint: {hint}" for hint in result["hints"]]
    return "\n".join(lines)


def _check_out(config: ScoreConfig) -> None:
    """Refuses a folder in which files of the run, such as landmarks.csv, could replace the user's."""
    out = config.out.resolve()
    for path in (config.predictions, config.annotations):
        if out == (path.parent if path.is_file() else path).resolve():
            raise InputError(f"{config.out}: holds the files to be scored; choose another folder")


def _without_marks(path: Path, files: LandmarkFiles) -> tuple[LandmarkFiles, set[str]]:
    """Predictions with NaN for faces whose points coincide, and the names of these faces.

    Raises:
        InputError: shares of the image size instead of pixels.
    """
    faces, coincident = dict(files.faces), set()
    for name, points in files.faces.items():
        fault = collapsed(points)
        if fault is None:
            continue
        if fault.kind == "shares":
            raise InputError(f"{path}, face '{name}': {fault.what}")
        faces[name] = np.full_like(points, np.nan)
        coincident.add(name)
    return replace(files, faces=faces), coincident


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
