"""Checks of the exercises of lesson 08."""

from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from mlcmkd.course.checks.answers import (
    FORM,
    NotYet,
    agree,
    close,
    finding,
    given,
    number,
    numbers,
    table,
)
from mlcmkd.data.manifest import read_rows
from mlcmkd.utils.errors import InputError


def over_faces(answer: Any, a: np.ndarray, b: np.ndarray) -> str:
    """The 95 % interval of a's mean NME less b's over the same faces, points of percent.

    Args:
        a, b: (N,) NME of every face, shares, face by face the same.
    """
    low, high = numbers(answer, "(low, high)", (2,))
    difference = 100 * (np.asarray(a) - np.asarray(b))
    middle, reach = difference.mean(), 1.96 * stats.sem(difference)
    apart = 1.96 * 100 * np.hypot(stats.sem(a), stats.sem(b))
    if low > high:
        raise NotYet("(low, high): the lower end comes first")
    found, half = (low + high) / 2, (high - low) / 2
    tolerance = 0.2 * reach
    if abs(100 * found - middle) < tolerance and abs(100 * half - reach) < tolerance:
        raise NotYet("(low, high) is 100 times too small: did you forget percent?")
    if abs(found + middle) < tolerance < abs(middle):
        raise NotYet("(low, high): the sign is the other way round; it is a less b")
    if abs(found - middle) > tolerance:
        raise NotYet(
            f"(low, high): its middle is {found:.3f}; the mean difference is somewhere else"
        )
    if abs(half - apart) < 0.2 * apart and abs(apart - reach) > 0.4 * reach:
        raise NotYet(
            "(low, high) is as wide as for two different sets of faces. These are the same faces: "
            "subtract face by face first, then what makes a face hard drops out"
        )
    if half > 5 * reach:
        raise NotYet(
            "(low, high): that is the spread of faces; the mean's is sqrt(N) times smaller"
        )
    if abs(half - reach) > tolerance:
        raise NotYet(
            "(low, high): the middle is right, the width is not: 1.96 standard errors of the "
            "differences to either side, or a bootstrap of them"
        )
    return (
        "Right: paired by face. It knows the chance in the faces, not the chance in the training."
    )


def over_seeds(answer: Any, a: dict[int, float], b: dict[int, float]) -> str:
    """The 95 % interval of a less b over seeds, points of percent; paired by seed, Student's t.

    Args:
        a, b: NME in percent by seed.
    """
    found = numbers(answer, "(low, high)", (2,))
    x, y = np.array([a[s] for s in sorted(a)]), np.array([b[s] for s in sorted(a)])
    d, n = x - y, len(a)
    t = stats.t.ppf(0.975, n - 1)

    def around(reach: float) -> np.ndarray:
        return np.array([d.mean() - reach, d.mean() + reach])

    agree(
        found,
        around(t * stats.sem(d)),
        "(low, high)",
        [
            (around(1.96 * stats.sem(d)), f"1.96 is for many; {n} seeds have {n - 1} degrees of "
             f"freedom, and Student's t is {t:.2f}"),
            (around(t * d.std() / np.sqrt(n)), "a standard deviation over few values needs ddof=1"),
            (around(1.96 * d.std() / np.sqrt(n)), "two things: ddof=1, and Student's t for 1.96"),
            (around(t * d.std(ddof=1)), "the spread of single seeds; the mean's is sqrt(n) smaller"),
            (around(t * np.hypot(stats.sem(x), stats.sem(y))), "not paired: strategies share their "
             "seeds, so subtract seed by seed first"),
            (-around(t * stats.sem(d))[::-1], "the sign is the other way round; it is a less b"),
        ],
        rel=5e-3,
        hint="Differences by seed, their mean, and t(n-1) standard errors to either side.",
    )  # fmt: skip
    sure = "is clear of zero" if found[0] * found[1] > 0 else "holds zero"
    return (
        f"Right, and it {sure}. {n} seeds know the chance in the training; the faces are the same."
    )


def manifest(folder: Any, pts: np.ndarray) -> str:
    """A manifest made of own data: subjects apart, radiometry explicit, pixels from 0, labels told.

    Args:
        folder: the manifest.
        pts: (N, 68, 2) the points as their files hold them, counted from 1.
    """
    given(folder, "folder")
    try:
        rows = read_rows(Path(folder))
    except InputError as error:
        raise NotYet(f"the manifest cannot be read: {error}") from error
    if len(rows) != len(pts):
        raise NotYet(f"{len(rows)} rows for {len(pts)} pairs")
    splits = {row.split for row in rows}
    if len(splits) < 2:
        raise NotYet("all rows are in one split; keep people apart for validation or test")
    for row in rows:
        where = f"row '{row.id}'"
        if row.rgb_file_name is None or row.thermal_file_name is None:
            raise NotYet(f"{where}: one of the two images is missing; it is no pair")
        if row.radiometry is None or row.radiometry.kind == "frame-minmax":
            raise NotYet(
                f"{where}: every frame its own minimum and maximum, so the temperature is lost, though "
                "your camera gave degrees C; use an explicit range (FACE_CENTIKELVIN)"
            )
        if row.landmarks is None:
            raise NotYet(f"{where}: no landmarks, though there are annotations")
        if not row.labels:
            raise NotYet(f"{where}: `labels` is empty; say how they came about, hand or detector")
        if row.labels == "exact":
            raise NotYet(
                f"{where}: `labels` says exact, which only drawn faces have; these were marked by hand"
            )
    have = np.array([row.landmarks for row in rows])
    if close(have, pts, 0, 1e-3):
        raise NotYet(
            "the landmarks lie one pixel to the right and below: .pts files count from 1, manifests "
            "from 0"
        )
    if close(have, pts - 2, 0, 1e-3):
        raise NotYet(
            "the landmarks lie one pixel to the left and above: take 1 away once, not twice"
        )
    if not close(have, pts - 1, 0, 1e-3):
        raise NotYet("the landmarks are not those of the files, in their order, less 1")
    return (
        "Right: people apart, degrees C kept, pixels from 0, and the reader is told who labelled."
    )


def warmer(rows: Any, text: Any) -> str:
    """The form of the open experiment: NME over a change of the room's temperature."""
    found = table(rows, ("celsius", "nme_percent"), "rows", least=3)
    if len({number(row["celsius"], "celsius") for row in found}) < 3:
        raise NotYet("rows: three different temperatures or more")
    finding(text)
    return FORM
