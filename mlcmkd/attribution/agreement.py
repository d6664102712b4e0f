"""Agreement of the attribution maps of two networks, such as RGB and thermal, on the same faces."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mlcmkd.evaluation.metrics import bootstrap_intervals
from mlcmkd.utils.errors import InputError


def spearman(maps: Tensor, others: Tensor) -> np.ndarray:
    """Spearman's rank correlation of pairs of maps, each (B, H, W), to (B,), -1 to 1.

    Ties get their mean rank. NaN where a map is constant.
    """
    from scipy.stats import rankdata  # here, because its import takes a second

    ranks = [rankdata(_flat(group), axis=1) for group in (maps, others)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    size = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.divide((a * b).sum(axis=1), size, out=np.full(len(a), np.nan), where=size > 0)


def top_overlap(maps: Tensor, others: Tensor, share: float = 0.1) -> np.ndarray:
    """Overlap of the pixels with the highest values in pairs of maps, (B,), 0 to 1.

    Args:
        maps, others: (B, H, W).
        share: of the pixels that is compared. Random maps overlap by the same share, see
            `chance_overlap`.
    """
    a, b = _flat(maps), _flat(others)
    k = _top(a.shape[1], share)
    first, second = (np.argsort(-values, axis=1, kind="stable")[:, :k] for values in (a, b))
    return np.array([len(np.intersect1d(*pair)) / k for pair in zip(first, second, strict=True)])


def chance_overlap(pixels: int, share: float = 0.1) -> float:
    """The expected `top_overlap` of two independent maps."""
    return _top(pixels, share) / pixels


def pooled_magnitude(maps: Tensor, px: int) -> Tensor:
    """Mean absolute contribution in squares of `px` pixels, (B, P, P) to (B, P/px, P/px).

    Single pixels of integrated gradients are noisy, and pairs are not registered to a single pixel.
    """
    return F.avg_pool2d(maps.abs()[:, None], px)[:, 0]


@dataclass(frozen=True)
class Agreement:
    """Agreement of two networks' maps of the same faces.

    Attributes:
        own: measure ("spearman", "overlap") -> (B,) agreement of the two maps of each face.
        other: the same, but with the second map of another person.
        chance: measure -> the expected agreement of independent maps.
    """

    own: dict[str, np.ndarray]
    other: dict[str, np.ndarray]
    chance: dict[str, float]

    def summary(self) -> dict[str, dict[str, tuple[float, float, float]]]:
        """measure -> "own", "other" and "difference" (paired by face) -> mean, lower and upper end.

        The intervals are 95 % bootstrap intervals over faces. Constant maps are left out.
        """
        summary: dict[str, dict[str, tuple[float, float, float]]] = {}
        for measure, own in self.own.items():
            other = self.other[measure]
            columns = np.stack((own, other, own - other), axis=1)
            low, high = bootstrap_intervals(columns)
            with np.errstate(invalid="ignore"):
                mean = np.nanmean(columns, axis=0) if np.isfinite(columns).any() else low
            rows = zip(mean, low, high, strict=True)
            named = zip(("own", "other", "difference"), rows, strict=True)
            summary[measure] = {name: tuple(map(float, row)) for name, row in named}
        return summary


def agreement(
    maps: Tensor,
    others: Tensor,
    subjects: Sequence[str],
    *,
    px: int = 4,
    share: float = 0.1,
    seed: int = 0,
) -> Agreement:
    """Agreement of two networks' maps of the same faces, with two controls.

    Chance level is a weak control: every nose tip lies near the middle of its crop, so maps of different
    faces agree too. The second control therefore compares a face's map with the other network's map of
    another person.

    Args:
        maps, others: (B, P, P) signed, of the same faces, such as RGB and thermal.
        subjects: names of the B persons.
        px: side of the squares that are compared, see `pooled_magnitude`; 1 for single pixels.
        share: see `top_overlap`.
        seed: random seed of the choice of other persons.

    Raises:
        InputError: maps of different shapes, or only one person.
    """
    if maps.shape != others.shape or len(maps) != len(subjects):
        raise InputError(
            f"maps {tuple(maps.shape)} and {tuple(others.shape)} of {len(subjects)} people: "
            "give one map of each network for each face"
        )
    partner = torch.from_numpy(other_person(subjects, seed)).to(others.device)
    a, b = pooled_magnitude(maps, px), pooled_magnitude(others, px)
    measures = {
        "spearman": spearman,
        "overlap": lambda first, second: top_overlap(first, second, share),
    }
    return Agreement(
        own={name: measure(a, b) for name, measure in measures.items()},
        other={name: measure(a, b[partner]) for name, measure in measures.items()},
        chance={"spearman": 0.0, "overlap": chance_overlap(a[0].numel(), share)},
    )


def other_person(subjects: Sequence[str], seed: int = 0) -> np.ndarray:
    """A random face of another person for each face, (B,) indices.

    Raises:
        InputError: all faces are of one person.
    """
    names = np.array(subjects)
    rng = np.random.default_rng(seed)
    candidates = [np.flatnonzero(names != name) for name in names]
    if not all(len(indices) for indices in candidates):
        raise InputError(
            "agreement needs faces of at least two people; add pairs of another person"
        )
    return np.array([rng.choice(indices) for indices in candidates])


def _flat(maps: Tensor) -> np.ndarray:
    return maps.detach().flatten(1).cpu().double().numpy()


def _top(pixels: int, share: float) -> int:
    return max(1, round(share * pixels))
