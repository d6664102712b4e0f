"""Splits by subject: nobody seen in training is seen in a test."""

import hashlib
from collections.abc import Collection, Iterable

from mlcmkd.data.manifest import PairRow
from mlcmkd.utils.errors import InputError


def _draw(subject: str, seed: int) -> float:
    """A number in [0, 1) that depends on nothing but the subject and the seed."""
    digest = hashlib.sha256(f"{seed}:{subject}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def assign_splits(
    hints: Iterable[tuple[str, str | None]],
    *,
    val_fraction: float = 0.1,
    seed: int = 0,
    train_on: Collection[str] = (),
) -> dict[str, str]:
    """Split of every subject.

    A subject whose format fixes a split keeps it. The others are drawn one by one, each by a hash
    of its own name, so that adding subjects moves none of the earlier ones; hence the share of
    "val" is `val_fraction` on average, not exactly. Where the draw leaves "val" empty although
    there are two subjects to share out, the one nearest to it becomes "val"; likewise for "train".

    Args:
        hints: (subject, split or None), a subject as often as it likes.
        train_on: subjects that go to "train", also those that are fixed to "val".

    Raises:
        InputError: `val_fraction` is not in [0, 1), a subject is fixed to two splits; or one of
            `train_on` is not there, is fixed to "test", or is the last that "val" had.
    """
    if not 0 <= val_fraction < 1:
        raise InputError(f"val_fraction must lie in [0, 1), not {val_fraction}")
    fixed: dict[str, str] = {}
    subjects: dict[str, None] = {}
    for subject, split in hints:
        subjects[subject] = None
        if split is not None and fixed.setdefault(subject, split) != split:
            raise InputError(
                f"subject '{subject}' is fixed to splits {fixed[subject]} and {split}; "
                "keep each subject in one"
            )
    _fix_training(fixed, subjects, train_on)
    draws = {s: _draw(s, seed) for s in subjects if s not in fixed}
    chosen = {s: "val" if draw < val_fraction else "train" for s, draw in draws.items()}
    if val_fraction > 0 and len(draws) >= 2:
        if "val" not in chosen.values():
            chosen[min(draws, key=draws.__getitem__)] = "val"
        elif "train" not in chosen.values():
            chosen[max(draws, key=draws.__getitem__)] = "train"
    return {**fixed, **chosen}


def _fix_training(
    fixed: dict[str, str], subjects: Collection[str], train_on: Collection[str]
) -> None:
    """Fixes these subjects to "train", unless a test or a validation would come to harm."""
    held = "val" in fixed.values()
    for subject in train_on:
        if subject not in subjects:
            raise InputError(
                f"train_on: no subject '{subject}'; the first that are there: "
                f"{', '.join(sorted(subjects)[:8])}"
            )
        if fixed.get(subject) == "test":
            raise InputError(f"train_on: subject '{subject}' is in the test split; leave it there")
        fixed[subject] = "train"
    if held and "val" not in fixed.values():
        raise InputError(
            f"train_on: with {', '.join(train_on)} in training nobody is left in 'val'; leave one"
        )


def check_leakage(rows: Iterable[PairRow]) -> None:
    """Make sure that no subject and no image lies in two splits.

    Raises:
        InputError: one does; names it and both rows.
    """
    subjects: dict[str, PairRow] = {}
    images: dict[str, PairRow] = {}
    for row in rows:
        first = subjects.setdefault(row.subject, row)
        if first.split != row.split:
            raise InputError(
                f"subject '{row.subject}' is in splits {first.split} (row '{first.id}') and "
                f"{row.split} (row '{row.id}'); keep each subject in one"
            )
        for digest in filter(None, (row.rgb_sha256, row.thermal_sha256)):
            first = images.setdefault(digest, row)
            if first.split != row.split:
                raise InputError(
                    f"rows '{first.id}' ({first.split}) and '{row.id}' ({row.split}) hold the "
                    "same image; remove one of them"
                )
