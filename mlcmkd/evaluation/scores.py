"""What is quoted of a set of faces once their landmarks are predicted: one table, and its details.

Three kinds of faces are told apart. A scored face has an NME. A failed one was not found (its
prediction is NaN): it is no part of the mean NME, and a failure in FR, CED and AUC; so the number of
failed faces stands beside every NME. A face that is left out has nothing to be scored against: no
annotated point, or no eyes to divide by.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlcmkd.data.manifest import groups_in
from mlcmkd.evaluation.metrics import (
    NORMALISERS,
    Normaliser,
    area_of_each,
    area_under_curve,
    bootstrap_interval,
    bootstrap_intervals,
    cumulative_distribution,
    face_errors,
    failure_rate,
    near_frontal,
    normaliser_length,
    point_errors,
)
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.errors import InputError

FULL = "full"  # all groups together
CED_REACH = 1.5  # the CED is written as far as so many thresholds
CED_STEPS = 300


@dataclass(frozen=True)
class Scores:
    """Errors of a set of faces and what is quoted of them.

    Attributes:
        errors: (N, K) normalised point errors, shares; NaN where a point is not annotated, and all
            over a failed face.
        normaliser: what they were divided by.
        threshold: of FR and AUC, a share.
        scheme: landmark scheme of the K points.
        frontal: (N,) bool, which faces are near-frontal.
        prediction: (N, K, 2) in `scheme`, in the unit it came in; NaN where a face failed.
        ids: N names.
        groups: N names of groups, joined by "+" where a face is in several, None for a face of none;
            empty without groups.
        left_out: names of the faces that could not be scored, and are none of the N.
    """

    errors: np.ndarray
    normaliser: Normaliser
    threshold: float
    scheme: str
    frontal: np.ndarray
    prediction: np.ndarray
    ids: tuple[str, ...]
    groups: tuple[str | None, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def per_face(self) -> np.ndarray:
        """NME of every face, (N,); NaN where it failed."""
        return face_errors(self.errors)

    @property
    def failed(self) -> np.ndarray:
        """Which faces were not found, (N,) bool."""
        return np.isnan(self.per_face)

    @property
    def nme(self) -> float:
        """Mean over the faces that were found, a share; NaN where none was."""
        found = self.per_face[~self.failed]
        return float(found.mean()) if len(found) else float("nan")

    def subset(self, mask: np.ndarray) -> "Scores":
        """The faces where `mask` (N,) is true; who was left out is not told again."""
        picked = np.flatnonzero(mask)
        return replace(
            self,
            errors=self.errors[picked],
            frontal=self.frontal[picked],
            prediction=self.prediction[picked],
            ids=tuple(self.ids[i] for i in picked),
            groups=tuple(self.groups[i] for i in picked) if self.groups else (),
            left_out=(),
        )

    def by_group(self) -> dict[str, "Scores"]:
        """Scores of every group in the order of their names, then of all faces as "full"."""
        within = [groups_in(group) for group in self.groups]
        names = sorted({name for names in within for name in names})
        parts = {name: self.subset(np.array([name in names for names in within])) for name in names}
        return {**parts, FULL: self}

    def summary(self) -> dict[str, float | str | int | None]:
        """NME in percent, FR and AUC, each with its 95 % bootstrap interval over faces.

        Near-frontal faces are also told apart. None where there are none to speak of.
        """
        nme, low, high = _mean_percent(self.per_face[~self.failed])
        frontal = self.per_face[self.frontal & ~self.failed]
        fails = bootstrap_interval(~(self.per_face <= self.threshold))
        areas = bootstrap_interval(area_of_each(self.per_face, self.threshold))
        return {
            "faces": len(self.ids),
            "faces_failed": int(self.failed.sum()),
            "faces_left_out": len(self.left_out),
            "normaliser": self.normaliser,
            "nme_percent": nme,
            "nme_low_percent": low,
            "nme_high_percent": high,
            "threshold": self.threshold,
            "failure_rate": round(failure_rate(self.per_face, self.threshold), 4),
            "failure_rate_low": round(fails[0], 4),
            "failure_rate_high": round(fails[1], 4),
            "auc": round(area_under_curve(self.per_face, self.threshold), 4),
            "auc_low": round(areas[0], 4),
            "auc_high": round(areas[1], 4),
            "faces_near_frontal": int(self.frontal.sum()),
            "nme_near_frontal_percent": round(100 * float(frontal.mean()), 3)
            if len(frontal)
            else None,
        }

    def rows(self) -> list[dict[str, Any]]:
        """One row a face, for errors.csv; the NME of a failed face is empty."""
        told = zip(self.ids, self.per_face, self.frontal, self.failed, strict=True)
        rows: list[dict[str, Any]] = [
            {
                "id": name,
                "nme": "" if failed else round(float(error), 6),
                "near_frontal": int(frontal),
                "failed": int(failed),
            }
            for name, error, frontal, failed in told
        ]
        if any(self.groups):
            for row, group in zip(rows, self.groups, strict=True):
                row["group"] = group or ""
        return rows

    def per_landmark(self) -> list[dict[str, Any]]:
        """One row a landmark: its error over the faces that were found and have it, percent."""
        regions = get_scheme(self.scheme).regions
        region_of = {point: name for name, points in regions.items() for point in points}
        return [
            {"index": point, "region": region_of.get(point, ""), **told}
            for point, told in enumerate(_column_means(self.errors))
        ]

    def per_region(self) -> list[dict[str, Any]]:
        """One row a region: the mean of its points in each face, then over faces, percent."""
        regions = get_scheme(self.scheme).regions
        means = [face_errors(self.errors[:, list(points)]) for points in regions.values()]
        told = _column_means(np.stack(means, axis=1)) if means else []
        return [
            {"region": name, "points": len(points), **row}
            for (name, points), row in zip(regions.items(), told, strict=True)
        ]

    def ced(self) -> list[dict[str, float]]:
        """The CED, a row a value of the NME: share of faces with at most that, a column a group."""
        reach = CED_REACH * self.threshold
        curves = {
            name: cumulative_distribution(part.per_face, reach, CED_STEPS + 1)
            for name, part in self.by_group().items()
        }
        x = curves[FULL][0]
        return [
            {"nme": round(float(x[n]), 6)}
            | {name: round(float(share[n]), 6) for name, (_, share) in curves.items()}
            for n in range(len(x))
        ]

    def text(self) -> str:
        """The table for people: what it was divided by, then a line a group and one for all."""
        lines = [
            f"NME divided by {NORMALISERS[self.normaliser]} ({self.normaliser}); "
            f"FR and AUC at {100 * self.threshold:g} %; in brackets 95 % bootstrap intervals over "
            "faces",
            "| faces of | scored | failed | NME (%) | FR (%) | AUC |",
            "|" + " --- |" * 6,
        ]
        for name, part in self.by_group().items():
            row = part.summary()
            nme = _bracketed(row, "nme_percent", "nme_low_percent", "nme_high_percent", 1, 2)
            rate = _bracketed(row, "failure_rate", "failure_rate_low", "failure_rate_high", 100, 1)
            area = _bracketed(row, "auc", "auc_low", "auc_high", 1, 3)
            found = row["faces"] - row["faces_failed"]
            lines.append(f"| {name} | {found} | {row['faces_failed']} | {nme} | {rate} | {area} |")
        regions = [
            f"{r['region']} {r['error_percent']:.2f}" for r in self.per_region() if r["faces"]
        ]
        if regions:
            lines.append(f"NME by region (%): {', '.join(regions)}")
        if self.failed.any():
            lines.append("failed: not found; no part of the mean NME, failures in FR and AUC")
        if self.left_out:
            lines.append(
                f"left out: {len(self.left_out)} faces without an annotated point or without what "
                f"they are divided by, the first: {self.left_out[0]}"
            )
        return "\n".join(lines)


def _bracketed(
    row: dict[str, Any], value: str, low: str, high: str, times: float, digits: int
) -> str:
    """A figure of a summary with its interval; "none" where there is none."""
    if row[value] is None:
        return "none"
    middle, left, right = (f"{times * row[name]:.{digits}f}" for name in (value, low, high))
    return f"{middle} [{left}, {right}]"


def _mean_percent(errors: np.ndarray) -> tuple[float | None, float | None, float | None]:
    """Mean over faces (N,) and the ends of its interval, percent; None without faces."""
    if not len(errors):
        return None, None, None
    low, high = (round(100 * end, 3) for end in bootstrap_interval(errors))
    return round(100 * float(errors.mean()), 3), low, high


def _column_means(errors: np.ndarray) -> list[dict[str, Any]]:
    """Mean of each column of (N, M) over the faces that have it, with its interval, percent."""
    faces = np.isfinite(errors).sum(axis=0)
    means = np.where(np.isfinite(errors), errors, 0).sum(axis=0) / np.maximum(faces, 1)
    low, high = bootstrap_intervals(errors)
    return [
        {
            "faces": int(count),
            "error_percent": round(100 * float(mean), 4) if count else "",
            "low_percent": round(100 * float(left), 4) if count else "",
            "high_percent": round(100 * float(right), 4) if count else "",
        }
        for count, mean, left, right in zip(faces, means, low, high, strict=True)
    ]


def score_points(
    prediction: np.ndarray,
    target: np.ndarray,
    scheme: str,
    ids: Sequence[str],
    *,
    normaliser: Normaliser = "inter-ocular",
    threshold: float = 0.08,
    visible: np.ndarray | None = None,
    groups: Sequence[str | None] = (),
) -> Scores:
    """Predicted landmarks (N, K, 2) against annotated ones, (N, K, 2) in the same scheme and unit.

    Args:
        prediction: NaN all over a face that was not found.
        target: NaN where a landmark is not annotated.
        ids: N names.
        normaliser: what distances are divided by.
        threshold: of FR and AUC, a share.
        visible: (N, K) bool; a point where it is false is left out of its face's mean, but where it
            is annotated it still serves the normaliser. None for all points.
        groups: N names of groups, joined by "+" where a face is in several, None for a face of none;
            empty without groups.

    Raises:
        InputError: a prediction of some points of a face only, a face whose normaliser is zero, no
            face that can be scored, or a group named like a column of the tables.
    """
    missing = ~np.isfinite(prediction).all(axis=-1)
    if {FULL, "nme"} & {name for group in groups for name in groups_in(group)}:
        raise InputError(f"a group cannot be called '{FULL}' or 'nme'; rename it")
    for face in np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1)):
        raise InputError(
            f"face '{ids[face]}': {int(missing[face].sum())} of its {missing.shape[1]} predicted "
            "points are not numbers; predict all of them, or none to say that it was not found"
        )
    annotated = np.isfinite(target).all(axis=-1)
    if visible is not None:
        annotated &= visible
    length = normaliser_length(target, scheme, normaliser)
    for face in np.flatnonzero(length == 0):
        raise InputError(f"face '{ids[face]}': its {normaliser} distance is zero; mend its points")
    usable = annotated.any(axis=1) & np.isfinite(length)
    if not usable.any():
        raise InputError(
            "no face can be scored: none has an annotated point and the points that the "
            f"{normaliser} distance needs"
        )
    errors = point_errors(prediction[usable], target[usable], scheme, normaliser)
    return Scores(
        errors=np.where(annotated[usable], errors, np.nan),
        normaliser=normaliser,
        threshold=threshold,
        scheme=scheme,
        frontal=near_frontal(target[usable], scheme),
        prediction=prediction[usable],
        ids=tuple(name for name, has in zip(ids, usable, strict=True) if has),
        groups=tuple(g for g, has in zip(groups, usable, strict=True) if has) if groups else (),
        left_out=tuple(name for name, has in zip(ids, usable, strict=True) if not has),
    )
