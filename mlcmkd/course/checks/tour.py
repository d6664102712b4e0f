"""Checks of the exercises of lesson 00."""

from typing import Any

import numpy as np

from mlcmkd.course.checks.answers import agree, choices, number, numbers
from mlcmkd.evaluation.metrics import normaliser_length

_TRUE = {
    "a pair is one face at one moment": True,
    "the teacher learns on while it teaches": False,
    "the student needs an RGB camera when it is used": False,
    "a pair without a label can still teach": True,
}
_HINTS = {
    "a pair is one face at one moment": "Two photos of one person on two days: which landmarks "
    "would lie on the same pixels?",
    "the teacher learns on while it teaches": "What is the little word before *teacher*?",
    "the student needs an RGB camera when it is used": "What does the student read, and who reads "
    "the RGB image?",
    "a pair without a label can still teach": "Who else knows where the landmarks are?",
}


def statements(answer: Any) -> str:
    """Four statements of the tour, true or false, by their text."""
    choices(answer, _TRUE, _HINTS, "answers")
    return (
        "Right: pairs are simultaneous and aligned, the teacher is frozen, and its answer stands in "
        "for a missing label; the student reads thermal images alone."
    )


def nme(answer: Any, prediction: np.ndarray, target: np.ndarray) -> str:
    """NME of one face in percent, inter-ocular.

    Args:
        prediction, target: (68, 2) pixels, iBUG-68.
    """
    found = number(answer, "nme")
    off = prediction - target
    distance = np.linalg.norm(off, axis=1)
    eyes, pupils, box = (
        float(normaliser_length(target[None], "ibug68", name)[0])
        for name in ("inter-ocular", "inter-pupil", "box")
    )
    right = 100 * distance.mean() / eyes
    ocular = "the lesson's normaliser is inter-ocular: the outer eye corners, points 36 and 45"
    agree(
        found,
        right,
        "nme",
        [
            (100 * distance.mean() / box, f"you divided by the box; {ocular}"),
            (
                100 * distance.mean() / pupils,
                f"you divided by the distance of the pupils; {ocular}",
            ),
            (
                100 * distance.mean() / np.linalg.norm(target[39] - target[42]),
                f"those are the inner eye corners; {ocular}",
            ),
            (
                100 * distance.mean() / np.linalg.norm(target[35] - target[44]),
                "points 35 and 44: the numbers in the text count from 0 already",
            ),
            (distance.mean(), "these are pixels: divide by the normaliser"),
            (100 * distance.sum() / eyes, "a sum over the points; NME is their mean"),
            (100 * abs(off).mean() / eyes, "the mean of |dx| and |dy| is no distance"),
            (100 * abs(off).sum(1).mean() / eyes, "|dx| + |dy| is no Euclidean distance"),
            (
                100 * np.sqrt((distance**2).mean()) / eyes,
                "you averaged squares and took the root at the end; the root comes first",
            ),
        ],
        hint="Distance of each point, mean over the points, divided by |target[45] - target[36]|.",
        percent=True,
    )
    return f"Right: {distance.mean():.2f} px of {eyes:.1f} px are {right:.2f} % (inter-ocular)."


def gap(points: Any, factor: Any, on_rgb: np.ndarray, on_thermal: np.ndarray) -> str:
    """The modality gap of a set of faces: in points of percent, and as a factor.

    Args:
        on_rgb, on_thermal: (N,) NME of every face, shares.
    """
    rgb, thermal = float(np.mean(on_rgb)), float(np.mean(on_thermal))
    agree(
        number(points, "points"),
        100 * (thermal - rgb),
        "points",
        [(100 * (thermal - rgb) / rgb, "that is the growth in percent of the RGB error; points are "
          "a plain difference")],
    )  # fmt: skip
    each = float(np.mean(numbers(on_thermal, "on_thermal") / numbers(on_rgb, "on_rgb")))
    agree(
        number(factor, "factor"),
        thermal / rgb,
        "factor",
        [
            (rgb / thermal, "upside down: how many times *larger* is the thermal error?"),
            (each, "a mean of ratios lets the easiest faces decide; divide the two means"),
            (thermal / rgb - 1, "that is the growth; the factor is one more"),
        ],
        hint="Mean over faces first, then divide.",
    )
    return (
        f"Right: {100 * rgb:.1f} % becomes {100 * thermal:.1f} %; the modality gap is both numbers."
    )
