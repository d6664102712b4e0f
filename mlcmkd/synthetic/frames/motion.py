"""How people move through a clip; all ranges are ours."""

from dataclasses import dataclass, replace

import numpy as np

from mlcmkd.synthetic.frames.layout import Place

_WALKERS = 0.5  # share of the people who walk from border to border; the others stay in their place
_BEYOND = 0.1  # how far walkers leave the frame before they turn, a share of its width
_SPEED = (0.5, 2.5)  # of walkers, sides of the face's box per second
_WAVES = 3  # sine waves of each movement
_SWAY = np.array([0.25, 0.1])  # amplitude of the head's (x, y), sides of the face's box
_ANGLES = np.array([20.0, 6.0, 6.0])  # amplitude of yaw, pitch and roll, degrees
_LIMITS = (90.0, 35.0, 45.0)  # as in single frames; people who look away are not limited


@dataclass(frozen=True)
class Motion:
    """The movement of one person, who starts at a place.

    Attributes:
        place: at second 0.
        speed: shares of the frame's width per second, positive to the right; 0 for people who stay.
        frequencies: (W, 5) Hz, of x, y, yaw, pitch and roll.
        phases: (W, 5) radians.
    """

    place: Place
    speed: float
    frequencies: np.ndarray
    phases: np.ndarray

    def at(self, seconds: float, ratio: float) -> Place:
        """The place at a time; at second 0 exactly `place`.

        Args:
            seconds: since the start, at least 0.
            ratio: height / width of the frame.
        """
        if seconds == 0:
            return self.place
        waves = np.sin(2 * np.pi * self.frequencies * seconds + self.phases) - np.sin(self.phases)
        change = waves.mean(axis=0)
        x, y = self.place.centre + change[:2] * _SWAY * self.place.side * (1, 1 / ratio)
        if self.speed:
            x = _reflected(x + self.speed * seconds)
        pose = self.place.pose
        angles = np.array([pose.yaw, pose.pitch, pose.roll]) + change[2:] * _ANGLES
        if self.place.faces_camera:
            angles = np.clip(angles, np.negative(_LIMITS), _LIMITS)
        yaw, pitch, roll = angles.tolist()
        return replace(
            self.place,
            centre=(float(x), float(y)),
            pose=replace(pose, yaw=yaw, pitch=pitch, roll=roll),
        )


def draw_motion(rng: np.random.Generator, place: Place) -> Motion:
    """A random movement of the person at a place."""
    walks, right = rng.random() < _WALKERS, rng.choice([-1, 1])
    speed = float(right * place.side * rng.uniform(*_SPEED)) if walks else 0.0
    frequencies = rng.uniform(0.1, 0.8, (_WAVES, 5))
    return Motion(place, speed, frequencies, rng.uniform(0, 2 * np.pi, (_WAVES, 5)))


def _reflected(x: float) -> float:
    """A place on a line that turns back a little beyond both borders of the frame."""
    span = 1 + 2 * _BEYOND
    along = (x + _BEYOND) % (2 * span)
    return min(along, 2 * span - along) - _BEYOND
