"""Pose of the head and the camera in front of it."""

from dataclasses import dataclass

import numpy as np

# The head turns about this point: between the angles of the jaw, in front of the axis of the neck.
NECK = np.array([0, -1.3, -0.8], np.float32)


@dataclass(frozen=True)
class Pose:
    """How the head is turned, and how the camera frames it.

    Attributes:
        yaw, pitch, roll: of the head, degrees; positive turns to the viewer's right, up, clockwise.
        trunk: share of the rotation that the shoulders follow, 0 to 1.
        distance: of the camera from the head's centre, in head units (1 unit is about 6.3 cm).
        shift: (2,) offset of the face from the image centre, as shares of the face's size.
        margin: side of the image / side of the square around the landmarks.
    """

    yaw: float
    pitch: float
    roll: float
    trunk: float
    distance: float
    shift: tuple[float, float]
    margin: float


def draw_pose(rng: np.random.Generator, yaw_deviation: float) -> Pose:
    """Random pose and framing of one picture; the ranges are ours.

    Args:
        rng: the sample's generator.
        yaw_deviation: standard deviation of the yaw, degrees.
    """
    return Pose(
        yaw=float(np.clip(rng.normal(0, yaw_deviation), -80, 80)),
        pitch=float(np.clip(rng.normal(0, 11), -35, 35)),
        roll=float(np.clip(rng.normal(0, 7), -30, 30)),
        trunk=float(rng.uniform(0.1, 0.7)),
        distance=float(np.exp(rng.uniform(np.log(8), np.log(40)))),
        shift=tuple(rng.normal(0, 0.03, 2).tolist()),
        margin=float(rng.uniform(1.56, 1.87)),
    )


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation matrix (3, 3) float32 from head to camera axes; degrees, signs as in `Pose`."""
    cos, sin = np.cos(np.deg2rad([yaw, -pitch, -roll])), np.sin(np.deg2rad([yaw, -pitch, -roll]))
    about_y = np.array([[cos[0], 0, sin[0]], [0, 1, 0], [-sin[0], 0, cos[0]]])
    about_x = np.array([[1, 0, 0], [0, cos[1], -sin[1]], [0, sin[1], cos[1]]])
    about_z = np.array([[cos[2], -sin[2], 0], [sin[2], cos[2], 0], [0, 0, 1]])
    return (about_z @ about_y @ about_x).astype(np.float32)


def up_in_image(matrix: np.ndarray) -> np.ndarray:
    """The head's up direction in the image, (2,) unit, y down, of a rotation (3, 3)."""
    direction = np.array([matrix[0, 1], -matrix[1, 1]])
    return direction / np.linalg.norm(direction)


def direction(across: float, up: float) -> tuple[float, float, float]:
    """Unit vector at angles from the z axis: degrees to the viewer's right, and up."""
    across, up = np.deg2rad((across, up))
    flat = np.cos(up)
    return float(np.sin(across) * flat), float(np.sin(up)), float(np.cos(across) * flat)


def gaze_direction(gaze: tuple[float, float]) -> np.ndarray:
    """(3,) float32 unit vector in head coordinates of degrees to the viewer's right and up."""
    return np.array(direction(*gaze), np.float32)


def turn(vertices: np.ndarray, follows: np.ndarray, pose: Pose) -> np.ndarray:
    """Turns a body about the neck.

    Args:
        vertices: (N, 3) head coordinates.
        follows: (N,) how far each vertex follows the head's rotation rather than the trunk's.
        pose: the pose.

    Returns:
        (N, 3) float32, camera axes: x to the viewer's right, y up, z towards the viewer.
    """
    of_head = rotation(pose.yaw, pose.pitch, pose.roll)
    share = pose.trunk
    of_trunk = rotation(pose.yaw * share, 0.6 * pose.pitch * share, 0.5 * pose.roll * share)
    from_neck = vertices - NECK
    with_head, with_trunk = from_neck @ of_head.T, from_neck @ of_trunk.T
    turned = with_trunk + (with_head - with_trunk) * follows[:, None]
    return (turned + NECK).astype(np.float32)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera on the z axis whose image is a square window.

    Attributes:
        distance: of the pinhole from the origin, head units.
        centre: (2,) centre of the window, in head units of the plane z = 0, y down.
        scale: pixels per head unit in that plane.
        size: side of the image, pixels.
    """

    distance: float
    centre: np.ndarray
    scale: float
    size: int

    def project(self, positions: np.ndarray) -> np.ndarray:
        """Projects positions (N, 3), camera axes, to pixels; (N, 3) float32 with z kept."""
        flat = flatten(positions, self.distance)
        pixels = (flat - self.centre) * self.scale + (self.size - 1) / 2
        return np.column_stack((pixels, positions[:, 2])).astype(np.float32)


def flatten(positions: np.ndarray, distance: float) -> np.ndarray:
    """Perspective projection (N, 3) -> (N, 2) onto the plane z = 0, y down, head units."""
    shrink = distance / (distance - positions[:, 2])
    return np.stack((positions[:, 0] * shrink, -positions[:, 1] * shrink), axis=1)


def frame(points: np.ndarray, pose: Pose, size: int) -> Camera:
    """The camera whose image shows the face as `pose` says.

    Args:
        points: (P, 2) projected landmarks, head units, y down (`flatten`).
        pose: distance, shift and margin.
        size: side of the image, pixels.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    side = float((high - low).max())
    centre = (low + high) / 2 + np.array(pose.shift) * side
    return Camera(pose.distance, centre, size / (side * pose.margin), size)


def mirrored(normals: np.ndarray) -> np.ndarray:
    """Directions (N, 3) that a distant camera on the z axis sees mirrored at unit normals (N, 3)."""
    reflected = 2 * normals[:, 2:] * normals
    reflected[:, 2] -= 1
    return reflected
