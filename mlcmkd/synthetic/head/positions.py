"""Positions on the mean head: where rays meet it, and points of the rims between its materials.

A position is the index of a triangle and the (3,) barycentric weights of its corners.
"""

from collections.abc import Sequence

import numpy as np

from mlcmkd.synthetic.head.basis import HeadBasis, Material
from mlcmkd.synthetic.head.rays import first_hit, last_hit

Position = tuple[int, np.ndarray]


def from_front(head: HeadBasis, among: np.ndarray, x: float, y: float) -> Position:
    """The frontmost position with these x and y, on some of the triangles."""
    corners = head.mean[head.triangles[among]]
    triangle, weights = first_hit(corners, np.array([x, y, 9.0]), np.array([0, 0, -1.0]))
    return int(among[triangle]), weights


def leaving(
    head: HeadBasis, among: np.ndarray, centre: Sequence[float], through: Sequence[float]
) -> Position:
    """Where the ray from a centre (3,) through a point (3,) leaves some of the triangles."""
    corners = head.mean[head.triangles[among]]
    triangle, weights = last_hit(corners, np.array(centre), np.subtract(through, centre))
    return int(among[triangle]), weights


def mirrored(head: HeadBasis, triangle: int, weights: np.ndarray) -> Position:
    """The same position on the other half; its triangle has the corners in reverse."""
    half = len(head.triangles) // 2
    return (triangle + half) % (2 * half), np.asarray(weights)[::-1]


def rim(head: HeadBasis, inside: Material) -> np.ndarray:
    """(E, 3) edges of skin or lips that a material continues, on the left half of the head.

    Each is a triangle outside of the material, and which two of its three corners the edge joins. Lips
    count as inside of their own rim and as outside of the others.
    """
    within = set()
    for a, b, c in head.triangles[head.materials == inside]:
        within |= {frozenset((a, b)), frozenset((b, c)), frozenset((c, a))}
    outside = np.isin(head.materials, list({Material.SKIN, Material.LIPS} - {inside}))
    edges = []
    for triangle in np.flatnonzero(outside):
        corners = head.triangles[triangle]
        if head.mean[corners, 0].mean() < 0:
            for first, second in ((0, 1), (1, 2), (2, 0)):
                if frozenset((corners[first], corners[second])) in within:
                    edges.append((triangle, first, second))
    return np.array(edges)


def upper_and_lower(head: HeadBasis, edges: np.ndarray) -> dict[str, np.ndarray]:
    """The two lines of edges that run from a rim's left end to its right: "upper" and "lower"."""
    ends = _ends(head, edges)
    x = head.mean[ends, 0]
    start, stop = ends.flat[x.argmin()], ends.flat[x.argmax()]
    lines = []
    for first in np.flatnonzero((ends == start).any(1)):
        line, here = [first], ends[first].sum() - start
        while here != stop:
            onwards = [edge for edge in np.flatnonzero((ends == here).any(1)) if edge not in line]
            if not onwards:  # half a mouth ends at two places of the midline
                break
            line.append(onwards[0])
            here = ends[onwards[0]].sum() - here
        lines.append(edges[line])
    lower, upper = sorted(lines, key=lambda line: head.mean[_ends(head, line), 1].mean())
    return {"upper": upper, "lower": lower}


def on_line(head: HeadBasis, edges: np.ndarray, x: float) -> Position:
    """The position on a line of edges at x, or at its nearest end."""
    ends = head.mean[_ends(head, edges), 0]
    low, high = ends.min(1), ends.max(1)
    x = np.clip(x, low.min(), high.max())
    edge = int(np.maximum(low - x, x - high).argmin())
    start, stop = ends[edge]
    share = 0.5 if start == stop else np.clip((x - start) / (stop - start), 0, 1)
    weights = np.zeros(3)
    weights[edges[edge, 1]], weights[edges[edge, 2]] = 1 - share, share
    return int(edges[edge, 0]), weights


def across(head: HeadBasis, edges: np.ndarray, share: float) -> Position:
    """The position on a line of edges at a part of its width, 0 at its left end."""
    x = head.mean[_ends(head, edges), 0]
    return on_line(head, edges, x.min() + share * (x.max() - x.min()))


def _ends(head: HeadBasis, edges: np.ndarray) -> np.ndarray:
    """(E, 2) the vertices that each edge joins."""
    corners, rows = head.triangles[edges[:, 0]], np.arange(len(edges))
    return np.stack([corners[rows, edges[:, 1]], corners[rows, edges[:, 2]]], 1)
