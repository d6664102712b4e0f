"""Checks of the exercises of lesson 07."""

from typing import Any

import numpy as np

from mlcmkd.course.checks.answers import (
    FORM,
    NotYet,
    call,
    choices,
    finding,
    given,
    number,
    table,
)
from mlcmkd.evaluation.invariance import linear_cka

_STAYS = {
    "a constant added to each channel": True,
    "all channels three times as large": True,
    "one channel three times as large": False,
    "channels rotated into each other": True,
    "channels in another order": True,
    "rows of one side in another order": False,
}
_WHY = {
    "a constant added to each channel": "What does *centred* take away?",
    "all channels three times as large": "Follow the factor through numerator and denominator.",
    "one channel three times as large": "It now has nine times its variance, in one set only; that "
    "is neither a rotation nor one scale for all.",
    "channels rotated into each other": "||Y'X|| with X turned by an orthogonal Q: what does Q do "
    "to a Frobenius norm?",
    "channels in another order": "A change of order is a rotation (perhaps with a mirror).",
    "rows of one side in another order": "Row by row the same thing in both: that is all CKA knows.",
}


def cka_stays(answer: Any) -> str:
    """Which changes of one set of features leave linear CKA with itself at 1, true or false."""
    choices(answer, _STAYS, _WHY, "answers")
    return "Right: CKA forgives shift, one scale, and rotation; a head forgives none of them."


def cka(function: Any) -> str:
    """A function (x, y) of (n, p) and (n, q) to their linear CKA."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 4)) + [5, 0, 0, 0]
    y = np.concatenate([x[:, :2] @ rng.normal(size=(2, 3)), rng.normal(size=(60, 2)) + 2], axis=1)
    found, right = number(call(function, "cka", x, y), "cka(x, y)"), linear_cka(x, y)
    if abs(found - right) < 1e-4:
        return f"Right: {right:.3f} for this pair, 1 for a set with itself, rotated or not."

    def by_hand(a: np.ndarray, b: np.ndarray, squared: bool = True) -> float:
        cross = np.linalg.norm(b.T @ a)
        top = cross**2 if squared else cross
        return float(top / (np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)))

    xc, yc = x - x.mean(0), y - y.mean(0)
    rows = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    for wrong, message in (
        (by_hand(x, y), "not centred: subtract from every column its mean"),
        (by_hand(*rows), "you centred the rows; every *column* has to lose its mean"),
        (by_hand(xc, yc, squared=False), "the numerator is the *square* of the norm"),
        (by_hand(xc / xc.std(0), yc / yc.std(0)), "standardised columns: how much a channel varies "
         "has to count"),
    ):  # fmt: skip
        if abs(found - wrong) < 1e-4:
            raise NotYet(f"cka: {message}")
    if found > 1 + 1e-6:
        raise NotYet(f"cka: {found:.3f} is above 1; look at the denominator, two Frobenius norms")
    raise NotYet(
        f"cka: {found:.4f} is not right for the check's pair; set formula and code side by side"
    )


def folds(answer: Any, subjects: tuple[str, ...]) -> str:
    """Groups for the probe's folds: one a row of the stacked RGB and thermal features.

    Args:
        subjects: (N,) who is seen in each pair.
    """
    given(answer, "groups")
    groups, count = np.asarray(answer), len(subjects)
    if groups.shape == (count,):
        raise NotYet(
            f"groups: {count} for {2 * count} rows; RGB and thermal are stacked, so each pair has two"
        )
    if groups.shape != (2 * count,):
        raise NotYet(f"groups: the shape is {groups.shape}; ({2 * count},) is asked for")
    people = np.tile(np.array(subjects), 2)
    if np.array_equal(groups, np.repeat(np.array(subjects), 2)):
        raise NotYet(
            "groups: the rows are all RGB faces, then all thermal ones; repeat the *list* (np.tile), "
            "not each name"
        )
    if any(len(set(groups[people == name].tolist())) > 1 for name in set(subjects)):
        pair = np.tile(np.arange(count), 2)
        by_pair = all(len(set(groups[pair == n].tolist())) == 1 for n in range(count))
        leak = (
            "pictures of one person lie in several groups: by pair, a probe learns a person's two "
            "sides by heart from his other pictures"
            if by_pair
            else "a face and its twin lie in different groups: the probe knows the face, and gives its "
            "twin the same answer, which is wrong"
        )
        raise NotYet(f"groups: {leak}. All rows of a person belong together")
    if len(set(groups.tolist())) < 2:
        raise NotYet("groups: all rows in one; nothing would be left to test on")
    return "Right: whoever is in the test was never in the training, in neither modality."


def counts(rows: Any, text: Any) -> str:
    """The form of the open experiment: measures of invariance over the number of faces."""
    found = table(rows, ("faces", "cka", "recall_at_1"), "rows", least=3)
    if len({number(row["faces"], "faces") for row in found}) < 3:
        raise NotYet("rows: vary the number of faces, three times or more")
    finding(text)
    return FORM
