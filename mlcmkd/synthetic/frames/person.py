"""A person cut out of the background, as it is before the optics of both cameras."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mlcmkd.synthetic.coverage import cover
from mlcmkd.synthetic.frames.layout import Place
from mlcmkd.synthetic.head.basis import Material
from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.realism import Realism
from mlcmkd.synthetic.rgb.lighting import Lighting
from mlcmkd.synthetic.rgb.look import draw_rgb_look
from mlcmkd.synthetic.rgb.paint import paint_rgb
from mlcmkd.synthetic.scene import Scene, build_scene
from mlcmkd.synthetic.shape import draw_shape
from mlcmkd.synthetic.styling import draw_styling
from mlcmkd.synthetic.surface import FAR
from mlcmkd.synthetic.thermal.look import Climate, look_in
from mlcmkd.synthetic.thermal.paint import paint_thermal
from mlcmkd.synthetic.worn.dress import dress

# The side of the canvas, pixels: small people are rendered larger and reduced, large ones enlarged.
_SMALLEST_CANVAS, _LARGEST_CANVAS = 72, 320


@dataclass(frozen=True)
class Person:
    """One person on a canvas of its own.

    Attributes:
        apparent: (S, S) float32, reading of a perfect thermal camera, degrees C.
        light: (S, S, 3) float32 linear light; None without RGB.
        alpha: (S, S) float32, share of each pixel that the person covers.
        landmarks: (P, 2) float32 ibug68, pixels of the canvas.
        hidden: (P,) bool, hidden by the person's own head, hair, glasses, clothes or hand.
        trunk_celsius: temperature of the trunk, also below the canvas, degrees C.
        trunk_light: (3,) linear light of the trunk.
    """

    apparent: np.ndarray
    light: np.ndarray | None
    alpha: np.ndarray
    landmarks: np.ndarray
    hidden: np.ndarray
    trunk_celsius: float
    trunk_light: np.ndarray


def render_person(
    rng: np.random.Generator,
    place: Place,
    side: float,
    climate: Climate,
    lights: tuple[tuple[float, float, float], Lighting],
    *,
    rgb: bool,
) -> Person:
    """Renders one person of a frame.

    Args:
        rng: of everything that belongs to this person in this frame.
        place: pose.
        side: of the face's box, pixels.
        climate: of the frame.
        lights: direction of the key light, and the lights of the frame.
        rgb: also render the light for the RGB camera.
    """
    realism = Realism()
    styling = draw_styling(rng, rng, realism)
    shape = replace(draw_shape(rng, rng, realism), pose=place.pose)
    thermal = look_in(climate, rng, rng)
    look = replace(draw_rgb_look(rng, rng, styling), light=lights[0], lighting=lights[1])
    canvas = int(np.clip(round(side * place.pose.margin), _SMALLEST_CANVAS, _LARGEST_CANVAS))
    vertices = shape.vertices()
    scene = build_scene(shape, canvas, dress(vertices, styling), vertices)
    coverage = cover(scene, styling)
    heat = paint_thermal(scene, coverage, styling, thermal, realism)
    light = paint_rgb(scene, coverage, styling, look) if rgb else None
    found = scene.landmarks()
    return _resized(scene, heat.apparent, light, found.points, found.hidden_by > 0, side)


def _resized(
    scene: Scene,
    apparent: np.ndarray,
    light: np.ndarray | None,
    points: np.ndarray,
    hidden: np.ndarray,
    side: float,
) -> Person:
    """The person with a face of the wanted size."""
    alpha = (scene.solid.depth > FAR).astype(np.float32)
    if scene.lens is not None:
        alpha.reshape(-1)[scene.lens.pixels] = 1
    trunk = np.flatnonzero(np.isin(scene.solid.materials, (Worn.CLOTH, Material.BODY)))
    pixels = scene.solid.pixels[trunk] if len(trunk) else scene.solid.pixels
    celsius = float(np.median(apparent.reshape(-1)[pixels]))
    colour = np.zeros(3, np.float32)
    if light is not None:
        colour = np.median(light.reshape(-1, 3)[pixels], axis=0).astype(np.float32)
    now = float((points.max(axis=0) - points.min(axis=0)).max())
    pixels_wanted = max(8, round(len(alpha) * side / now))
    factor = pixels_wanted / len(alpha)
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR

    def resize(image: np.ndarray) -> np.ndarray:
        return cv2.resize(image, (pixels_wanted, pixels_wanted), interpolation=way)

    return Person(
        apparent=resize(apparent),
        light=None if light is None else resize(light),
        alpha=resize(alpha),
        # Pixel u becomes (u + 0.5) * factor - 0.5: centres are at integers in both.
        landmarks=((points + 0.5) * factor - 0.5).astype(np.float32),
        hidden=hidden,
        trunk_celsius=celsius,
        trunk_light=colour,
    )
