"""Splits by subject: no subject is in two splits."""

import hashlib
from collections.abc import Collection, Iterable

from mlcmkd.data.manifest import PairRow
from mlcmkd.utils.errors import InputError


def _draw(subject: str, seed: int) -> float:
    """Return a pseudo-random number in [0, 1) that depends only on the subject and the seed."""
    digest = hashlib.sha256(f"{seed}:{subject}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def assign_splits(
    hints: Iterable[tuple[str, str | None]],
    *,
    val_fraction: float = 0.1,
    seed: int = 0,
    train_on: Collection[str] = (),
) -> dict[str, str]:
    """Assign a split to every subject.

    A subject whose split is fixed by the format keeps it. Each other subject is assigned by a hash of
    its name, so adding subjects does not move others; the share of "val" is therefore `val_fraction`
    on average, not exactly. If "val" or "train" stays empty although there are two subjects without
    a fixed split, the subject nearest to the threshold is moved there.

    Args:
        hints: (subject, split or None); a subject may be repeated.
        val_fraction: share of the subjects without a fixed split for "val", in [0, 1).
        seed: seed of the assignment.
        train_on: subjects to put into "train", also those fixed to "val".

    Returns:
        Subject -> split.

    Raises:
        InputError: `val_fraction` is not in [0, 1), a subject is fixed to two splits; or a subject
            of `train_on` does not exist, is fixed to "test", or is the last one of "val".
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
    """Fix subjects to "train"; refuse subjects of "test", and to leave "val" without subjects."""
    had_val = "val" in fixed.values()
    for subject in train_on:
        if subject not in subjects:
            raise InputError(
                f"train_on: no subject '{subject}'; use subjects of the data set such as "
                f"{', '.join(sorted(subjects)[:8])}"
            )
        if fixed.get(subject) == "test":
            raise InputError(f"train_on: subject '{subject}' is in the test split; leave it there")
        fixed[subject] = "train"
    if had_val and "val" not in fixed.values():
        raise InputError(
            f"train_on: {', '.join(train_on)} in training leaves 'val' without subjects; keep one there"
        )


def check_leakage(rows: Iterable[PairRow]) -> None:
    """Check that no subject and no image is in two splits.

    Raises:
        InputError: one is; the message names it and both rows.
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
                    f"rows '{first.id}' ({first.split}) and '{row.id}' ({row.split}) have the "
                    "same image; keep it in one split"
                )
