"""One person in front of the camera: bodies, visible surfaces and landmarks, shared by both cameras."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlcmkd.synthetic.head.basis import load_head
from mlcmkd.synthetic.head.landmarks import ProjectedLandmarks, locate
from mlcmkd.synthetic.part import OCCLUDER_OF, Occluder, Part, Worn, join
from mlcmkd.synthetic.shape import Shape
from mlcmkd.synthetic.surface import Surface, see
from mlcmkd.synthetic.view import (
    Camera,
    flatten,
    frame,
    gaze_direction,
    rotation,
    turn,
    up_in_image,
)
from mlcmkd.synthetic.worn.dress import head_part
from mlcmkd.synthetic.worn.follow import follows_head

# How far a landmark may lie behind the surface and still count as visible, head units. Lids and lips
# fold over the points of their borders, so the head's own surface has a larger tolerance.
_TOLERANCE = 0.02
_HEAD_TOLERANCE = 0.25


@dataclass(frozen=True)
class SceneLandmarks:
    """Landmarks of one scheme in one scene.

    Attributes:
        points: (P, 2) float32, pixels of the canvas.
        positions: (P, 3) float32, camera axes, head units.
        hidden_by: (P,) int8, `Occluder` values; NOTHING where the camera sees the point. Clear
            glasses hide a point from the thermal camera only.
    """

    points: np.ndarray
    positions: np.ndarray
    hidden_by: np.ndarray


@dataclass(frozen=True)
class Scene:
    """One person in front of the camera.

    Attributes:
        shape: geometry of the person.
        vertices: (V, 3) float32, the person's bare head in head coordinates.
        bare: (V, 3) float32, the same in camera axes.
        parts: the bodies, the head first.
        turned: (N, 3) float32, vertices of all bodies in camera axes.
        rotation: (3, 3) float32, head to camera axes.
        camera: the camera.
        solid: visible surface of everything but lenses.
        lens: visible surface of the lenses of glasses; None without glasses.
    """

    shape: Shape
    vertices: np.ndarray
    bare: np.ndarray
    parts: tuple[Part, ...]
    turned: np.ndarray
    rotation: np.ndarray
    camera: Camera
    solid: Surface
    lens: Surface | None

    def bodies(self) -> Iterator[tuple[Part, int, int]]:
        """The parts, each with its first vertex in `turned` and the one after its last."""
        start = 0
        for part in self.parts:
            end = start + len(part.vertices)
            yield part, start, end
            start = end

    def landmarks(self, scheme: str = "ibug68") -> SceneLandmarks:
        """Landmarks of a scheme on the canvas, and what hides them.

        Raises:
            InputError: the scheme is not defined on the head.
        """
        pixels = self.camera.project(self.bare)
        gaze = self.rotation @ gaze_direction(self.shape.gaze)
        found = locate(scheme, self.bare, pixels[:, :2], up_in_image(self.rotation), gaze)
        return SceneLandmarks(found.points, found.positions, self._hidden_by(found))

    def _hidden_by(self, found: ProjectedLandmarks) -> np.ndarray:
        """The occluder of each point: what covers all four pixels around it.

        A point is visible if one of the four does not cover it, so points on a silhouette are visible.
        """
        size = self.solid.size
        corner = np.floor(found.points).astype(int)
        columns = np.clip(corner[:, :1] + [0, 1, 0, 1], 0, size - 1)
        rows = np.clip(corner[:, 1:] + [0, 0, 1, 1], 0, size - 1)
        materials = self.solid.canvas(self.solid.materials, -1)[rows, columns]
        tolerance = np.where(materials < Worn.HAIR, _HEAD_TOLERANCE, _TOLERANCE)
        covered = self.solid.depth[rows, columns] > found.positions[:, 2:] + tolerance
        hidden = np.full(len(found.points), Occluder.NOTHING, np.int8)
        if self.lens is not None:
            glass = self.lens.canvas(np.ones(len(self.lens), np.float32)) > 0
            hidden[glass[rows, columns].all(axis=1)] = Occluder.GLASSES
        for point in np.flatnonzero(covered.all(axis=1)):
            hidden[point] = OCCLUDER_OF[int(materials[point, 0])]
        return hidden


def build_scene(
    shape: Shape,
    size: int,
    bodies: Sequence[Part] | None = None,
    vertices: np.ndarray | None = None,
) -> Scene:
    """Places a person in front of the camera.

    Args:
        shape: geometry of the person.
        size: side of the canvas, pixels.
        bodies: the head first, then what is worn (`dress`); None for the bare head.
        vertices: (V, 3) `shape.vertices()`, where they are known already.
    """
    head = load_head()
    if vertices is None:
        vertices = shape.vertices()
    parts = tuple(bodies) if bodies is not None else (head_part(vertices),)
    pose = shape.pose
    matrix = rotation(pose.yaw, pose.pitch, pose.roll)
    bare = turn(vertices, follows_head(head.mean), pose)
    framed = locate("ibug68", bare, flatten(bare, pose.distance), up_in_image(matrix))
    camera = frame(framed.points, pose, size)

    body = join(parts)
    turned = turn(body.vertices, body.follows, pose)
    solid, lens = see_bodies(parts, turned, camera, closed=len(head.triangles))
    return Scene(shape, vertices, bare, parts, turned, matrix, camera, solid, lens)


def see_bodies(
    parts: Sequence[Part], turned: np.ndarray, camera: Camera, closed: int
) -> tuple[Surface, Surface | None]:
    """What a camera sees of the bodies.

    Args:
        parts: the bodies, the head first.
        turned: (N, 3) their vertices in the camera's axes.
        camera: the camera.
        closed: number of triangles of the head, whose surface is closed.

    Returns:
        The visible surface of everything but lenses, and that of the lenses; None without glasses.
    """
    body = join(tuple(parts))
    projected = camera.project(turned)
    is_lens = body.materials == Worn.LENS
    solid = see(_only(body, ~is_lens), turned, projected, camera.size, closed=closed)
    lens = None
    if is_lens.any():
        lens = see(_only(body, is_lens), turned, projected, camera.size, depth=solid.depth)
    return solid, lens


def _only(body: Part, chosen: np.ndarray) -> Part:
    """The same vertices with the chosen triangles."""
    return replace(body, triangles=body.triangles[chosen], materials=body.materials[chosen])
