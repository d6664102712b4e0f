"""Things that are warm or round, but no faces; a detector must not mistake them for faces.

A thing consists of blobs, ellipses and rectangles with a temperature and a colour. All shares, sizes
and temperatures are ours.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Blob:
    """A part of a thing, in units of the thing's size, about its centre; y down.

    Attributes:
        centre: (x, y).
        size: (width, height).
        warmth: temperature, degrees C.
        colour: (3,) linear light.
        angle: degrees, clockwise.
        oval: an ellipse, otherwise a rectangle.
    """

    centre: tuple[float, float]
    size: tuple[float, float]
    warmth: float
    colour: tuple[float, float, float]
    angle: float = 0.0
    oval: bool = True


@dataclass(frozen=True)
class Thing:
    """A thing in a frame.

    Attributes:
        kind: a name of `KINDS`.
        blobs: its parts, the farthest first.
        centre: (x, y), shares of the frame's width and height.
        size: a share of the frame's longer side.
        angle: degrees, clockwise.
        blur: softness of its border, a share of its size.
        in_front: whether it is in front of the people.
    """

    kind: str
    blobs: tuple[Blob, ...]
    centre: tuple[float, float]
    size: float
    angle: float
    blur: float
    in_front: bool


def draw_things(rng: np.random.Generator, ambient: float, count: int) -> list[Thing]:
    """Random things of a frame at an air temperature, degrees C."""
    things = []
    for kind in rng.choice(list(KINDS), count):
        things.append(
            Thing(
                kind=str(kind),
                blobs=tuple(KINDS[kind](rng, ambient)),
                centre=tuple(rng.uniform(-0.02, 1.02, 2).tolist()),
                size=float(np.exp(rng.uniform(np.log(0.04), np.log(0.6)))),
                angle=float(rng.normal(0, 12)),
                blur=float(rng.uniform(0, 0.06)),
                in_front=bool(rng.random() < 0.25),
            )
        )
    return things


def paint_thing(
    thing: Thing, apparent: np.ndarray, light: np.ndarray | None, owner: np.ndarray
) -> None:
    """Draws a thing on the canvas, in place.

    Args:
        thing: the thing.
        apparent: (S, T) float32 degrees C.
        light: (S, T, 3) float32, or None.
        owner: (S, T) int16, becomes 0 where the thing covers more than half of a pixel.
    """
    height, width = apparent.shape
    size = thing.size * max(height, width)
    middle = np.array(thing.centre) * (width, height)
    turn = np.deg2rad(thing.angle)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    for blob in thing.blobs:
        mask = np.zeros((height, width), np.float32)
        centre = middle + axes @ np.array(blob.centre) * size
        box = (
            tuple(centre.tolist()),
            (blob.size[0] * size, blob.size[1] * size),
            thing.angle + blob.angle,
        )
        if blob.oval:
            cv2.ellipse(mask, box, 1.0, -1)
        else:
            cv2.fillConvexPoly(mask, cv2.boxPoints(box).astype(np.int32), 1.0)
        sigma = thing.blur * size * min(blob.size)
        if sigma > 0.3:
            mask = cv2.GaussianBlur(mask, (0, 0), sigma)
        apparent += mask * (np.float32(blob.warmth) - apparent)
        if light is not None:
            light += mask[..., None] * (np.array(blob.colour, np.float32) - light)
        owner[mask > 0.5] = 0


def _grey(rng: np.random.Generator, low: float = 0.02, high: float = 0.7) -> tuple:
    """A colour that is nearly grey."""
    return tuple((rng.uniform(low, high) * rng.uniform(0.75, 1.25, 3)).tolist())


def _colour(rng: np.random.Generator) -> tuple:
    return tuple(rng.uniform(0.02, 0.8, 3).tolist())


def _lamp(rng: np.random.Generator, ambient: float) -> list[Blob]:
    hot = ambient + rng.uniform(10, 60)
    stand = Blob((0, 0.9), (0.1, 1.4), ambient + 1, _grey(rng), oval=False)
    shade = Blob((0, 0), (0.9, rng.uniform(0.6, 1.1)), hot, (1.5, 1.4, 1.1))
    return [stand, shade, Blob((0, 0), (0.4, 0.4), hot + rng.uniform(0, 20), (2.5, 2.4, 2.0))]


def _cup(rng: np.random.Generator, ambient: float) -> list[Blob]:
    warm, colour = rng.uniform(32, 62), _colour(rng)
    handle = Blob((0.4, 0), (0.4, 0.5), (warm + ambient) / 2, colour)
    body = Blob((0, 0), (0.7, 0.9), warm, colour, oval=False)
    return [
        handle,
        body,
        Blob((0, -0.45), (0.7, 0.2), warm + rng.uniform(0, 8), (0.05, 0.03, 0.02)),
    ]


def _animal(rng: np.random.Generator, ambient: float) -> list[Blob]:
    """A dog, cat or cow from the side or the front: fur that hides most of the heat, bare snout."""
    fur = ambient + rng.uniform(0.25, 0.75) * (33 - ambient)
    bare, coat = rng.uniform(30, 36), _grey(rng, 0.02, 0.5)
    side = rng.choice([-1, 1])
    parts = [
        Blob((0, 0.55), (1.5, 0.7), fur, coat),
        Blob((-0.5, 1.0), (0.15, 0.7), fur - 2, coat, oval=False),
        Blob((0.5, 1.0), (0.15, 0.7), fur - 2, coat, oval=False),
    ]
    x = 0.75 * side
    parts += [
        Blob((x - 0.2, -0.3), (0.18, rng.uniform(0.25, 0.5)), fur + 2, coat, -15.0),
        Blob((x + 0.2, -0.3), (0.18, rng.uniform(0.25, 0.5)), fur + 2, coat, 15.0),
        Blob((x, 0), (0.6, 0.62), fur + 1, coat),
        Blob((x + 0.12 * side, 0.15), (0.3, 0.3), rng.uniform(26, 33), coat),
        Blob((x - 0.13, -0.06), (0.11, 0.09), bare, (0.02, 0.02, 0.02)),
        Blob((x + 0.13, -0.06), (0.11, 0.09), bare, (0.02, 0.02, 0.02)),
    ]
    return parts


def _hand(rng: np.random.Generator, ambient: float) -> list[Blob]:
    skin = rng.uniform(27, 35)
    tone = tuple((rng.uniform(0.08, 0.6) * np.array([1.0, 0.72, 0.58])).tolist())
    fingers = []
    spread = rng.uniform(5, 14)
    for n in range(4):
        angle = spread * (n - 1.5)
        x, y = 0.22 * (n - 1.5), -0.6 - 0.05 * (n in (1, 2))
        fingers.append(Blob((x, y), (0.17, 0.65), skin - rng.uniform(0, 4), tone, angle))
    arm = Blob((0, 0.95), (0.55, 1.2), skin + 0.5, tone, oval=False)
    thumb = Blob((0.5, -0.05), (0.18, 0.55), skin - 1, tone, 45.0)
    return [arm, *fingers, thumb, Blob((0, 0), (0.85, 0.9), skin, tone)]


def _window(rng: np.random.Generator, ambient: float) -> list[Blob]:
    pane = ambient + rng.choice([-1, 1]) * rng.uniform(2, 10)
    sight, frame = tuple(rng.uniform(0.3, 2.0, 3).tolist()), _grey(rng, 0.2, 0.8)
    parts = [Blob((0, 0), (1.5, 1.2), ambient + rng.normal(0, 1), frame, oval=False)]
    for x in (-0.37, 0.37):
        for y in (-0.29, 0.29):
            parts.append(Blob((x, y), (0.66, 0.5), pane, sight, oval=False))
    return parts


def _engine(rng: np.random.Generator, ambient: float) -> list[Blob]:
    """A block with hot pipes and round covers."""
    block = ambient + rng.uniform(8, 35)
    parts = [Blob((0, 0), (1.3, 0.9), block, _grey(rng, 0.02, 0.2), oval=False)]
    for _ in range(int(rng.integers(3, 8))):
        size = rng.uniform(0.1, 0.5, 2)
        parts.append(
            Blob(
                tuple(rng.uniform(-0.5, 0.5, 2).tolist()), tuple(size.tolist()),
                block + rng.uniform(-8, 30), _grey(rng, 0.02, 0.4), float(rng.uniform(0, 90)),
                bool(rng.random() < 0.6),
            )
        )  # fmt: skip
    return parts


def _ball(rng: np.random.Generator, ambient: float) -> list[Blob]:
    """Something round as warm as skin: a balloon, a plate, a kettle, a heat pack."""
    warm, colour = rng.uniform(27, 42), _colour(rng)
    parts = [Blob((0, 0), (1, rng.uniform(0.8, 1.4)), warm, colour)]
    for _ in range(int(rng.integers(0, 4))):
        place, size = rng.uniform(-0.3, 0.3, 2), rng.uniform(0.08, 0.35, 2)
        parts.append(
            Blob(tuple(place.tolist()), tuple(size.tolist()), warm + rng.normal(0, 2), _colour(rng))
        )
    return parts


def _screen(rng: np.random.Generator, ambient: float) -> list[Blob]:
    warm = ambient + rng.uniform(2, 12)
    shown = tuple(rng.uniform(0.1, 1.5, 3).tolist())
    edge = Blob((0, 0), (1.5, 1), warm - 1, (0.02, 0.02, 0.02), oval=False)
    return [edge, Blob((0, 0), (1.4, 0.9), warm, shown, oval=False)]


def _clothed_back(rng: np.random.Generator, ambient: float) -> list[Blob]:
    """A mannequin, a coat on a hook, a helmet on a shelf: the outline of a person, but no person."""
    warm, colour = ambient + rng.uniform(-1, 3), _colour(rng)
    return [
        Blob((0, 1.2), (1.9, 1.7), warm, colour),
        Blob((0, 0), (0.7, 0.95), warm + rng.normal(0, 1), _colour(rng)),
    ]


KINDS: dict[str, Callable[[np.random.Generator, float], list[Blob]]] = {
    "lamp": _lamp,
    "cup": _cup,
    "animal": _animal,
    "hand": _hand,
    "window": _window,
    "engine": _engine,
    "ball": _ball,
    "screen": _screen,
    "mannequin": _clothed_back,
}
