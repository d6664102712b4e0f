"""Scores of a set of faces: summary, tables by face, landmark and region, error curve, and text.

NME is the normalised mean error, FR the failure rate, CED the cumulative error distribution, and AUC the
area under it; `mlcmkd.evaluation.metrics` defines them.

A face is in one of three states. Scored: it has an NME. Failed: it was not found (its prediction is
NaN); it is left out of the mean NME and counts as a failure in FR, CED and AUC, so the number of
failed faces is printed beside every NME. Left out: it cannot be scored, because it has no annotated
point or no normaliser length.
"""

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
)
from mlcmkd.schemes import get_scheme
from mlcmkd.utils.markdown import markdown_table

FULL = "full"  # name of all groups together
CED_REACH = 1.5  # the CED is written up to this multiple of the threshold
CED_STEPS = 300


@dataclass(frozen=True)
class Scores:
    """Errors of N faces, and the figures computed from them.

    Attributes:
        errors: (N, K) normalised point errors, shares; NaN where a point is not annotated, and
            all NaN for a failed face.
        normaliser: the length by which distances were divided.
        threshold: NME threshold of FR and AUC, a share.
        scheme: landmark scheme of the K points.
        frontal: (N,) bool, which faces are near-frontal.
        prediction: (N, K, 2) in `scheme` and its original unit; NaN for a failed face.
        ids: N names.
        groups: N names of groups, joined by "+" where a face is in several, None for a face without
            a group; empty if there are no groups.
        left_out: names of the faces that could not be scored; they are not among the N.
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
        """NME of every face, (N,), shares; NaN for a failed face."""
        return face_errors(self.errors)

    @property
    def failed(self) -> np.ndarray:
        """(N,) bool, which faces were not found."""
        return np.isnan(self.per_face)

    @property
    def points_left_out(self) -> int:
        """Number of points of found faces that have no error: not annotated, or hidden."""
        return int(np.isnan(self.errors[~self.failed]).sum())

    @property
    def nme(self) -> float:
        """Mean NME over the faces that were found, a share; NaN if none was."""
        scored = self.per_face[~self.failed]
        return float(scored.mean()) if len(scored) else float("nan")

    def subset(self, mask: np.ndarray) -> "Scores":
        """The faces where `mask` (N,) is True, without the names in `left_out`."""
        rows = np.flatnonzero(mask)
        return replace(
            self,
            errors=self.errors[rows],
            frontal=self.frontal[rows],
            prediction=self.prediction[rows],
            ids=tuple(self.ids[i] for i in rows),
            groups=tuple(self.groups[i] for i in rows) if self.groups else (),
            left_out=(),
        )

    def by_group(self) -> dict[str, "Scores"]:
        """Scores by name of group, sorted, and of all faces as "full"."""
        groups_of_face = [groups_in(group) for group in self.groups]
        parts = {}
        for name in sorted({name for groups in groups_of_face for name in groups}):
            parts[name] = self.subset(np.array([name in groups for groups in groups_of_face]))
        return {**parts, FULL: self}

    def summary(self) -> dict[str, float | str | int | None]:
        """NME in percent, FR and AUC, each with its 95 % bootstrap interval over faces.

        The NME of near-frontal faces is given separately. A mean over no faces is None.
        """
        nme, low, high = _mean_percent(self.per_face[~self.failed])
        frontal = self.per_face[self.frontal & ~self.failed]
        fails = bootstrap_interval(~(self.per_face <= self.threshold))
        areas = bootstrap_interval(area_of_each(self.per_face, self.threshold))
        return {
            "faces": len(self.ids),
            "faces_failed": int(self.failed.sum()),
            "faces_left_out": len(self.left_out),
            **({"points_left_out": self.points_left_out} if self.points_left_out else {}),
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
        """One row per face, for errors.csv; the NME of a failed face is empty."""
        faces = zip(self.ids, self.per_face, self.frontal, self.failed, strict=True)
        rows: list[dict[str, Any]] = [
            {
                "id": name,
                "nme": "" if failed else round(float(error), 6),
                "near_frontal": int(frontal),
                "failed": int(failed),
            }
            for name, error, frontal, failed in faces
        ]
        if any(self.groups):
            for row, group in zip(rows, self.groups, strict=True):
                row["group"] = group or ""
        return rows

    def per_landmark(self) -> list[dict[str, Any]]:
        """One row per landmark: mean error in percent over the found faces that have it."""
        regions = get_scheme(self.scheme).regions
        region_of = {point: name for name, points in regions.items() for point in points}
        return [
            {"index": point, "region": region_of.get(point, ""), **means}
            for point, means in enumerate(_column_means(self.errors))
        ]

    def per_region(self) -> list[dict[str, Any]]:
        """One row per region: mean error of its points in each face, then over faces, percent."""
        regions = get_scheme(self.scheme).regions
        by_region = [face_errors(self.errors[:, list(points)]) for points in regions.values()]
        rows = _column_means(np.stack(by_region, axis=1)) if by_region else []
        return [
            {"region": name, "points": len(points), **row}
            for (name, points), row in zip(regions.items(), rows, strict=True)
        ]

    def ced(self) -> list[dict[str, float]]:
        """The CED: one row per value of the NME, one column per group with its share of faces."""
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
        """A table to read: the normaliser, then a line per group and one for all faces."""
        lines = [
            f"NME divided by {NORMALISERS[self.normaliser]} ({self.normaliser}); "
            f"FR and AUC at {100 * self.threshold:g} %; in brackets 95 % bootstrap intervals over "
            "faces",
            markdown_table([_table_row(name, part) for name, part in self.by_group().items()]),
        ]
        regions = [
            f"{r['region']} {r['error_percent']:.2f}" for r in self.per_region() if r["faces"]
        ]
        if regions:
            lines.append(f"NME by region (%): {', '.join(regions)}")
        if self.failed.any():
            lines.append("failed: not found; left out of the mean NME, failures in FR and AUC")
        if self.points_left_out:
            lines.append(
                f"points left out of the NME of their faces, not annotated or hidden: "
                f"{self.points_left_out} of {self.errors[~self.failed].size}"
            )
        if self.left_out:
            lines.append(
                f"left out: {len(self.left_out)} faces without an annotated point or without a "
                f"normaliser length, the first: {self.left_out[0]}"
            )
        return "\n".join(lines)


def _table_row(name: str, scores: Scores) -> dict[str, Any]:
    summary = scores.summary()
    return {
        "faces of": name,
        "scored": summary["faces"] - summary["faces_failed"],
        "failed": summary["faces_failed"],
        "NME (%)": _bracketed(summary, "nme_percent", "nme_low_percent", "nme_high_percent", 1, 2),
        "FR (%)": _bracketed(
            summary, "failure_rate", "failure_rate_low", "failure_rate_high", 100, 1
        ),
        "AUC": _bracketed(summary, "auc", "auc_low", "auc_high", 1, 3),
    }


def _bracketed(
    row: dict[str, Any], value: str, low: str, high: str, factor: float, digits: int
) -> str:
    """A value of a summary and its interval, times `factor`; "none" for a missing value."""
    if row[value] is None:
        return "none"
    middle, left, right = (f"{factor * row[name]:.{digits}f}" for name in (value, low, high))
    return f"{middle} [{left}, {right}]"


def _mean_percent(errors: np.ndarray) -> tuple[float | None, float | None, float | None]:
    """Mean over faces (N,) and the ends of its bootstrap interval, percent; None without faces."""
    if not len(errors):
        return None, None, None
    low, high = (round(100 * end, 3) for end in bootstrap_interval(errors))
    return round(100 * float(errors.mean()), 3), low, high


def _column_means(errors: np.ndarray) -> list[dict[str, Any]]:
    """Mean of each column of (N, M) over its finite values, with its interval, percent."""
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
