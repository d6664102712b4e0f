"""Eyes: sclera, iris, pupil, the shade of the lids, and the reflections of a wet surface."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.rgb.colour import choose_colour, linear, vary
from mlcmkd.synthetic.rgb.pixels import put_rows, unit
from mlcmkd.synthetic.rgb.shading import IncidentLight, irradiance
from mlcmkd.synthetic.rgb.tiles import grain
from mlcmkd.synthetic.scene import Scene
from mlcmkd.synthetic.smooth import smooth_step
from mlcmkd.synthetic.texture import SIDE, lookup
from mlcmkd.synthetic.view import gaze_direction

_IRIS_COLOURS = {  # linear colour, probability for light and for dark skin; ours
    "dark brown": (linear(52, 32, 22), 0.3, 0.85),
    "brown": (linear(92, 60, 36), 0.2, 0.13),
    "hazel": (linear(120, 96, 58), 0.15, 0.01),
    "green": (linear(104, 116, 84), 0.1, 0.005),
    "blue": (linear(98, 124, 146), 0.17, 0.003),
    "grey": (linear(122, 130, 134), 0.08, 0.002),
}
_BLEED = np.full(3, 0.15, np.float32)


@dataclass(frozen=True)
class EyeLook:
    """Eyes of one person.

    Attributes:
        iris: (3,) linear colour.
        iris_radius: head units.
        pupil: its share of the iris' radius.
        sclera: (3,) linear colour.
        wetness: strength of reflections.
    """

    iris: np.ndarray
    iris_radius: float
    pupil: float
    sclera: np.ndarray
    wetness: float


def draw_eyes(
    of_identity: np.random.Generator, of_sample: np.random.Generator, tone: float
) -> EyeLook:
    """Random eyes; the ranges are ours. `tone` is that of the skin, 0 very light to 1 very dark."""
    colour = choose_colour(of_identity, _IRIS_COLOURS, min(1, 1.6 * tone))
    white = linear(216, 206, 200) * (1 - 0.2 * tone)
    return EyeLook(
        iris=vary(of_identity, colour, 0.15),
        iris_radius=float(of_identity.uniform(0.086, 0.096)),
        pupil=float(of_sample.uniform(0.28, 0.55)),
        sclera=vary(of_identity, white, 0.08),
        wetness=float(of_sample.uniform(0.7, 1.4)),
    )


def paint_eyes(radiance: np.ndarray, scene: Scene, eyes: EyeLook, incident: IncidentLight) -> None:
    """Writes the light of the pixels of the eyeballs into `radiance` (M, 3)."""
    solid = scene.solid
    chosen = np.flatnonzero(solid.materials == Material.EYE)
    if not len(chosen):
        return
    places, normals = solid.places.take(chosen, axis=0), solid.normals.take(chosen, axis=0)
    centres, radii = _eyeballs()
    side = (places[:, 0] > 0).astype(int)
    from_centre = (places - centres[side]) / radii[side][:, None]
    looking = gaze_direction(scene.shape.gaze)
    off_axis = from_centre - looking * (from_centre @ looking)[:, None]
    distance = np.linalg.norm(off_axis, axis=1) * radii[side] / eyes.iris_radius
    distance = np.where(from_centre @ looking > 0, distance, 9)
    albedo, in_iris = _eye_albedo(off_axis, distance, eyes)
    shaded = _lid_shade(scene, chosen)
    own = incident.take(chosen)
    # The lids shade the ball; the baked ambient light does not know how far they are open.
    own = replace(own, reaching=np.maximum(own.reaching, 0.25), ambient=0.45 + 0.55 * shaded)
    light = albedo * irradiance(normals, own, _BLEED)
    light *= (0.05 + 0.95 * np.minimum(1.35 * shaded, 1) ** 1.4)[:, None]  # lashes, too
    mirrored = _reflections(scene, normals, off_axis, in_iris, own, eyes)
    put_rows(radiance, chosen, light + mirrored * (0.4 + 0.6 * shaded)[:, None])


@lru_cache(maxsize=1)
def _eyeballs() -> tuple[np.ndarray, np.ndarray]:
    """Centres (2, 3) and radii (2,) of the eyeballs of the mean head."""
    head = load_head()
    return head.eyes(head.mean)


def _eye_albedo(
    off_axis: np.ndarray, distance: np.ndarray, eyes: EyeLook
) -> tuple[np.ndarray, np.ndarray]:
    """Albedo (n, 3), and how far a pixel belongs to the iris (n,); `distance` 1 is its border."""
    in_iris = smooth_step(distance, 1.08, 0.92)
    redness = 0.35 * np.clip(distance / 4 - 0.35, 0, 1)[:, None]
    sclera = eyes.sclera * (1 - redness * np.array([0.25, 0.75, 0.75], np.float32))
    angle = np.arctan2(off_axis[:, 1], off_axis[:, 0]) * np.float32(SIDE / (2 * np.pi))
    fibres = lookup(grain(), angle, 8 * distance, wrap=True)
    brightness = (1.1 + 0.6 * smooth_step(distance, 0.9, 0.45)) * (1 + 0.12 * fibres)
    brightness *= 1 - 0.75 * smooth_step(distance, 0.72, 1.0)  # the dark ring at the border
    iris = eyes.iris * brightness[:, None]
    iris *= 1 - 0.97 * smooth_step(distance, eyes.pupil + 0.1, eyes.pupil - 0.1)[:, None]
    return sclera + in_iris[:, None] * (iris - sclera), in_iris


def _lid_shade(scene: Scene, chosen: np.ndarray) -> np.ndarray:
    """Light (n,) from 0 to 1 that the upper lid leaves: dark where it is close above in the image."""
    solid = scene.solid
    eye = np.zeros(solid.size * solid.size, np.float32)
    eye[solid.pixels[chosen]] = 1
    reach = max(2, int(0.11 * scene.camera.scale))
    light = np.zeros(len(chosen), np.float32)
    for k in range(1, reach + 1):
        above = np.maximum(solid.pixels[chosen] - k * solid.size, 0)
        light += eye[above] * (2 / reach) * (1 - (k - 0.5) / reach)
    return light


def _reflections(
    scene: Scene,
    normals: np.ndarray,
    off_axis: np.ndarray,
    in_iris: np.ndarray,
    incident: IncidentLight,
    eyes: EyeLook,
) -> np.ndarray:
    """Mirrored light (n, 3): the catch-light and a faint image of the sky.

    The cornea is more curved than the ball (radii of 7.8 and 12 mm), so its normals turn faster.
    """
    bulge = (1.5 * in_iris)[:, None] * (off_axis @ scene.rotation.T)
    wet = unit(normals + bulge)
    size = 0.01 + 0.016 * (1 - incident.lighting.hardness)
    catch = smooth_step(1 - wet @ incident.half, 2.2 * size, 0.5 * size) * (0.2 + 0.9 * in_iris)
    sky = 0.05 * smooth_step(wet[:, 1], 0.1, 0.6)
    lighting = incident.lighting
    lit = eyes.wetness * (catch[:, None] * lighting.key + sky[:, None] * lighting.sky)
    return lit.astype(np.float32)
