"""One frame: people and things in front of a background, seen by both cameras."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.frames.canvas import Canvas, lay_person, points_in_view
from mlcmkd.synthetic.frames.layout import MOST_HEADS, Place, draw_places
from mlcmkd.synthetic.frames.motion import draw_motion
from mlcmkd.synthetic.frames.person import render_person
from mlcmkd.synthetic.frames.things import Thing, draw_things, paint_thing
from mlcmkd.synthetic.rgb import background as rgb_background
from mlcmkd.synthetic.rgb import camera as rgb_camera
from mlcmkd.synthetic.rgb.lighting import Lighting, draw_lighting
from mlcmkd.synthetic.rgb.photo import photograph
from mlcmkd.synthetic.thermal import background as thermal_background
from mlcmkd.synthetic.thermal import camera as thermal_camera
from mlcmkd.synthetic.thermal.look import Climate, draw_climate

_FACTOR = 1.5  # the canvas is so much larger than the frame
# Streams of random numbers; people have one each from `_PEOPLE` on, their motions from `_MOTION` on, the
# noise of a clip's later frames ten each from `_SHOTS` on.
_FRAME, _THERMAL_CAMERA, _RGB_CAMERA, _PEOPLE, _MOTION, _SHOTS = 0, 1, 2, 10, 100, 1000
_KEY = 715_517  # keeps the streams apart from those of single faces
# A face with a smaller share of visible landmarks is not scored: a detector may find or miss it.
SEEN = 0.4
# The same holds for a face whose side is not this many times the width of a point in the thermal image.
RESOLVED = 3.0


@dataclass(frozen=True)
class Frame:
    """One frame of both cameras.

    Attributes:
        thermal: (H, W) float32, degrees C.
        rgb: (H, W, 3) uint8, red first; None if only the thermal frame was asked for.
        boxes: (F, 4) float32, x0, y0, x1, y1 of each face's landmarks, pixels; may leave the frame.
        landmarks: (F, 68, 2) float32, ibug68, pixels.
        hidden: (F, 68) bool: outside of the frame, or hidden by something.
        easy: (F,) bool: at least `SEEN` of the landmarks are in the frame and not hidden by another
            person or a thing.
        resolved: (F,) bool: the thermal camera's pixels and its blur are small enough to tell the face
            from a warm spot; see `RESOLVED`.
    """

    thermal: np.ndarray
    rgb: np.ndarray | None
    boxes: np.ndarray
    landmarks: np.ndarray
    hidden: np.ndarray
    easy: np.ndarray
    resolved: np.ndarray


@dataclass(frozen=True)
class _Scene:
    """What does not move, and where people are in the first frame.

    Attributes:
        seed, number: of the random numbers.
        size: (height, width) of the frame, pixels.
        canvas: the background.
        climate, lights: of the scene.
        places: of the people, the farthest first.
        things: in their order.
    """

    seed: int
    number: int
    size: tuple[int, int]
    canvas: Canvas
    climate: Climate
    lights: tuple[tuple[float, float, float], Lighting]
    places: list[Place]
    things: list[Thing]


def render_frame(
    seed: int, number: int, size: tuple[int, int], *, heads: int | None = None, rgb: bool = True
) -> Frame:
    """Renders a frame; it depends on (seed, number, size, heads) alone.

    Args:
        seed, number: of the random numbers.
        size: (height, width), pixels, the width at least the height.
        heads: number of people, 0 to `MOST_HEADS`; None for a random number.
        rgb: also render the RGB frame.
    """
    scene = _draw_scene(seed, number, size, heads, rgb=rgb)
    return _shoot(scene, scene.places)


def render_shots(
    seed: int,
    number: int,
    size: tuple[int, int],
    seconds: Sequence[float],
    *,
    heads: int | None = None,
    rgb: bool = True,
) -> Iterator[Frame]:
    """Renders frames of people who move; at second 0 that is `render_frame`.

    Args:
        seed, number, size, heads, rgb: as in `render_frame`.
        seconds: time of each frame.
    """
    scene = _draw_scene(seed, number, size, heads, rgb=rgb)
    motions = [
        draw_motion(_stream(seed, number, _MOTION + n), place)
        for n, place in enumerate(scene.places)
    ]
    for shot, now in enumerate(seconds):
        places = [motion.at(now, size[0] / size[1]) for motion in motions]
        yield _shoot(scene, places, shot)


def _draw_scene(
    seed: int, number: int, size: tuple[int, int], heads: int | None, *, rgb: bool
) -> _Scene:
    rng = _stream(seed, number, _FRAME)
    shape = tuple(round(_FACTOR * pixels) for pixels in size)
    climate = draw_climate(rng)
    lights = draw_lighting(rng)
    canvas = _background(rng, shape, climate.ambient, climate.sky, lights[1], rgb=rgb)
    drawn = int(rng.choice(MOST_HEADS + 1, p=[0.16, 0.26, 0.2, 0.14, 0.1, 0.08, 0.06]))
    places = draw_places(rng, drawn if heads is None else heads, size[0] / size[1])
    things = draw_things(rng, climate.ambient, int(rng.integers(0, 7)))
    return _Scene(seed, number, size, canvas, climate, lights, places, things)


def _shoot(scene: _Scene, places: list[Place], shot: int = 0) -> Frame:
    """The frame of a scene with its people at these places; `shot` is its number in a clip."""
    canvas = scene.canvas.copy()
    for thing in scene.things:
        if not thing.in_front:
            paint_thing(thing, canvas.apparent, canvas.light, canvas.owner)
    landmarks, hidden = [], []
    for n, place in enumerate(places):
        person = render_person(
            _stream(scene.seed, scene.number, _PEOPLE + n),
            place,
            place.side * max(canvas.owner.shape),
            scene.climate,
            scene.lights,
            rgb=canvas.light is not None,
        )
        corner = lay_person(person, place, canvas, n + 1)
        landmarks.append(person.landmarks + corner)
        hidden.append(person.hidden)
    for thing in scene.things:
        if thing.in_front:
            paint_thing(thing, canvas.apparent, canvas.light, canvas.owner)
    return _recorded(scene, canvas, places, landmarks, hidden, shot)


def _stream(seed: int, number: int, part: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_KEY, number, part)))


def _background(
    rng: np.random.Generator, shape: tuple[int, int], ambient: float, sky: float | None, lighting,
    *, rgb: bool,
) -> Canvas:  # fmt: skip
    """The canvas without people and things; a square of which the middle is used."""
    side, margin = shape[1], (shape[1] - shape[0]) // 2
    rows = slice(margin, margin + shape[0])
    look = thermal_background.draw_background(rng, ambient, sky, people=False)
    behind = rgb_background.draw_background(rng, lighting.kind, lighting.illuminant)
    light = rgb_background.paint_background(behind, side)[rows].copy() if rgb else None
    apparent = thermal_background.paint_background(look, side)[rows].copy()
    return Canvas(apparent, light, np.zeros(shape, np.int16))


def _recorded(
    scene: _Scene,
    canvas: Canvas,
    places: list[Place],
    landmarks: list[np.ndarray],
    hidden: list[np.ndarray],
    shot: int,
) -> Frame:
    """Both cameras' images of the canvas, and the faces that they show."""
    seed, number, size = scene.seed, scene.number, scene.size

    def noise(camera_stream: int, drawn: np.random.Generator) -> np.random.Generator:
        """In the first frame it follows the camera's random numbers; later frames have their own."""
        return _stream(seed, number, _SHOTS + 10 * shot + camera_stream) if shot else drawn

    rng = _stream(seed, number, _THERMAL_CAMERA)
    camera = thermal_camera.draw_camera(rng)
    thermal = thermal_camera.record(canvas.apparent, camera, size, noise(_THERMAL_CAMERA, rng))
    # A sensor's pixel, and the full width at half maximum of the blur; pixels of the frame.
    point = float(np.hypot(1 / min(camera.resolution, 1), 2.35 * camera.blur * max(size)))
    rgb = None
    if canvas.light is not None:
        rng = _stream(seed, number, _RGB_CAMERA)
        photo_camera = rgb_camera.draw_camera(rng, scene.lights[1].illuminant)
        rgb = photograph(canvas.light, photo_camera, size, noise(_RGB_CAMERA, rng))
    faces = [n for n, place in enumerate(places) if place.faces_camera]
    points = np.stack([landmarks[n] for n in faces]) if faces else np.zeros((0, 68, 2), np.float32)
    own = np.array([n + 1 for n in faces], np.int16)
    free = points_in_view(points, own, canvas.owner)
    of_person = np.stack([hidden[n] for n in faces]) if faces else np.zeros((0, 68), bool)
    points = ((points + 0.5) / _FACTOR - 0.5).astype(np.float32)
    boxes = np.concatenate((points.min(axis=1), points.max(axis=1)), axis=1)
    return Frame(
        thermal=thermal,
        rgb=rgb,
        boxes=boxes,
        landmarks=points,
        hidden=of_person | ~free,
        easy=free.mean(axis=1) >= SEEN,
        resolved=(boxes[:, 2:] - boxes[:, :2]).max(axis=1) >= RESOLVED * point,
    )
