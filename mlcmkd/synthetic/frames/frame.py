"""One frame: people and things before a background, seen by both cameras."""

from dataclasses import dataclass

import cv2
import numpy as np

from mlcmkd.synthetic.frames.layout import MOST_HEADS, Place, draw_places
from mlcmkd.synthetic.frames.person import Person, render_person
from mlcmkd.synthetic.frames.things import draw_things, paint_thing
from mlcmkd.synthetic.rgb import background as rgb_background
from mlcmkd.synthetic.rgb import camera as rgb_camera
from mlcmkd.synthetic.rgb.lighting import draw_lighting
from mlcmkd.synthetic.rgb.photo import photograph
from mlcmkd.synthetic.thermal import background as thermal_background
from mlcmkd.synthetic.thermal import camera as thermal_camera
from mlcmkd.synthetic.thermal.look import draw_climate

_FACTOR = 1.5  # the canvas is so much larger than the frame
# Streams of random numbers; people have one each, from `_PEOPLE` on.
_FRAME, _THERMAL_CAMERA, _RGB_CAMERA, _PEOPLE = 0, 1, 2, 10
_KEY = 715_517  # keeps the streams apart from those of single faces
# A face of which the camera sees a smaller share of the landmarks is neither right nor wrong to find.
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
        easy: (F,) bool: at least `SEEN` of the landmarks are in the frame with no other person or
            thing before them.
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


@dataclass
class _Canvas:
    """What both cameras see, and whose pixel each is: 1, 2, ... for people, otherwise 0."""

    apparent: np.ndarray
    light: np.ndarray | None
    owner: np.ndarray


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
    rng = _stream(seed, number, _FRAME)
    shape = tuple(round(_FACTOR * pixels) for pixels in size)
    climate = draw_climate(rng)
    lights = draw_lighting(rng)
    canvas = _background(rng, shape, climate.ambient, climate.sky, lights[1], rgb=rgb)
    drawn = int(rng.choice(MOST_HEADS + 1, p=[0.16, 0.26, 0.2, 0.14, 0.1, 0.08, 0.06]))
    places = draw_places(rng, drawn if heads is None else heads, size[0] / size[1])
    things = draw_things(rng, climate.ambient, int(rng.integers(0, 7)))
    for thing in things:
        if not thing.in_front:
            paint_thing(thing, canvas.apparent, canvas.light, canvas.owner)
    landmarks, hidden = [], []
    for n, place in enumerate(places):
        person = render_person(
            _stream(seed, number, _PEOPLE + n),
            place,
            place.side * max(shape),
            climate,
            lights,
            rgb=rgb,
        )
        corner = _lay(person, place, canvas, n + 1)
        landmarks.append(person.landmarks + corner)
        hidden.append(person.hidden)
    for thing in things:
        if thing.in_front:
            paint_thing(thing, canvas.apparent, canvas.light, canvas.owner)
    return _recorded(seed, number, size, canvas, places, landmarks, hidden, lights[1])


def _stream(seed: int, number: int, part: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_KEY, number, part)))


def _background(
    rng: np.random.Generator, shape: tuple[int, int], ambient: float, sky: float | None, lighting,
    *, rgb: bool,
) -> _Canvas:  # fmt: skip
    """The canvas without people and things; a square of which the middle is used."""
    side, margin = shape[1], (shape[1] - shape[0]) // 2
    rows = slice(margin, margin + shape[0])
    look = thermal_background.draw_background(rng, ambient, sky, people=False)
    behind = rgb_background.draw_background(rng, lighting.kind, lighting.illuminant)
    light = rgb_background.paint_background(behind, side)[rows].copy() if rgb else None
    apparent = thermal_background.paint_background(look, side)[rows].copy()
    return _Canvas(apparent, light, np.zeros(shape, np.int16))


