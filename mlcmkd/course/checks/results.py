"""Checks of the exercises of lesson 08."""

from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from mlcmkd.course.checks.answers import (
    FORM,
    NotYet,
    as_number,
    as_numbers,
    check_finding,
    check_table,
    check_value,
    is_close,
    require_answer,
)
from mlcmkd.data.manifest import points_of, read_rows
from mlcmkd.utils.errors import InputError


def over_faces(answer: Any, a: np.ndarray, b: np.ndarray) -> str:
    """The 95 % interval of the difference in mean NME, a minus b, over faces, percentage points.

    Args:
        a, b: (N,) NME of every face, shares, of the same faces in the same order.
    """
    low, high = as_numbers(answer, "(low, high)", (2,))
    difference = 100 * (np.asarray(a) - np.asarray(b))
    middle, margin = difference.mean(), 1.96 * stats.sem(difference)
    unpaired = 1.96 * 100 * np.hypot(stats.sem(a), stats.sem(b))
    if low > high:
        raise NotYet("(low, high): the lower end comes first")
    value, half = (low + high) / 2, (high - low) / 2
    tolerance = 0.2 * margin
    if abs(100 * value - middle) < tolerance and abs(100 * half - margin) < tolerance:
        raise NotYet("(low, high) is 100 times too small: convert to percent")
    if abs(value + middle) < tolerance < abs(middle):
        raise NotYet("(low, high): the sign is wrong; the difference is a minus b")
    if abs(value - middle) > tolerance:
        raise NotYet(f"(low, high): its middle is {value:.3f}, which is not the mean difference")
    if abs(half - unpaired) < 0.2 * unpaired and abs(unpaired - margin) > 0.4 * margin:
        raise NotYet(
            "(low, high) is as wide as for two different sets of faces. These are the same faces: "
            "subtract face by face first, which removes the difficulty of a face"
        )
    if half > 5 * margin:
        raise NotYet(
            "(low, high): this is the spread of faces; that of the mean is sqrt(N) times smaller"
        )
    if abs(half - margin) > tolerance:
        raise NotYet(
            "(low, high): the middle is correct, the width is not: use 1.96 standard errors of the "
            "differences in both directions, or a bootstrap"
        )
    return "Right: paired by face. It includes the variation between faces, not between trainings."


def over_seeds(answer: Any, a: dict[int, float], b: dict[int, float]) -> str:
    """The 95 % interval of a minus b over seeds, percentage points; paired by seed, Student's t.

    Args:
        a, b: NME in percent by seed.
    """
    value = as_numbers(answer, "(low, high)", (2,))
    x, y = np.array([a[s] for s in sorted(a)]), np.array([b[s] for s in sorted(a)])
    d, n = x - y, len(a)
    t = stats.t.ppf(0.975, n - 1)

    def around(margin: float) -> np.ndarray:
        return np.array([d.mean() - margin, d.mean() + margin])

    check_value(
        value,
        around(t * stats.sem(d)),
        "(low, high)",
        [
            (around(1.96 * stats.sem(d)), f"1.96 is for many values; {n} seeds have {n - 1} degrees "
             f"of freedom, and Student's t is {t:.2f}"),
            (around(t * d.std() / np.sqrt(n)), "a standard deviation of a sample needs ddof=1"),
            (around(1.96 * d.std() / np.sqrt(n)), "two mistakes: use ddof=1, and Student's t instead "
             "of 1.96"),
            (around(t * d.std(ddof=1)), "this is the spread of seeds; that of the mean is sqrt(n) "
             "times smaller"),
            (around(t * np.hypot(stats.sem(x), stats.sem(y))), "not paired: strategies share their "
             "seeds, so subtract seed by seed first"),
            (-around(t * stats.sem(d))[::-1], "the sign is wrong; the difference is a minus b"),
        ],
        rel=5e-3,
        hint="Mean of the differences by seed, plus and minus t(n-1) standard errors.",
    )  # fmt: skip
    zero = "excludes zero" if value[0] * value[1] > 0 else "contains zero"
    return f"Right, and it {zero}. {n} seeds include the variation between trainings, on the same faces."


def manifest(folder: Any, pts: np.ndarray) -> str:
    """A manifest of own data: subjects in one split each, explicit radiometry, 0-based pixels, labels.

    Args:
        folder: the manifest.
        pts: (N, 68, 2) the points as in the files, counted from 1.
    """
    require_answer(folder, "folder")
    try:
        rows = read_rows(Path(folder))
    except InputError as error:
        raise NotYet(f"the manifest cannot be read: {error}") from error
    if len(rows) != len(pts):
        raise NotYet(f"{len(rows)} rows for {len(pts)} pairs")
    splits = {row.split for row in rows}
    if len(splits) < 2:
        raise NotYet("all rows are in one split; use separate people for validation or test")
    for row in rows:
        where = f"row '{row.id}'"
        if row.rgb_file_name is None or row.thermal_file_name is None:
            raise NotYet(f"{where}: one of the two images is missing; it is not a pair")
        if row.radiometry is None or row.radiometry.kind == "frame-minmax":
            raise NotYet(
                f"{where}: the range is the minimum and maximum of each frame, so the temperature is "
                "lost, although the camera gives degrees C; use an explicit range (FACE_CENTIKELVIN)"
            )
        if row.landmarks is None:
            raise NotYet(f"{where}: no landmarks, although there are annotations")
        if not row.labels:
            raise NotYet(f"{where}: `labels` is empty; state their origin, hand or detector")
        if row.labels == "exact":
            raise NotYet(
                f"{where}: `labels` is exact, which is for synthetic faces; these were annotated by hand"
            )
    have = np.array([points_of(row) for row in rows])
    if is_close(have, pts, 0, 1e-3):
        raise NotYet(
            "the landmarks are shifted by one pixel to the right and down: .pts files count from 1, "
            "manifests from 0"
        )
    if is_close(have, pts - 2, 0, 1e-3):
        raise NotYet(
            "the landmarks are shifted by one pixel to the left and up: subtract 1 once, not twice"
        )
    if not is_close(have, pts - 1, 0, 1e-3):
        raise NotYet("the landmarks are not those of the files minus 1, in the same order")
    return "Right: separate people, degrees C, 0-based pixels, and the origin of the labels."


def warmer(rows: Any, text: Any) -> str:
    """Form of the open experiment: NME over a change of the ambient temperature."""
    value = check_table(rows, ("celsius", "nme_percent"), "rows", least=3)
    if len({as_number(row["celsius"], "celsius") for row in value}) < 3:
        raise NotYet("rows: use at least three different temperatures")
    check_finding(text)
    return FORM
