"""Where people stand in a frame: number, sizes, places and poses of the heads."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.view import Pose

MOST_HEADS = 6
# Side of a face's box (that of its landmarks), pixels of a frame whose longer side has `REFERENCE`.
SMALLEST, LARGEST, REFERENCE = 12.0, 240.0, 320
_MARGIN = 3.2  # side of a person's canvas / side of the face's box: head, shoulders, long hair
_TURNED_AWAY = 0.08  # share of the people whose face the camera does not see


@dataclass(frozen=True)
class Place:
    """One person in a frame.

    Attributes:
        centre: (x, y) of the face's box, shares of the frame's width and height.
        side: of the face's box, a share of the frame's longer side.
        pose: of the head; its margin is that of the person's canvas.
        faces_camera: whether the face is seen; otherwise the person looks away.
    """

    centre: tuple[float, float]
    side: float
    pose: Pose
    faces_camera: bool


def draw_places(rng: np.random.Generator, heads: int, ratio: float) -> list[Place]:
    """Random places of some people, the farthest first; the ranges are ours.

    People of one frame have similar sizes more often than not, and faces hardly overlap.

    Args:
        rng: random numbers.
        heads: number of people.
        ratio: height / width of the frame, at most 1.
    """
    low, high = np.log(SMALLEST / REFERENCE), np.log(LARGEST / REFERENCE)
    # Several large heads do not fit into one frame.
    group = rng.uniform(low, min(high, np.log(0.75) - 0.45 * np.log(max(heads, 1))))
    places: list[Place] = []
    for _ in range(heads):
        for _ in range(20):
            size = group + rng.normal(0, 0.35) if rng.random() < 0.8 else rng.uniform(low, high)
            side = float(np.exp(np.clip(size, low, high)))
            centre = (float(rng.uniform(-0.03, 1.03)), float(np.clip(rng.beta(2, 2.6), 0.02, 0.98)))
            if all(_apart(centre, side, other, ratio) for other in places):
                away = rng.random() < _TURNED_AWAY
                places.append(Place(centre, side, _draw_pose(rng, away), not away))
                break
    return sorted(places, key=lambda place: place.side)


def _apart(centre: tuple[float, float], side: float, other: Place, ratio: float) -> bool:
    """Whether a face's box overlaps that of another person by less than a quarter of a side."""
    across = abs(centre[0] - other.centre[0])
    down = abs(centre[1] - other.centre[1]) * ratio
    return max(across, down) > 0.375 * (side + other.side)


def _draw_pose(rng: np.random.Generator, away: bool) -> Pose:
    """Random pose: wider than that of single faces, up to profiles and 45 degrees of roll."""
    yaw = float(np.clip(rng.normal(0, 32), -90, 90))
    if away:
        yaw = float(rng.choice([-1, 1]) * rng.uniform(125, 180))
    tilted = rng.random() < 0.25
    return Pose(
        yaw=yaw,
        pitch=float(np.clip(rng.normal(0, 12), -35, 35)),
        roll=float(rng.uniform(-45, 45) if tilted else np.clip(rng.normal(0, 9), -30, 30)),
        trunk=float(rng.uniform(0.6, 1.0) if away else rng.uniform(0.1, 0.7)),
        distance=float(np.exp(rng.uniform(np.log(8), np.log(40)))),
        shift=(0.0, 0.0),
        margin=_MARGIN,
    )
