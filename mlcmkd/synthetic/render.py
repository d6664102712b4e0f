"""One pair: all random parameters of a face in one picture, and its rendering by both cameras."""

from dataclasses import dataclass

import cv2
import numpy as np

from mlcmkd.synthetic.coverage import cover
from mlcmkd.synthetic.head.basis import load_head
from mlcmkd.synthetic.realism import Realism
from mlcmkd.synthetic.rgb.look import RgbLook, draw_rgb_look
from mlcmkd.synthetic.rgb.paint import paint_rgb
from mlcmkd.synthetic.rgb.photo import photograph
from mlcmkd.synthetic.scene import SceneLandmarks, build_scene
from mlcmkd.synthetic.second_camera import SecondCamera, seen_beside
from mlcmkd.synthetic.shape import Shape, draw_shape
from mlcmkd.synthetic.styling import Styling, draw_styling
from mlcmkd.synthetic.surface import FAR
from mlcmkd.synthetic.thermal.camera import record
from mlcmkd.synthetic.thermal.look import ThermalLook, draw_thermal_look
from mlcmkd.synthetic.thermal.paint import paint_thermal
from mlcmkd.synthetic.worn.dress import dress

# Streams of random numbers, one for each part of a face, so that a change to the code of one part does
# not change the others.
_STREAMS = {"shape": 0, "styling": 1, "rgb": 2, "thermal": 3, "rgb camera": 4, "thermal camera": 5}
_SUPERSAMPLED, _FACTOR = 160, 1.5  # images up to this side are rendered larger and then reduced


@dataclass(frozen=True)
class Recipe:
    """All random parameters of one pair.

    Attributes:
        seed, identity, sample: what the random numbers depend on.
        realism: what the renderer includes.
        shape, styling, rgb, thermal: parameters of the parts.
    """

    seed: int
    identity: int
    sample: int
    realism: Realism
    shape: Shape
    styling: Styling
    rgb: RgbLook
    thermal: ThermalLook

    def stream(self, part: str) -> np.random.Generator:
        """The random numbers of one part in this picture."""
        return _stream(self.seed, self.identity, part, self.sample)


@dataclass(frozen=True)
class RenderedPair:
    """One face seen by both cameras, or by one of them.

    Attributes:
        rgb: (size, size, 3) uint8, red first; None if only the thermal image was asked for.
        thermal: (size, size) float32, degrees C.
        landmarks: of the chosen scheme, in pixels of these images.
        depth: (size, size) float32, z of the surface in camera axes, head units; NaN where there is
            only background.
        temperature: (size, size) float32, true temperature of the surfaces, degrees C.
    """

    rgb: np.ndarray | None
    thermal: np.ndarray
    landmarks: SceneLandmarks
    depth: np.ndarray
    temperature: np.ndarray


def _stream(seed: int, identity: int, part: str, sample: int | None = None) -> np.random.Generator:
    """Random numbers of one part of an identity, or of one of its samples."""
    key = (identity, 0 if sample is None else sample + 1, _STREAMS[part])
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def draw_recipe(seed: int, identity: int, sample: int, realism: Realism) -> Recipe:
    """Draws all parameters of one picture of a person."""

    def both(part: str) -> tuple[np.random.Generator, np.random.Generator]:
        return _stream(seed, identity, part), _stream(seed, identity, part, sample)

    styling = draw_styling(*both("styling"), realism)
    return Recipe(
        seed=seed,
        identity=identity,
        sample=sample,
        realism=realism,
        shape=draw_shape(*both("shape"), realism),
        styling=styling,
        rgb=draw_rgb_look(*both("rgb"), styling),
        thermal=draw_thermal_look(*both("thermal")),
    )


def render_pair(
    recipe: Recipe,
    size: int,
    scheme: str = "ibug68",
    *,
    rgb: bool = True,
    rgb_camera: SecondCamera | None = None,
) -> RenderedPair:
    """Renders one pair.

    Args:
        recipe: its parameters.
        size: side of the images, pixels.
        scheme: landmark scheme.
        rgb: also render the RGB image, which takes a third of the time.
        rgb_camera: where the RGB camera is; None for the place of the thermal camera.

    Raises:
        InputError: the scheme is not defined on the head.
    """
    canvas = round(size * _FACTOR) if size <= _SUPERSAMPLED else size
    factor = canvas / size
    vertices = recipe.shape.vertices()
    scene = build_scene(recipe.shape, canvas, dress(vertices, recipe.styling), vertices)
    coverage = cover(scene, recipe.styling)
    photo = None
    if rgb:
        shown, covered = scene, coverage
        if rgb_camera is not None:
            shown = seen_beside(scene, rgb_camera)
            covered = cover(shown, recipe.styling)
        light = paint_rgb(shown, covered, recipe.styling, recipe.rgb)
        photo = photograph(light, recipe.rgb.camera, size, recipe.stream("rgb camera"))
    heat = paint_thermal(scene, coverage, recipe.styling, recipe.thermal, recipe.realism)
    found = scene.landmarks(scheme)
    depth = np.where(scene.solid.depth > FAR, scene.solid.depth, np.float32(np.nan))
    return RenderedPair(
        rgb=photo,
        thermal=record(
            heat.apparent,
            recipe.thermal.camera,
            size,
            recipe.stream("thermal camera"),
            recipe.realism,
        ),
        landmarks=SceneLandmarks(
            # Canvas pixel u is image pixel (u + 0.5) / factor - 0.5: centres are at integers in both.
            ((found.points + 0.5) / factor - 0.5).astype(np.float32),
            found.positions,
            found.hidden_by,
        ),
        depth=cv2.resize(depth, (size, size), interpolation=cv2.INTER_NEAREST),
        temperature=cv2.resize(heat.surface, (size, size), interpolation=cv2.INTER_AREA),
    )


def attributes(recipe: Recipe) -> dict[str, object]:
    """What a pair shows, by name; see `SyntheticFaces.attributes`."""
    shape, styling = recipe.shape, recipe.styling
    actions = dict(zip(load_head().expression_names, shape.expression.tolist(), strict=True))

    def mean_of_sides(action: str) -> float:
        return float(np.clip((actions[f"{action}Left"] + actions[f"{action}Right"]) / 2, 0, 1))

    return {
        "yaw": shape.pose.yaw,
        "pitch": shape.pose.pitch,
        "roll": shape.pose.roll,
        "expression": shape.kind,
        "smile": mean_of_sides("mouthSmile"),
        "mouth_open": min(1.0, actions["jawOpen"]),
        "eye_closure": mean_of_sides("eyeBlink"),
        "glasses": styling.glasses != "none",
        "beard": styling.beard != "none",
        "glasses_style": styling.glasses,
        "beard_style": styling.beard,
        "hair_style": styling.hair,
        "hat_style": styling.hat,
        "mask_style": styling.mask,
        "hand": styling.held != "none",
        "skin_tone": recipe.rgb.skin_tone,
        "light_side": float(recipe.rgb.light[0]),
        "ambient_celsius": recipe.thermal.ambient,
        "skin_celsius": recipe.thermal.skin,
        "nose_celsius": recipe.thermal.patterns["nose"],
    }
