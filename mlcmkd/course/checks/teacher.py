"""Checks of the exercises of lesson 02."""

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
from mlcmkd.evaluation.metrics import normaliser_length


def box_nme(function: Any, prediction: np.ndarray, target: np.ndarray) -> str:
    """A function from predicted and annotated landmarks to the NME of every face in percent, box.

    Args:
        prediction, target: (N, 68, 2) in one unit.
    """
    prediction, target = (np.asarray(p, dtype=np.float64) for p in (prediction, target))
    value = as_numbers(
        call_function(function, "box_nme", prediction, target), "box_nme(...)", (len(target),)
    )  # fmt: skip
    distance = np.linalg.norm(prediction - target, axis=-1).mean(axis=1)
    sides = target.max(axis=1) - target.min(axis=1)
    predicted_sides = prediction.max(axis=1) - prediction.min(axis=1)
    ocular = normaliser_length(target, "ibug68", "inter-ocular")
    check_value(
        value,
        100 * distance / np.sqrt(sides.prod(axis=1)),
        "box_nme(...)",
        [
            (100 * distance / ocular, "you divided by the distance between the eye corners; here the "
             "normaliser is the box"),
            (100 * distance / sides.prod(axis=1), "w h is an area; take its square root"),
            (100 * distance / sides.max(axis=1), "the longer side is another normaliser; take "
             "sqrt(w h)"),
            (100 * distance / np.linalg.norm(sides, axis=1), "the diagonal is another normaliser; "
             "take sqrt(w h)"),
            (100 * distance / np.sqrt(predicted_sides.prod(axis=1)), "you used the box of the "
             "*predicted* points: a model that predicts large faces would have an advantage"),
        ],
    )  # fmt: skip
    return f"Right: {value.mean():.2f} % (box). Always report the normaliser."


def tails(failure_rate: Any, area: Any) -> str:
    """Functions (errors, threshold) to the failure rate and the AUC, as shares; NaN is a failure."""
    errors, threshold = np.array([0.02, 0.04, 0.08, 0.10, np.nan]), 0.08
    value = as_number(
        call_function(failure_rate, "failure_rate", errors, threshold), "failure_rate"
    )
    check_value(
        value,
        0.4,
        "failure_rate of NMEs 2, 4, 8, 10 % and one face that was not found, at 8 %",
        [
            (0.2, "a face that was not found is NaN, and NaN > 8 % is False; it has to count as a "
             "failure"),
            (0.25, "the face that was not found has to be counted in the denominator"),
            (0.6, "8 % does not exceed 8 %: a failure is above the threshold"),
            (2, "this is a count; a rate is a share of all faces"),
        ],
    )  # fmt: skip
    right = (0.06 + 0.04) / 0.08 / 5
    check_value(
        as_number(call_function(area, "area", errors, threshold), "area"),
        right,
        "area of the same faces",
        [
            (right * 0.08, "divide by the threshold, so that a perfect model has an area of 1"),
            (right * 5 / 4, "the face that was not found has to be counted: it adds 0"),
            (1 - right, "this is the area above the curve"),
            (
                (0.06 + 0.04 - 0.02) / 0.08 / 5,
                "a face above the threshold adds 0, not a negative value",
            ),
        ],
        rel=2e-2,  # a curve on a fine grid is accepted
    )
    return "Right: both measure the tail of the errors, including faces that were not found."


def expected_position(function: Any) -> str:
    """A function from one map of logits (h, w) to the expected position (x, y), centred coordinates."""
    logits = np.full((4, 8), -30.0)
    logits[1, 2], logits[1, 3] = np.log(1), np.log(3)
    value = as_numbers(
        call_function(function, "expected_position", logits), "expected_position(logits)", (2,)
    )
    x, y = (0.25 * 2 + 0.75 * 3 + 0.5) / 8 - 0.5, 1.5 / 4 - 0.5
    check_value(
        value,
        [x, y],
        "expected_position(logits)",
        [
            (
                [3.5 / 8 - 0.5, y],
                "this is the highest cell (argmax); take the expectation",
            ),
            ([y, x], "x and y are exchanged: axis 0 of an image is y"),
            ([2.75, 1.0], "the values are in cells; divide by their number and centre"),
            (
                [x - 0.5 / 8, y - 0.5 / 4],
                "the centre of a cell is half a cell further: (i + 0.5) / n",
            ),
            ([x + 0.5, y + 0.5], "coordinates are centred: from -0.5 to 0.5"),
        ],
        rel=1e-4,
        hint="Softmax over all cells together, then the weighted mean of the cell centres.",
    )
    return "Right: a weighted mean of positions, which is finer than a cell."


def groups(rows: Any, text: Any) -> str:
    """Form of the open experiment: NME by a property of the faces."""
    value = check_table(rows, ("faces", "nme_percent"), "rows")
    if min(as_number(row["faces"], "faces") for row in value) < 1:
        raise NotYet("rows: a group without faces has no NME; choose other limits")
    check_finding(text)
    return FORM
