"""Checks of the exercises of lesson 00."""

from typing import Any

import numpy as np

from mlcmkd.course.checks.answers import as_number, as_numbers, check_choices, check_value
from mlcmkd.evaluation.metrics import normaliser_length

_TRUE = {
    "a pair shows one face at one moment": True,
    "the teacher continues to learn during distillation": False,
    "the student needs an RGB camera at inference": False,
    "a pair without a label can be used for training": True,
}
_HINTS = {
    "a pair shows one face at one moment": "Would landmarks match in two photos "
    "of one person from two days?",
    "the teacher continues to learn during distillation": "Which adjective does the "
    "lesson use for the teacher?",
    "the student needs an RGB camera at inference": "What is the input of the student, and "
    "which network gets the RGB image?",
    "a pair without a label can be used for training": "Which other source of landmarks is there?",
}


def statements(answer: Any) -> str:
    """Four statements of the tour, true or false."""
    check_choices(answer, _TRUE, _HINTS, "answers")
    return (
        "Right: pairs are simultaneous and aligned, the teacher is frozen, and its prediction replaces "
        "a missing label; the input of the student is only the thermal image."
    )


def nme(answer: Any, prediction: np.ndarray, target: np.ndarray) -> str:
    """NME of one face in percent, inter-ocular.

    Args:
        prediction, target: (68, 2) pixels, iBUG-68.
    """
    value = as_number(answer, "nme")
    offset = prediction - target
    distance = np.linalg.norm(offset, axis=1)
    eyes, pupils, box = (
        float(normaliser_length(target[None], "ibug68", name)[0])
        for name in ("inter-ocular", "inter-pupil", "box")
    )
    right = 100 * distance.mean() / eyes
    ocular = "the lesson's normaliser is inter-ocular: the outer eye corners, points 36 and 45"
    check_value(
        value,
        right,
        "nme",
        [
            (100 * distance.mean() / box, f"you divided by the box; {ocular}"),
            (
                100 * distance.mean() / pupils,
                f"you divided by the distance between the pupils; {ocular}",
            ),
            (
                100 * distance.mean() / np.linalg.norm(target[39] - target[42]),
                f"those are the inner eye corners; {ocular}",
            ),
            (
                100 * distance.mean() / np.linalg.norm(target[35] - target[44]),
                "you used points 35 and 44; the indices in the text already count from 0",
            ),
            (distance.mean(), "the value is in pixels: divide by the normaliser"),
            (100 * distance.sum() / eyes, "this is a sum over the points; NME is their mean"),
            (100 * abs(offset).mean() / eyes, "the mean of |dx| and |dy| is not a distance"),
            (100 * abs(offset).sum(1).mean() / eyes, "|dx| + |dy| is not the Euclidean distance"),
            (
                100 * np.sqrt((distance**2).mean()) / eyes,
                "you took the root of the mean square; take the root for each point, then the mean",
            ),
        ],
        hint="Distance of each point, mean over the points, divided by |target[45] - target[36]|.",
        percent=True,
    )
    return f"Right: {distance.mean():.2f} px of {eyes:.1f} px are {right:.2f} % (inter-ocular)."


def gap(points: Any, factor: Any, on_rgb: np.ndarray, on_thermal: np.ndarray) -> str:
    """The modality gap of a set of faces: in percentage points, and as a factor.

    Args:
        on_rgb, on_thermal: (N,) NME of every face, shares.
    """
    rgb, thermal = float(np.mean(on_rgb)), float(np.mean(on_thermal))
    check_value(
        as_number(points, "points"),
        100 * (thermal - rgb),
        "points",
        [(100 * (thermal - rgb) / rgb, "this is the increase relative to the RGB error; points are "
          "a difference")],
    )  # fmt: skip
    mean_ratio = float(np.mean(as_numbers(on_thermal, "on_thermal") / as_numbers(on_rgb, "on_rgb")))
    check_value(
        as_number(factor, "factor"),
        thermal / rgb,
        "factor",
        [
            (rgb / thermal, "inverted: how many times *larger* is the thermal error?"),
            (
                mean_ratio,
                "this is the mean of ratios, dominated by easy faces; divide the means",
            ),
            (thermal / rgb - 1, "this is the relative increase; the factor is larger by one"),
        ],
        hint="Take the mean over faces first, then divide.",
    )
    return (
        f"Right: {100 * rgb:.1f} % on RGB, {100 * thermal:.1f} % on thermal images. Both numbers "
        "describe the gap."
    )
