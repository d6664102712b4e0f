"""Do two networks find a landmark by the same places? RGB against thermal, on the same faces."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor
from torch.nn import functional as F

from mlcmkd.evaluation.metrics import bootstrap_intervals
from mlcmkd.utils.errors import InputError


def spearman(maps: Tensor, others: Tensor) -> np.ndarray:
    """Spearman's rank correlation of each map with its other, (B, H, W) twice to (B,), -1 to 1.

    Ties share their mean rank. NaN where a map is the same everywhere.
    """
    ranks = [rankdata(_flat(each), axis=1) for each in (maps, others)]
    a, b = (each - each.mean(axis=1, keepdims=True) for each in ranks)
    size = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.divide((a * b).sum(axis=1), size, out=np.full(len(a), np.nan), where=size > 0)


def top_overlap(maps: Tensor, others: Tensor, share: float = 0.1) -> np.ndarray:
    """Which part of the highest `share` of a map's places is among its other's highest, (B,), 0 to 1.

    k places at random would have k over all places in common: see `chance_overlap`.
    """
    a, b = _flat(maps), _flat(others)
    k = _top(a.shape[1], share)
    first, second = (np.argsort(-each, axis=1, kind="stable")[:, :k] for each in (a, b))
    return np.array([len(np.intersect1d(*pair)) / k for pair in zip(first, second, strict=True)])


def chance_overlap(places: int, share: float = 0.1) -> float:
    """The expected `top_overlap` of maps that have nothing to do with each other."""
    return _top(places, share) / places


def pooled(maps: Tensor, px: int) -> Tensor:
    """How much credit, for or against, lies in squares of `px` pixels: (B, P, P) to (B, P/px, P/px).

    Single pixels of integrated gradients are noisy, and no rig registers a pair to the pixel.
    """
    return F.avg_pool2d(maps.abs()[:, None], px)[:, 0]


@dataclass(frozen=True)
class Agreement:
    """How alike two networks' maps of the same faces are.

    Attributes:
        own: measure -> (B,) of each face's own two maps; "spearman" and "overlap".
        other: the same with the second map of another person.
        chance: measure -> what maps that have nothing to do with each other would reach.
    """

    own: dict[str, np.ndarray]
    other: dict[str, np.ndarray]
    chance: dict[str, float]

    def summary(self) -> dict[str, dict[str, tuple[float, float, float]]]:
        """measure -> "own", "other" and "difference" (face by face) -> mean, lower and upper end.

        The ends are those of 95 % bootstrap intervals over faces. A map without any order (the same
        everywhere) is left out.
        """
        found: dict[str, dict[str, tuple[float, float, float]]] = {}
        for measure, own in self.own.items():
            other = self.other[measure]
            columns = np.stack((own, other, own - other), axis=1)
            low, high = bootstrap_intervals(columns)
            with np.errstate(invalid="ignore"):
                mean = np.nanmean(columns, axis=0) if np.isfinite(columns).any() else low
            rows = zip(mean, low, high, strict=True)
            named = zip(("own", "other", "difference"), rows, strict=True)
            found[measure] = {name: tuple(map(float, row)) for name, row in named}
        return found


def agreement(
    maps: Tensor,
    others: Tensor,
    subjects: Sequence[str],
    *,
    px: int = 4,
    share: float = 0.1,
    seed: int = 0,
) -> Agreement:
    """Agreement of two networks' maps of the same faces, with two things to hold it against.

    Chance alone is a low bar: every nose tip lies near the middle of its crop, so maps agree without
    having the face in common. The control pairs a face's map with the other network's map of another
    person, drawn by `seed`.

    Args:
        maps, others: (B, P, P) signed, of the same faces, such as RGB and thermal.
        subjects: B names of people.
        px: side of the squares that are compared, see `pooled`; 1 for single pixels.
        share: which highest part "overlap" compares.

    Raises:
        InputError: maps of different shape, or only one person.
    """
    if maps.shape != others.shape or len(maps) != len(subjects):
        raise InputError(
            f"maps {tuple(maps.shape)} and {tuple(others.shape)} of {len(subjects)} people: "
            "agreement needs one map of each kind a face"
        )
    partner = torch.from_numpy(another_person(subjects, seed)).to(others.device)
    a, b = pooled(maps, px), pooled(others, px)
    measures = {
        "spearman": spearman,
        "overlap": lambda one, two: top_overlap(one, two, share),
    }
    return Agreement(
        own={name: of(a, b) for name, of in measures.items()},
        other={name: of(a, b[partner]) for name, of in measures.items()},
        chance={"spearman": 0.0, "overlap": chance_overlap(a[0].numel(), share)},
    )


def another_person(subjects: Sequence[str], seed: int = 0) -> np.ndarray:
    """For each face a face of somebody else, (B,) indices, drawn by `seed`.

    Raises:
        InputError: all faces are one person's.
    """
    names = np.array(subjects)
    rng = np.random.default_rng(seed)
    strangers = [np.flatnonzero(names != name) for name in names]
    if not all(len(some) for some in strangers):
        raise InputError("the control needs faces of two people or more")
    return np.array([rng.choice(some) for some in strangers])


def _flat(maps: Tensor) -> np.ndarray:
    return maps.detach().flatten(1).cpu().double().numpy()


def _top(places: int, share: float) -> int:
    return max(1, round(share * places))
