"""Checks of the exercises of lesson 03b."""

from typing import Any

import numpy as np

from mlcmkd.course.checks.answers import (
    FORM,
    NotYet,
    as_number,
    as_numbers,
    call_function,
    check_finding,
    check_table,
    check_value,
    is_close,
)


def depth_range(answer: Any, apart: float, eyes: float, depth: float, percent: float) -> str:
    """The smallest and largest distance of a face with a residual below a limit, metres.

    Args:
        apart: baseline B; eyes: outer eye corners e; depth: Z0, all metres.
        percent: the limit, of the inter-ocular distance.
    """
    value = as_numbers(answer, "(near, far)", (2,))
    share = percent / 100
    right, swapped = share * eyes / apart, share * apart / eyes
    if value[0] > value[1]:
        raise NotYet("(near, far): the first has to be the smaller distance")
    check_value(
        value,
        depth * np.array([1 - right, 1 + right]),
        "(near, far)",
        [
            (
                depth * np.array([1 - 100 * right, 1 + 100 * right]),
                f"a limit of {percent:g} % is {share:g}: the percent sign was ignored",
            ),
            (
                depth * np.array([1 - swapped, 1 + swapped]),
                "B and e are exchanged: a longer baseline gives a *smaller* range",
            ),
            (
                [depth * (1 - right), depth],
                "a face may also be farther away than Z0: note the absolute value",
            ),
            (
                depth * np.array([1 - share, 1 + share]),
                "the limit is of the inter-ocular distance, not of the depth: B/e is missing",
            ),
            (
                [depth / (1 + right), depth / (1 - right)],
                "this is the range of 1/Z; relative to the face the distance itself is used, because "
                "a nearer face is also larger",
            ),
        ],
        rel=4e-3,  # to the centimetre
        hint="Solve B/e * |1 - Z/Z0| = limit for Z, on both sides of Z0.",
    )
    return (
        f"Right: +- {100 * right:.1f} % of the depth. The range depends on the baseline, not on the "
        "focal length or the number of pixels."
    )


def offsets(function: Any) -> str:
    """A function (rgb, thermal), each (N, 68, 2) pixels, to the shift of the RGB face of each pair."""
    rng = np.random.default_rng(0)
    right = np.array([[4.0, -3.0], [-2.0, 1.0], [0.5, 6.0]])
    thermal = rng.uniform(10, 50, (3, 68, 2))
    noise = rng.exponential(3.0, thermal.shape)  # skewed: its median is not its mean
    noise -= noise.mean(axis=1, keepdims=True)
    rgb = thermal + right[:, None] + noise
    value = as_numbers(call_function(function, "offsets", rgb, thermal), "offsets(...)")
    off = rgb - thermal
    mistakes = [
        (off.mean(axis=(0, 1)), "this is one shift for all pairs; each pair has its own"),
        (off, "this is one shift per landmark: average over the landmarks of a pair"),
        (off.mean(axis=2), "you averaged over x and y: average over the landmarks, axis 1"),
        (off.sum(axis=1), "this is a sum over the landmarks, not their mean"),
        (np.abs(off).mean(axis=1), "with absolute values the errors cannot cancel, and the direction "
         "is lost"),
        (np.linalg.norm(off, axis=2).mean(axis=1), "with distances the errors cannot cancel, and the "
         "direction is lost"),
        (np.median(off, axis=1), "the median does not let skewed errors cancel; use the mean"),
        (-right, "the sign is reversed: RGB minus thermal"),
    ]  # fmt: skip
    for wrong, message in mistakes:
        if is_close(value, wrong):
            raise NotYet(f"offsets: {message}")
    if value.shape != right.shape:
        raise NotYet(
            f"offsets(...) has the shape {value.shape}; the required shape is {right.shape}"
        )
    check_value(value, right, "offsets(...)", hint="Mean over the landmarks of RGB minus thermal.")
    return "Right: one shift per pair; errors of single landmarks cancel in the mean."


def shifts(rows: Any, text: Any) -> str:
    """Form of the open experiment: shift of a photo and the remaining error after registration."""
    value = check_table(rows, ("shift_px", "left_px", "accepted"), "rows", least=4)
    if any(as_number(row["accepted"], "accepted") not in (0, 1) for row in value):
        raise NotYet("rows: 'accepted' is True or False")
    if len({as_number(row["shift_px"], "shift_px") for row in value}) < 4:
        raise NotYet("rows: give four different shifts or more")
    check_finding(text)
    return FORM
