"""Landmarks of a head, defined on its mesh; the jaw line follows the silhouette."""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mlcmkd.schemes import get_scheme
from mlcmkd.synthetic.head.basis import ASSET, Material, load_head
from mlcmkd.synthetic.head.jaw import jaw_lines
from mlcmkd.synthetic.head.places import Places
from mlcmkd.synthetic.head.rays import first_hit
from mlcmkd.utils.errors import InputError

# Schemes whose points are all defined. Not charlotte43, whose order differs between its own images.
DEFINED = (
    "face5", "corners6", "cofw29", "sf_tl54", "ibug68", "ibug70", "charlotte73", "wflw98",
)  # fmt: skip
# Points of a jaw line divide it evenly: "jaw 1" is at the ear, the ninth would be the chin. "Low" lines
# begin at the height of the nose tip.
_JAW_NAME = re.compile(r"(?P<side>left|right) (?P<low>low )?jaw (?P<number>\d+(\.\d+)?)")
_EAR, _CHIN = 1.0, 9.0  # numbers of the ends of a jaw line


@dataclass(frozen=True)
class ProjectedLandmarks:
    """Landmarks of one face.

    Attributes:
        points: (P, 2) float32, image coordinates as those of the projected vertices.
        positions: (P, 3) float32, in the frame of the vertices.
        triangles: (P,) int32, the triangle of the head on which a point is; for the jaw, whose points
            lie between samples of the mesh, the triangle of the nearest sample.
    """

    points: np.ndarray
    positions: np.ndarray
    triangles: np.ndarray


@lru_cache(maxsize=1)
def load_places() -> Places:
    """The places that the asset stores."""
    with np.load(ASSET, allow_pickle=False) as stored:
        return Places(
            names=tuple(str(name) for name in stored["place_names"]),
            triangles=stored["place_triangles"].astype(np.int32),
            weights=stored["place_weights"],
            jaw_triangles=stored["jaw_triangles"].astype(np.int32),
            jaw_weights=stored["jaw_weights"],
        )


def locate(
    scheme: str,
    vertices: np.ndarray,
    projected: np.ndarray,
    up: np.ndarray,
    gaze: np.ndarray | None = None,
) -> ProjectedLandmarks:
    """The landmarks of a scheme on a head as a camera sees it.

    Points besides the jaw are fixed on the mesh. The jaw line is drawn as annotators draw it: on the
    side that is turned away it is the silhouette of the cheek, on the near side the edge of the jaw.

    Args:
        scheme: name of a scheme of mlcmkd.schemes.
        vertices: (V, 3) vertices of the head, turned into the frame of the camera.
        projected: (V, 2) their image coordinates, y down.
        up: (2,) unit vector, direction of the head's up in the image (y down: (0, -1) is upright).
        gaze: (3,) unit vector in the frame of the vertices, the direction of both eyes; the pupils are
            there. None takes the pupils of the mesh, which follow the expressions eyeLook*.

    Returns:
        The landmarks, in the scheme's order.

    Raises:
        InputError: the scheme is unknown, or the head has no definition for one of its points.
    """
    plan = _plan(scheme, get_scheme(scheme).names)
    head, places = load_head(), load_places()
    vertices, projected = np.asarray(vertices), np.asarray(projected)
    up = np.asarray(up, np.float32)
    triangles, weights = places.triangles[plan.fixed], places.weights[plan.fixed]
    if gaze is not None:
        _place_pupils(vertices, gaze, plan.pupils, triangles, weights)
    found = ProjectedLandmarks(
        points=np.empty((plan.count, 2), np.float32),
        positions=np.empty((plan.count, 3), np.float32),
        triangles=np.empty(plan.count, np.int32),
    )
    corners, shares = head.triangles[triangles], weights[:, :, None]
    found.points[plan.rows] = (projected[corners] * shares).sum(1)
    found.positions[plan.rows] = (vertices[corners] * shares).sum(1)
    found.triangles[plan.rows] = triangles
    if plan.contours:
        _fill_contours(found, plan.contours, places, vertices, projected, up)
    return found


@dataclass(frozen=True)
class _Contour:
    """The points of a scheme on one side's jaw line: their rows, and their part of its length.

    `low` contours begin at the height of the nose tip, the others at the ear.
    """

    side: int
    low: bool
    rows: np.ndarray
    shares: np.ndarray


@dataclass(frozen=True)
class _Plan:
    """How the points of a scheme are found.

    `fixed` are indices into `Places`, `rows` the points they belong to, `pupils` which of them is the
    pupil of the left and the right eye (None without).
    """

    count: int
    fixed: np.ndarray
    rows: np.ndarray
    pupils: tuple[int | None, int | None]
    contours: tuple[_Contour, ...]


@lru_cache(maxsize=32)
def _plan(scheme: str, names: tuple[str, ...]) -> _Plan:
    known = load_places().names
    fixed, rows, missing = [], [], []
    contours: dict[tuple[int, bool], list[tuple[int, float]]] = {}
    for row, name in enumerate(names):
        jaw = _JAW_NAME.fullmatch(name)
        if name in known:
            fixed.append(known.index(name))
            rows.append(row)
        elif name == "chin":
            contours.setdefault((0, False), []).append((row, 1.0))
        elif jaw and _EAR <= float(jaw["number"]) <= _CHIN:
            key = int(jaw["side"] == "right"), bool(jaw["low"])
            share = (float(jaw["number"]) - _EAR) / (_CHIN - _EAR)
            contours.setdefault(key, []).append((row, share))
        else:
            missing.append(name)
    if missing:
        raise InputError(
            f"scheme '{scheme}' is not defined on the head: nothing says where '{missing[0]}' is; "
            f"use one of {', '.join(DEFINED)}"
        )
    of_eyes = [known.index(f"{side} pupil") for side in ("left", "right")]
    return _Plan(
        count=len(names),
        fixed=np.array(fixed, int),
        rows=np.array(rows, int),
        pupils=tuple(fixed.index(place) if place in fixed else None for place in of_eyes),
        contours=tuple(
            _Contour(side, low, *map(np.array, zip(*points, strict=True)))
            for (side, low), points in contours.items()
        ),
    )


def _fill_contours(found, contours, places, vertices, projected, up) -> None:
    """Writes the points of the jaw line."""
    head = load_head()
    corners = head.triangles[places.jaw_triangles]
    both = np.concatenate([projected, vertices], 1).astype(np.float32)
    samples = np.einsum("sjcwk,sjcw->sjck", both[corners], places.jaw_weights)
    lines = jaw_lines(samples, places.jaw_triangles, up)
    tip = places.names.index("nose tip")
    tip_point = places.weights[tip] @ projected[head.triangles[places.triangles[tip]]]
    for contour in contours:
        line, shares = lines[contour.side], contour.shares
        if contour.low:
            start = line.share_at_height(tip_point, up)
            shares = start + (1 - start) * shares
        points, positions, triangles = line.at(shares)
        found.points[contour.rows] = points
        found.positions[contour.rows] = positions
        found.triangles[contour.rows] = triangles


def _place_pupils(vertices, gaze, pupils, triangles, weights) -> None:
    """Sets the triangle and weights of the pupils to where the gaze leaves the eyeballs, in place."""
    head = load_head()
    centres, _ = head.eyes(vertices)
    eye = np.flatnonzero(head.materials == Material.EYE)
    corners = vertices[head.triangles[eye]]
    for row, centre in zip(pupils, centres, strict=True):
        hit = None if row is None else first_hit(corners, centre, gaze)
        if hit is not None:
            triangles[row], weights[row] = eye[hit[0]], hit[1]
