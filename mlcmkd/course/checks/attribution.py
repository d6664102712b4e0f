"""Checks of the exercises of lesson 06."""

from typing import Any

import numpy as np

from mlcmkd.course.checks.answers import (
    FORM,
    NotYet,
    agree,
    call,
    finding,
    number,
    numbers,
    table,
)


def linear(answer: Any, w: np.ndarray, x: np.ndarray, baseline: np.ndarray) -> str:
    """Integrated gradients of F(x) = w x + c, by hand; one credit a pixel."""
    w, x, baseline = (np.asarray(each, dtype=np.float64) for each in (w, x, baseline))
    agree(
        numbers(answer, "credits", w.shape),
        w * (x - baseline),
        "credits",
        [
            (w * x, "they add up to F(x) - F(0): the baseline here is not zero"),
            (w, "that is the gradient; a pixel that did not change cannot have caused anything"),
            (x - baseline, "how far each pixel moved; what did F make of it?"),
            (w * (baseline - x), "the path runs from the baseline to the image"),
            (abs(w * (x - baseline)), "credits have signs: a pixel may speak against"),
        ],
    )
    return "Right: gradient times the way gone. The sum is F(x) - F(x'), which is completeness."


def path_integral(function: Any) -> str:
    """A function (gradient, x, baseline, steps) to integrated gradients, by a sum over the path."""

    def gradient(x: np.ndarray) -> np.ndarray:  # of F(x) = sum x^3
        return 3 * np.asarray(x, dtype=np.float64) ** 2

    x, baseline, steps = np.array([1.0, -2.0, 0.5]), np.array([0.5, 0.0, 0.5]), 200
    right = x**3 - baseline**3
    mean = (x**2 + x * baseline + baseline**2).round(12)  # of the gradient over the path
    found = numbers(
        call(function, "path_integral", gradient, x, baseline, steps), "path_integral(...)", (3,)
    )
    agree(
        found,
        right,
        "path_integral(...)",
        [
            (mean, "each pixel's mean gradient has to be multiplied by (x - baseline)"),
            (steps * right, "a mean over the steps, not a sum"),
            (gradient(x) * (x - baseline), "that is the gradient at the image alone, times the way; "
             "the path between counts"),
            (mean * x, "multiplied by x: the way gone is (x - baseline)"),
            (-right, "the path runs from the baseline to the image"),
        ],
        rel=2e-2,
        hint="Mean of the gradient over points from baseline to x, times (x - baseline).",
    )  # fmt: skip
    few = numbers(call(function, "path_integral", gradient, x, baseline, 8), "path_integral(...)")
    miss = 100 * abs(few.sum() - right.sum()) / abs(right.sum())
    return (
        f"Right. With 8 steps it misses {miss:.1f} % of F(x) - F(x'); the middles of the steps miss "
        "less than their ends."
    )


def share_near(function: Any) -> str:
    """A function (maps, near) to each map's share of attribution near the landmark.

    It is called with maps (2, 2, 3), signed, and near (2, 2, 3), bool.
    """
    maps = np.array([[[4.0, -1.0, 0.0], [-2.0, 1.0, 0.0]], [[1.0, 1.0, 1.0], [1.0, -4.0, 0.0]]])
    near = np.zeros(maps.shape, bool)
    near[:, 0, :2] = True
    found = numbers(call(function, "share_near", maps, near), "share_near(maps, near)")
    if found.shape == ():
        raise NotYet("share_near: one share a face is asked for; sum over pixels only")
    size = abs(maps)
    with np.errstate(divide="ignore", invalid="ignore"):
        signed = (maps * near).sum((1, 2)) / maps.sum((1, 2))
    agree(
        found,
        (size * near).sum((1, 2)) / size.sum((1, 2)),
        "share_near(maps, near)",
        [
            (np.nan_to_num(signed, posinf=0), "credits for and against cancel: take their sizes "
             "before you add"),
            ((size * near).sum((1, 2)) / near.sum((1, 2)), "divide by all attribution of the map, not "
             "by the number of near pixels"),
            ((size * near).sum((1, 2)), "a share is of the whole map's attribution"),
            ((size * near).mean((1, 2)) / size.max((1, 2)), "the largest pixel is not the whole"),
        ],
    )  # fmt: skip
    return "Right: sizes, near ones, of all. Beside it belongs the share of the *pixels* that are near."


def baselines(rows: Any, text: Any) -> str:
    """The form of the open experiment: how alike maps are under different baselines."""
    for row in table(rows, ("correlation", "completeness_percent"), "rows", least=2):
        if abs(number(row["correlation"], "correlation")) > 1.001:
            raise NotYet("rows: a correlation lies between -1 and 1")
    finding(text)
    return FORM
