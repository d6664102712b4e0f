"""Checks of the exercises of lesson 02."""

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
from mlcmkd.evaluation.metrics import normaliser_length


def box_nme(function: Any, prediction: np.ndarray, target: np.ndarray) -> str:
    """A function from predicted and annotated landmarks to every face's NME in percent, box.

    Args:
        prediction, target: (N, 68, 2) in one unit.
    """
    prediction, target = (np.asarray(p, dtype=np.float64) for p in (prediction, target))
    found = numbers(
        call(function, "box_nme", prediction, target), "box_nme(...)", (len(target),)
    )  # fmt: skip
    distance = np.linalg.norm(prediction - target, axis=-1).mean(axis=1)
    sides = target.max(axis=1) - target.min(axis=1)
    said = prediction.max(axis=1) - prediction.min(axis=1)
    ocular = normaliser_length(target, "ibug68", "inter-ocular")
    agree(
        found,
        100 * distance / np.sqrt(sides.prod(axis=1)),
        "box_nme(...)",
        [
            (100 * distance / ocular, "you divided by the eye corners' distance; here the normaliser "
             "is the box"),
            (100 * distance / sides.prod(axis=1), "w h is an area; a length is its square root"),
            (100 * distance / sides.max(axis=1), "the longer side is another normaliser; take "
             "sqrt(w h)"),
            (100 * distance / np.linalg.norm(sides, axis=1), "the diagonal is another normaliser; "
             "take sqrt(w h)"),
            (100 * distance / np.sqrt(said.prod(axis=1)), "you took the box of the *predicted* "
             "points: a model that draws large faces would profit"),
        ],
    )  # fmt: skip
    return f"Right: {found.mean():.2f} % (box). The same points in another unit: name it, always."


def tails(failure_rate: Any, area: Any) -> str:
    """Functions (errors, threshold) to the failure rate and the AUC, shares; NaN is a failed face."""
    errors, threshold = np.array([0.02, 0.04, 0.08, 0.10, np.nan]), 0.08
    found = number(call(failure_rate, "failure_rate", errors, threshold), "failure_rate")
    agree(
        found,
        0.4,
        "failure_rate of NMEs 2, 4, 8, 10 % and one face that was not found, at 8 %",
        [
            (0.2, "a face that was not found is NaN, and NaN > 8 % is False; it has to count as a "
             "failure"),
            (0.25, "the face that was not found may not drop out of the whole"),
            (0.6, "8 % does not exceed 8 %: a failure lies above the threshold"),
            (2, "that is a count; a rate is a share of all faces"),
        ],
    )  # fmt: skip
    right = (0.06 + 0.04) / 0.08 / 5
    agree(
        number(call(area, "area", errors, threshold), "area"),
        right,
        "area of the same faces",
        [
            (right * 0.08, "divide by the threshold, so that a perfect model has 1"),
            (right * 5 / 4, "the face that was not found belongs to the whole: it adds 0"),
            (1 - right, "that is the area above the curve"),
            ((0.06 + 0.04 - 0.02) / 0.08 / 5, "a face beyond the threshold adds 0, not less"),
        ],
        rel=2e-2,  # a curve drawn on a fine grid will do
    )
    return "Right: both look at the tail, and a face that was not found is part of it."


def expected_position(function: Any) -> str:
    """A function from one map of logits (h, w) to its expected place (x, y), centred coordinates."""
    logits = np.full((4, 8), -30.0)
    logits[1, 2], logits[1, 3] = np.log(1), np.log(3)
    found = numbers(call(function, "expected_position", logits), "expected_position(logits)", (2,))
    x, y = (0.25 * 2 + 0.75 * 3 + 0.5) / 8 - 0.5, 1.5 / 4 - 0.5
    agree(
        found,
        [x, y],
        "expected_position(logits)",
        [
            ([3.5 / 8 - 0.5, y], "that is the highest cell (argmax); the place lies between cells"),
            ([y, x], "x and y have changed places: axis 0 of an image is y"),
            ([2.75, 1.0], "these are cells; divide by their number, and centre"),
            ([x - 0.5 / 8, y - 0.5 / 4], "a cell's centre lies half a cell further: (i + 0.5) / n"),
            ([x + 0.5, y + 0.5], "coordinates are centred: from -0.5 to 0.5"),
        ],
        rel=1e-4,
        hint="softmax over all cells together, then the mean of the cells' centres.",
    )
    return "Right: a mean of places, so finer than a cell."


def groups(rows: Any, text: Any) -> str:
    """The form of the open experiment: NME by a property of the faces."""
    found = table(rows, ("faces", "nme_percent"), "rows")
    if min(number(row["faces"], "faces") for row in found) < 1:
        raise NotYet("rows: a group without a face has no NME; choose other limits")
    finding(text)
    return FORM
