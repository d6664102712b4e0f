"""One training set of several sources."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mlcmkd.data.dataset import Pairs
from mlcmkd.data.thermal.model_range import described, same_range
from mlcmkd.utils.errors import InputError


def joined(parts: Sequence[Pairs], names: Sequence[str]) -> Pairs:
    """All pairs of several sources, in their order.

    A modality that one of them lacks is left out; a point counts as visible where a source does not
    say. Each source keeps its own resolution, boxes and groups.

    Args:
        parts: one or more, in the same input size and landmark scheme, thermal values over one range.
        names: of the sources, for the messages.

    Raises:
        InputError: two sources differ in the landmark scheme, the input size or the thermal range.
    """
    first = parts[0]
    for part, name in zip(parts[1:], names[1:], strict=True):
        _check(first, names[0], part, name)
    return replace(
        first,
        rgb=_stacked([part.rgb for part in parts]),
        thermal=_stacked([part.thermal for part in parts]),
        landmarks=torch.cat([part.landmarks for part in parts]),
        labelled=torch.cat([part.labelled for part in parts]),
        crops=tuple(crop for part in parts for crop in part.crops),
        ids=tuple(each for part in parts for each in part.ids),
        subjects=tuple(each for part in parts for each in part.subjects),
        groups=_groups(parts),
        visible=_visible(parts),
        rgb_maps=_rows_or([part.rgb_maps for part in parts], parts, torch.eye(2, 3)),
        paired=_rows_or([part.paired for part in parts], parts, torch.tensor(True)),
    )


def _check(first: Pairs, first_name: str, other: Pairs, name: str) -> None:
    """Checks that two sources can be trained on together."""
    for what in ("scheme", "input_px"):
        ours, theirs = getattr(first, what), getattr(other, what)
        if ours != theirs:
            raise InputError(
                f"{name}: {what} {theirs}, but {first_name} has {ours}; join sources with the same"
            )
    if first.thermal is None or other.thermal is None:
        return
    if not same_range(first.radiometry, other.radiometry):
        raise InputError(
            f"{name}: thermal values of {described(other.radiometry)}, but {first_name} has "
            f"{described(first.radiometry)}; join sources with the same scale"
        )


def _stacked(images: Sequence[Tensor | None]) -> Tensor | None:
    return None if any(each is None for each in images) else torch.cat(list(images))


def _groups(parts: Sequence[Pairs]) -> tuple[str | None, ...]:
    if not any(part.groups for part in parts):
        return ()
    return tuple(each for part in parts for each in part.groups or (None,) * len(part))


def _visible(parts: Sequence[Pairs]) -> Tensor | None:
    """Visibility flags (N, K) of all pairs, or None if no source has any."""
    points = parts[0].landmarks.shape[1]
    flags = torch.ones(points, dtype=torch.bool)
    return _rows_or([part.visible for part in parts], parts, flags)


def _rows_or(
    rows: Sequence[Tensor | None], parts: Sequence[Pairs], default: Tensor
) -> Tensor | None:
    """One row for each pair, the default for sources without such rows; None if no source has any."""
    if all(each is None for each in rows):
        return None
    filled = [
        default.expand(len(part), *default.shape) if each is None else each
        for each, part in zip(rows, parts, strict=True)
    ]
    return torch.cat(filled)
