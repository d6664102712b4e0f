"""Checks of the exercises of lesson 06."""

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
)


def linear(answer: Any, w: np.ndarray, x: np.ndarray, baseline: np.ndarray) -> str:
    """Integrated gradients of F(x) = w x + c, computed by hand; one credit per pixel."""
    w, x, baseline = (np.asarray(array, dtype=np.float64) for array in (w, x, baseline))
    check_value(
        as_numbers(answer, "credits", w.shape),
        w * (x - baseline),
        "credits",
        [
            (w * x, "they sum to F(x) - F(0): the baseline here is not zero"),
            (w, "this is the gradient; a pixel that did not change contributes nothing"),
            (x - baseline, "this is the change of each pixel; multiply by the gradient of F"),
            (w * (baseline - x), "the path starts at the baseline and ends at the image"),
            (abs(w * (x - baseline)), "credits have signs: a pixel can decrease F"),
        ],
    )
    return "Right: gradient times change. The sum is F(x) - F(x'), which is completeness."


def path_integral(function: Any) -> str:
    """A function (gradient, x, baseline, steps) to integrated gradients, a sum over the path."""

    def gradient(x: np.ndarray) -> np.ndarray:  # of F(x) = sum x^3
        return 3 * np.asarray(x, dtype=np.float64) ** 2

    x, baseline, steps = np.array([1.0, -2.0, 0.5]), np.array([0.5, 0.0, 0.5]), 200
    right = x**3 - baseline**3
    mean = (x**2 + x * baseline + baseline**2).round(12)  # of the gradient over the path
    value = as_numbers(
        call_function(function, "path_integral", gradient, x, baseline, steps),
        "path_integral(...)",
        (3,),
    )
    check_value(
        value,
        right,
        "path_integral(...)",
        [
            (mean, "the mean gradient of each pixel has to be multiplied by (x - baseline)"),
            (steps * right, "use the mean over the steps, not the sum"),
            (gradient(x) * (x - baseline), "you used the gradient at the image alone; average it over "
             "the path"),
            (mean * x, "multiplied by x: the change is (x - baseline)"),
            (-right, "the path starts at the baseline and ends at the image"),
        ],
        rel=2e-2,
        hint="Mean of the gradient over points from baseline to x, times (x - baseline).",
    )  # fmt: skip
    few = as_numbers(
        call_function(function, "path_integral", gradient, x, baseline, 8), "path_integral(...)"
    )
    miss = 100 * abs(few.sum() - right.sum()) / abs(right.sum())
    return (
        f"Right. With 8 steps the completeness error is {miss:.1f} % of F(x) - F(x'); the midpoints "
        "of the steps have a smaller error than their ends."
    )


def share_near(function: Any) -> str:
    """A function (maps, near) to the share of each map's absolute attribution near the landmark.

    It is called with maps (2, 2, 3), signed, and near (2, 2, 3), bool.
    """
    maps = np.array([[[4.0, -1.0, 0.0], [-2.0, 1.0, 0.0]], [[1.0, 1.0, 1.0], [1.0, -4.0, 0.0]]])
    near = np.zeros(maps.shape, bool)
    near[:, 0, :2] = True
    value = as_numbers(call_function(function, "share_near", maps, near), "share_near(maps, near)")
    if value.shape == ():
        raise NotYet("share_near: one share per face is required; sum over pixels only")
    size = abs(maps)
    with np.errstate(divide="ignore", invalid="ignore"):
        signed = (maps * near).sum((1, 2)) / maps.sum((1, 2))
    check_value(
        value,
        (size * near).sum((1, 2)) / size.sum((1, 2)),
        "share_near(maps, near)",
        [
            (np.nan_to_num(signed, posinf=0), "positive and negative credits cancel: take absolute "
             "values before the sum"),
            ((size * near).sum((1, 2)) / near.sum((1, 2)), "divide by the absolute attribution of the "
             "whole map, not by the number of near pixels"),
            ((size * near).sum((1, 2)), "divide by the absolute attribution of the whole map"),
            ((size * near).mean((1, 2)) / size.max((1, 2)), "divide by the sum, not by the maximum"),
        ],
    )  # fmt: skip
    return (
        "Right: absolute values, near divided by all. Compare it with the share of near *pixels*."
    )


def baselines(rows: Any, text: Any) -> str:
    """Form of the open experiment: similarity of maps with different baselines."""
    for row in check_table(rows, ("correlation", "completeness_percent"), "rows", least=2):
        if abs(as_number(row["correlation"], "correlation")) > 1.001:
            raise NotYet("rows: a correlation lies between -1 and 1")
    check_finding(text)
    return FORM