def _lay(person: Person, place: Place, canvas: _Canvas, number: int) -> np.ndarray:
    """Lays a person over the canvas, in place; returns the corner (x, y) of the person's own canvas."""
    height, width = canvas.apparent.shape
    box_centre = (person.landmarks.max(axis=0) + person.landmarks.min(axis=0)) / 2
    corner = np.rint(np.array(place.centre) * (width, height) - box_centre).astype(int)
    _lay_trunk(person, corner, canvas, number)
    side = len(person.alpha)
    x0, y0 = np.maximum(corner, 0)
    x1, y1 = np.minimum(corner + side, (width, height))
    if x0 < x1 and y0 < y1:
        target = np.s_[y0:y1, x0:x1]
        own = np.s_[y0 - corner[1] : y1 - corner[1], x0 - corner[0] : x1 - corner[0]]
        alpha = person.alpha[own]
        canvas.apparent[target] += alpha * (person.apparent[own] - canvas.apparent[target])
        if canvas.light is not None:
            canvas.light[target] += alpha[..., None] * (person.light[own] - canvas.light[target])
        canvas.owner[target][alpha > 0.5] = number
    return corner.astype(np.float32)


def _lay_trunk(person: Person, corner: np.ndarray, canvas: _Canvas, number: int) -> None:
    """Chest and arms below the person's own canvas, an ellipse above a rectangle."""
    side = len(person.alpha)
    x, y = corner + np.array([0.5, 0.98]) * side
    mask = np.zeros(canvas.apparent.shape, np.float32)
    half = 0.5 * side
    cv2.ellipse(mask, ((float(x), float(y)), (2 * half, 0.5 * side), 0.0), 1.0, -1)
    bottom = mask.shape[0]
    if y < bottom:
        first, last = max(int(x - half), 0), int(x + half) + 1
        mask[max(int(y), 0) :, first : max(last, 0)] = 1
    mask = cv2.GaussianBlur(mask, (0, 0), 0.8)
    canvas.apparent += mask * (np.float32(person.trunk_celsius) - canvas.apparent)
    if canvas.light is not None:
        canvas.light += mask[..., None] * (person.trunk_light - canvas.light)
    canvas.owner[mask > 0.5] = number


def _recorded(
    seed: int, number: int, size: tuple[int, int], canvas: _Canvas, places: list[Place],
    landmarks: list[np.ndarray], hidden: list[np.ndarray], lighting,
) -> Frame:  # fmt: skip
    """Both cameras' images of the canvas, and the faces that they show."""
    rng = _stream(seed, number, _THERMAL_CAMERA)
    camera = thermal_camera.draw_camera(rng)
    thermal = thermal_camera.record(canvas.apparent, camera, size, rng)
    # A sensor's pixel, and the full width at half maximum of the blur; pixels of the frame.
    point = float(np.hypot(1 / min(camera.resolution, 1), 2.35 * camera.blur * max(size)))
    rgb = None
    if canvas.light is not None:
        rng = _stream(seed, number, _RGB_CAMERA)
        photo_camera = rgb_camera.draw_camera(rng, lighting.illuminant)
        rgb = photograph(canvas.light, photo_camera, size, rng)
    faces = [n for n, place in enumerate(places) if place.faces_camera]
    points = np.stack([landmarks[n] for n in faces]) if faces else np.zeros((0, 68, 2), np.float32)
    own = np.array([n + 1 for n in faces], np.int16)
    free = _free(points, own, canvas.owner)
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


def _free(points: np.ndarray, own: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Which landmarks (F, P, 2) are on the canvas with nobody and nothing else before them."""
    height, width = owner.shape
    x, y = np.rint(points[..., 0]).astype(int), np.rint(points[..., 1]).astype(int)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    # A point on a silhouette may round to a pixel of the background.
    top = owner[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return inside & ((top == own[:, None]) | (top == 0) & ~_covered(points, owner, own))


def _covered(points: np.ndarray, owner: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Whether none of the pixels around each point belongs to its own person."""
    height, width = owner.shape
    corner = np.floor(points).astype(int)
    seen = np.zeros(points.shape[:2], bool)
    for dx in (-1, 0, 1, 2):
        for dy in (-1, 0, 1, 2):
            x = np.clip(corner[..., 0] + dx, 0, width - 1)
            y = np.clip(corner[..., 1] + dy, 0, height - 1)
            seen |= owner[y, x] == own[:, None]
    return ~seen
