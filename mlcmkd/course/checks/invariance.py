"""Checks of the exercises of lesson 07."""

from typing import Any

import numpy as np

from mlcmkd.course.checks.answers import (
    FORM,
    NotYet,
    as_number,
    call_function,
    check_choices,
    check_finding,
    check_table,
    require_answer,
)
from mlcmkd.evaluation.invariance import linear_cka

_STAYS = {
    "a constant added to each channel": True,
    "all channels three times as large": True,
    "one channel three times as large": False,
    "channels rotated into each other": True,
    "channels in another order": True,
    "rows of one modality in another order": False,
}
_WHY = {
    "a constant added to each channel": "What does centring subtract?",
    "all channels three times as large": "Compare the factor in the numerator and the denominator.",
    "one channel three times as large": "It now has nine times its variance, in one set only; this "
    "is neither a rotation nor a common scale.",
    "channels rotated into each other": "A rotation keeps all lengths: does it change the norm of a "
    "matrix?",
    "channels in another order": "Another order of the columns keeps all lengths, as a rotation does.",
    "rows of one modality in another order": "CKA assumes that row i of both sets is the same sample.",
}


def cka_stays(answer: Any) -> str:
    """Whether linear CKA stays 1 for six changes of a set of features."""
    check_choices(answer, _STAYS, _WHY, "answers")
    return "Right: CKA is invariant to a shift, one scale, and a rotation; a head is not."


def cka(function: Any) -> str:
    """A function (x, y) of (n, p) and (n, q) to their linear CKA."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 4)) + [5, 0, 0, 0]
    y = np.concatenate([x[:, :2] @ rng.normal(size=(2, 3)), rng.normal(size=(60, 2)) + 2], axis=1)
    value, right = as_number(call_function(function, "cka", x, y), "cka(x, y)"), linear_cka(x, y)
    if abs(value - right) < 1e-4:
        return f"Right: {right:.3f} for these sets, 1 for a set with itself, rotated or not."

    def by_hand(a: np.ndarray, b: np.ndarray, squared: bool = True) -> float:
        cross = np.linalg.norm(b.T @ a)
        top = cross**2 if squared else cross
        return float(top / (np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)))

    xc, yc = x - x.mean(0), y - y.mean(0)
    rows = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    for wrong, message in (
        (by_hand(x, y), "not centred: subtract the mean of every column"),
        (by_hand(*rows), "you centred the rows; subtract the mean of every *column*"),
        (by_hand(xc, yc, squared=False), "the numerator is the *square* of the norm"),
        (by_hand(xc / xc.std(0), yc / yc.std(0)), "you standardised the columns; the variance of a "
         "channel has to be kept"),
    ):  # fmt: skip
        if abs(value - wrong) < 1e-4:
            raise NotYet(f"cka: {message}")
    if value > 1 + 1e-6:
        raise NotYet(f"cka: {value:.3f} is above 1; check the denominator, two Frobenius norms")
    raise NotYet(
        f"cka: {value:.4f} is not correct for the test data; compare your code with the formula"
    )


def folds(answer: Any, subjects: tuple[str, ...]) -> str:
    """Groups for the folds of the probe: one per row of the stacked RGB and thermal features.

    Args:
        subjects: (N,) the person of each pair.
    """
    require_answer(answer, "groups")
    groups, count = np.asarray(answer), len(subjects)
    if groups.shape == (count,):
        raise NotYet(
            f"groups: {count} for {2 * count} rows; RGB and thermal are stacked, two rows per pair"
        )
    if groups.shape != (2 * count,):
        raise NotYet(f"groups: the shape is {groups.shape}; the required shape is ({2 * count},)")
    people = np.tile(np.array(subjects), 2)
    if np.array_equal(groups, np.repeat(np.array(subjects), 2)):
        raise NotYet(
            "groups: the rows are all RGB features, then all thermal ones; repeat the *list* (np.tile), "
            "not each element"
        )
    if any(len(set(groups[people == name].tolist())) > 1 for name in set(subjects)):
        pair = np.tile(np.arange(count), 2)
        by_pair = all(len(set(groups[pair == n].tolist())) == 1 for n in range(count))
        leak = (
            "pictures of one person are in several groups: with groups by pair, the probe learns the "
            "features of a person from their other pictures"
            if by_pair
            else "the two images of a pair are in different groups: the probe knows the face and "
            "predicts the modality of the other image, which is wrong"
        )
        raise NotYet(f"groups: {leak}. Put all rows of a person into one group")
    if len(set(groups.tolist())) < 2:
        raise NotYet("groups: all rows are in one group; there would be no test set")
    return "Right: no person of the test set is in the training set, in either modality."


def counts(rows: Any, text: Any) -> str:
    """Form of the open experiment: measures of invariance over the number of faces."""
    value = check_table(rows, ("faces", "cka", "recall_at_1"), "rows", least=3)
    if len({as_number(row["faces"], "faces") for row in value}) < 3:
        raise NotYet("rows: use at least three different numbers of faces")
    check_finding(text)
    return FORM
