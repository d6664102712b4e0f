"""An RGB camera beside the thermal one: parallax, which no map between two images removes."""

from dataclasses import dataclass, replace

import numpy as np

from mlcmkd.synthetic.head.basis import load_head
from mlcmkd.synthetic.scene import Scene, see_bodies
from mlcmkd.utils.errors import InputError

UNIT_CM = 6.3  # one head unit, the distance of the eye centres of the mean head


@dataclass(frozen=True)
class SecondCamera:
    """Place of an RGB camera that looks in the same direction as the thermal camera.

    The rig was registered once, at one distance: a point that far from the cameras has the same pixel
    in both images. A nearer or farther face is shifted as a whole. Within a face, the nose is shifted
    more than the ears.

    Attributes:
        baseline_cm: how far the RGB camera is to the right of the thermal one, cm; negative is left.
        registered_cm: distance at which the images agree, cm, above 0.
    """

    baseline_cm: float
    registered_cm: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.baseline_cm) and np.isfinite(self.registered_cm)):
            raise InputError(f"{self}: give finite numbers")
        if self.registered_cm <= 0:
            raise InputError(f"registered_cm={self.registered_cm:g}: give a distance above 0 cm")

    def shift(self, z: np.ndarray, distance: float) -> np.ndarray:
        """Shift of points in the RGB image against the thermal one, along x.

        With the baseline b, the distance d of the cameras from the head's centre and D of the
        registration, a point is projected to d (x - b) / (d - z), and the registration adds b d / D.
        The shift is b d (1/D - 1/(d - z)): zero where d - z = D.

        Args:
            z: (N,) towards the viewer from the head's centre, head units.
            distance: d, head units.

        Returns:
            (N,) head units of the plane z = 0; positive is to the viewer's right.
        """
        baseline, registered = self.baseline_cm / UNIT_CM, self.registered_cm / UNIT_CM
        return baseline * distance * (1 / registered - 1 / (distance - z))


def seen_beside(scene: Scene, second: SecondCamera) -> Scene:
    """The same person, seen by the second camera.

    Its landmarks and surfaces are those that the second camera sees; light and background do not change.

    Args:
        scene: as the thermal camera sees it.
        second: the RGB camera.
    """
    camera = scene.camera
    baseline = np.array([second.baseline_cm / UNIT_CM, 0, 0], np.float32)
    added = camera.distance * second.baseline_cm / second.registered_cm
    beside = replace(camera, centre=camera.centre - np.array([added, 0]))
    turned = scene.turned - baseline
    solid, lens = see_bodies(scene.parts, turned, beside, closed=len(load_head().triangles))
    return replace(
        scene, bare=scene.bare - baseline, turned=turned, camera=beside, solid=solid, lens=lens
    )
