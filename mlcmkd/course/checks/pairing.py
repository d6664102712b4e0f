"""Checks of the exercises of lesson 01."""

from typing import Any

import numpy as np

from mlcmkd.course.checks.answers import (
    FORM,
    NotYet,
    agree,
    call,
    close,
    finding,
    number,
    numbers,
    table,
)
from mlcmkd.data.thermal.radiometry import FACE_CENTIKELVIN, KELVIN, to_centikelvin
from mlcmkd.schemes import IBUG68


def depth_range(answer: Any, apart: float, eyes: float, depth: float, percent: float) -> str:
    """The nearest and farthest face whose residual stays below a limit, metres.

    Args:
        apart: baseline B; eyes: outer eye corners e; depth: Z0, all metres.
        percent: the limit, of the inter-ocular distance.
    """
    found = numbers(answer, "(near, far)", (2,))
    share = percent / 100
    right, swapped = share * eyes / apart, share * apart / eyes
    if found[0] > found[1]:
        raise NotYet("(near, far): the first has to be the nearer one")
    agree(
        found,
        depth * np.array([1 - right, 1 + right]),
        "(near, far)",
        [
            (
                depth * np.array([1 - 100 * right, 1 + 100 * right]),
                f"a limit of {percent:g} % is {share:g}: did you forget percent?",
            ),
            (
                depth * np.array([1 - swapped, 1 + swapped]),
                "B and e have changed places: a wider baseline must leave *less* room",
            ),
            (
                [depth * (1 - right), depth],
                "a face may also be farther away than Z0: look at the absolute value",
            ),
            (
                depth * np.array([1 - share, 1 + share]),
                "the limit is of the inter-ocular distance, not of the depth: B/e is missing",
            ),
            (
                [depth / (1 + right), depth / (1 - right)],
                "that is the range of 1/Z; in percent of the face the distance itself counts, since "
                "a nearer face is larger, too",
            ),
        ],
        rel=4e-3,  # to the centimetre
        hint="Solve B/e * |1 - Z/Z0| = limit for Z, on both sides of Z0.",
    )
    return (
        f"Right: +- {100 * right:.1f} % of the depth. The focal length does not occur, so more pixels "
        "change nothing; the baseline does."
    )


def to_input(function: Any) -> str:
    """A function from 16-bit centikelvin, any shape, to the model's input over 18 to 40 degrees C."""
    celsius = np.array([[18.0, 24.0, 29.0], [34.5, 37.0, 40.0]])
    counts = to_centikelvin(celsius)
    right = FACE_CENTIKELVIN.to_unit(counts)
    found = numbers(call(function, "to_input", counts), "to_input(counts)", counts.shape)
    warm = counts.copy()
    warm[0, 0] = to_centikelvin(np.array(65.0))  # a cup of tea
    with_cup = numbers(call(function, "to_input", warm), "to_input(counts)", counts.shape)
    if not close(found[1], with_cup[1], 1e-3, 1e-3):
        raise NotYet(
            "to_input: a hot cup in one corner changed the face. You took the frame's own minimum "
            "and maximum; the range has to be the same for every frame, 18 to 40 degrees C"
        )
    if close(found, (counts / 100 - 18) / 22, 1e-2):
        raise NotYet(f"to_input: counts / 100 are kelvin; degrees C are {KELVIN} less")
    mistakes = [
        ((celsius - 18) / 40, "divide by the width of the range, 40 - 18, not by its upper end"),
        (celsius / 40, "the lower end of the range has to become 0"),
        ((celsius + 0.15 - 18) / 22, "zero degrees C are 273.15 K, not 273"),
        (np.clip((celsius + 0.15 - 18) / 22, 0, 1), "zero degrees C are 273.15 K, not 273"),
        (celsius, "these are degrees C; the model's input lies between 0 and 1"),
        (1 - right, "warm has to be 1 and cold 0"),
    ]
    agree(found, right, "to_input(counts)", mistakes, rel=2e-3)
    cold = to_centikelvin(np.array([[5.0, 30.0, 65.0]]))
    outside = numbers(call(function, "to_input", cold), "to_input(counts)")
    if outside.min() < 0 or outside.max() > 1:
        raise NotYet(
            "to_input: 5 and 65 degrees C leave 0 to 1; clip what lies outside of the range"
        )
    return "Right: one explicit range for every frame, clipped; temperature survives."


def mirror(function: Any, landmarks: np.ndarray) -> str:
    """A function that mirrors iBUG-68 landmarks, (68, 2) centred coordinates."""
    landmarks = numbers(landmarks, "landmarks", (68, 2))
    flip = list(IBUG68.flip)
    turned = landmarks * [-1, 1]
    kept = landmarks.copy()
    result = call(function, "mirror", landmarks)
    if not close(landmarks, kept):
        raise NotYet("mirror changed the array that it was given; work on a copy")
    found = numbers(result, "mirror(landmarks)", (68, 2))
    agree(
        found,
        turned[flip],
        "mirror(landmarks)",
        [
            (turned, "x is mirrored, but point 36 is still called the left eye: the flip order "
             "(`IBUG68.flip`) is missing"),
            (landmarks[flip], "the points have new names but stand where they stood: mirror x, too"),
            (landmarks, "nothing has changed"),
            ((landmarks * [1, -1])[flip], "you mirrored y: this face stands on its head"),
            ((landmarks * [1, -1]), "you mirrored y: this face stands on its head"),
            (landmarks[::-1] * [-1, 1], "reversing the order is no flip order: the chin, point 8, "
             "has to stay the chin"),
            ((landmarks * [-1, 1] + [1, 0])[flip], "centred coordinates run from -0.5 to 0.5, so a "
             "mirror is x -> -x, not 1 - x"),
        ],
    )  # fmt: skip
    return "Right: mirrored and renamed; doing it twice gives the face back."


def shifts(rows: Any, text: Any) -> str:
    """The form of the open experiment: shift of a photo against what registration found."""
    found = table(rows, ("shift_px", "left_px", "accepted"), "rows", least=4)
    if any(number(row["accepted"], "accepted") not in (0, 1) for row in found):
        raise NotYet("rows: 'accepted' is True or False")
    if len({number(row["shift_px"], "shift_px") for row in found}) < 4:
        raise NotYet("rows: give four different shifts or more")
    finding(text)
    return FORM
