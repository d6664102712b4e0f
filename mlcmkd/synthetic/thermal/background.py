"""What the camera sees behind the person: walls, windows, warm devices, people, seats, sky."""

from dataclasses import dataclass

import cv2
import numpy as np

_INDOORS = {"plain": 0.18, "room": 0.58, "car": 0.24}  # kinds and their probabilities, ours


@dataclass(frozen=True)
class Patch:
    """One thing behind the person; positions and sizes are shares of the image's side.

    Attributes:
        centre: (x, y).
        size: (width, height).
        warmth: its temperature, degrees C.
        angle: degrees, clockwise.
        oval: an ellipse, otherwise a rectangle.
        slope: how much warmer its upper end is than its lower end, degrees C.
        blur: softness of its border, a share of the image's side.
    """

    centre: tuple[float, float]
    size: tuple[float, float]
    warmth: float
    angle: float = 0.0
    oval: bool = False
    slope: float = 0.0
    blur: float = 0.01


@dataclass(frozen=True)
class BackgroundLook:
    """Parameters of the background.

    Attributes:
        level: temperature of walls, degrees C.
        gradient: (2,) degrees C from left to right and from top to bottom.
        unevenness: (5, 5) float32 degrees C, a coarse field.
        patches: the things, the farthest first.
        blur: of all together, a share of the image's side.
    """

    level: float
    gradient: tuple[float, float]
    unevenness: np.ndarray
    patches: tuple[Patch, ...]
    blur: float


def draw_background(
    rng: np.random.Generator, ambient: float, sky: float | None, *, people: bool = True
) -> BackgroundLook:
    """A random background; the ranges are ours.

    Args:
        rng: random numbers.
        ambient: of the air, degrees C.
        sky: apparent temperature of the sky outdoors, degrees C; None indoors.
        people: whether blurred people may be part of it; False for frames in which a detector would have
            to find them.
    """
    if sky is not None:
        patches = _outdoors(rng, ambient, sky)
    else:
        kind = rng.choice(list(_INDOORS), p=list(_INDOORS.values()))
        if kind == "car":
            patches = _car(rng, ambient)
        else:
            patches = _room(rng, ambient, int(rng.integers(1, 7)) if kind == "room" else 0, people)
    return BackgroundLook(
        level=ambient + float(rng.normal(0, 0.7)),
        gradient=tuple(rng.normal(0, 0.6, 2).tolist()),
        unevenness=(rng.standard_normal((5, 5)) * rng.uniform(0.05, 1.2)).astype(np.float32),
        patches=tuple(patches),
        blur=float(np.exp(rng.uniform(np.log(0.002), np.log(0.03)))),
    )


def _somewhere(rng: np.random.Generator) -> tuple[float, float]:
    return tuple(rng.uniform(-0.1, 1.1, 2).tolist())


def _box(rng: np.random.Generator, warmth: float, low: float, high: float) -> Patch:
    """A rectangle, upright more often than not."""
    angle = float(rng.uniform(-45, 45)) if rng.random() < 0.25 else float(rng.normal(0, 2))
    return Patch(
        _somewhere(rng), tuple(rng.uniform(low, high, 2).tolist()), warmth, angle,
        slope=float(rng.normal(0, 0.5)), blur=float(rng.uniform(0, 0.02)),
    )  # fmt: skip


def _person(rng: np.random.Generator, ambient: float) -> list[Patch]:
    """Head and clothed shoulders of somebody further back, out of focus."""
    x, y = rng.uniform(-0.05, 1.05), rng.uniform(0.15, 0.6)
    width, blur = rng.uniform(0.08, 0.22), rng.uniform(0.01, 0.03)
    skin, cloth = 31.5 + 0.1 * (ambient - 23) + rng.normal(0, 1), rng.uniform(0.2, 0.7)
    body = Patch(
        (x, y + 2.1 * width), (2.6 * width, 2.6 * width), ambient + cloth * (skin - ambient),
        oval=True, blur=blur,
    )  # fmt: skip
    return [body, Patch((x, y), (width, 1.35 * width), skin, oval=True, blur=blur)]


def _room(rng: np.random.Generator, ambient: float, count: int, people: bool) -> list[Patch]:
    """Windows, doors, radiators, lamps, electronics, hot drinks, people."""
    patches = []
    for thing in rng.choice(
        ["wall", "cold window", "warm window", "radiator", "lamp", "device", "cup", "person"],
        count, p=[0.34, 0.16, 0.06, 0.1, 0.08, 0.12, 0.04, 0.1],
    ):  # fmt: skip
        if thing == "wall":
            patches.append(_box(rng, ambient + rng.normal(0, 1.2), 0.1, 0.7))
        elif thing == "cold window":
            patches.append(_box(rng, ambient - rng.uniform(1, 9), 0.15, 0.6))
        elif thing == "warm window":
            patches.append(_box(rng, ambient + rng.uniform(1, 8), 0.15, 0.6))
        elif thing == "radiator":
            patches += _radiator(rng, ambient + rng.uniform(6, 25))
        elif thing == "lamp":
            centre, width = _somewhere(rng), rng.uniform(0.02, 0.07)
            hot = ambient + rng.uniform(8, 40)
            patches.append(Patch(centre, (width, width), hot, oval=True, blur=0.01))
        elif thing == "device":
            patches.append(_box(rng, ambient + rng.uniform(2, 12), 0.04, 0.25))
        elif thing == "cup":
            size = rng.uniform(0.05, 0.09)
            patches.append(
                Patch((rng.uniform(0, 1), 0.95), (size, 1.3 * size), rng.uniform(38, 60))
            )
        elif people:
            patches += _person(rng, ambient)
    return patches


def _radiator(rng: np.random.Generator, warmth: float) -> list[Patch]:
    """Warm ribs side by side."""
    left, y = rng.uniform(-0.1, 0.8), rng.uniform(0.5, 1.0)
    pitch, height = rng.uniform(0.03, 0.07), rng.uniform(0.2, 0.5)
    return [
        Patch((left + n * pitch, y), (0.7 * pitch, height), warmth, blur=0.005)
        for n in range(int(rng.integers(3, 8)))
    ]


def _car(rng: np.random.Generator, ambient: float) -> list[Patch]:
    """Head-rest and seat, side window and its pillar, as a camera on the dashboard sees them."""
    side = rng.choice([-1.0, 1.0])
    return [
        Patch(
            (0.5 + side * rng.uniform(0.25, 0.55), rng.uniform(0.1, 0.5)),
            (rng.uniform(0.2, 0.6), rng.uniform(0.4, 0.8)),
            ambient + rng.normal(-2, 4), float(rng.normal(0, 8)),
        ),
        Patch(
            (0.5 + side * rng.uniform(0.1, 0.5), rng.uniform(0.0, 0.5)),
            (rng.uniform(0.03, 0.1), 2.0), ambient + rng.normal(0.5, 1), float(rng.normal(0, 15)),
        ),
        Patch(
            (0.5 + rng.normal(0, 0.08), 0.95), (rng.uniform(0.8, 1.1), 0.7),
            ambient + rng.uniform(0, 4), oval=True, blur=0.03,
        ),
        Patch(
            (0.5 + rng.normal(0, 0.15), rng.uniform(0.2, 0.45)),
            (rng.uniform(0.4, 0.7), rng.uniform(0.25, 0.45)), ambient + rng.uniform(-0.5, 2.5),
            oval=rng.random() < 0.5, blur=0.02,
        ),
    ]  # fmt: skip


def _outdoors(rng: np.random.Generator, ambient: float, sky: float) -> list[Patch]:
    """Sky above a horizon, houses and trees in front of it."""
    horizon = rng.uniform(-0.2, 0.9)
    patches = [Patch((0.5, horizon - 1), (3, 2), sky, slope=float(-rng.uniform(0, 6)))]
    for _ in range(int(rng.integers(0, 5))):
        warmth = ambient + rng.normal(0, 2.5)
        size = rng.uniform(0.1, 0.5, 2)
        patches.append(
            Patch(
                (rng.uniform(0, 1), horizon + rng.uniform(-0.3, 0.3)), tuple(size.tolist()), warmth,
                oval=rng.random() < 0.5, blur=float(rng.uniform(0.002, 0.03)),
            )
        )  # fmt: skip
    return patches


def paint_background(look: BackgroundLook, size: int) -> np.ndarray:
    """Apparent temperature of the background, (size, size) float32 degrees C.

    It is painted at half the resolution, since what lies behind a face is out of focus.
    """
    small = max(size // 2, 8)
    even = np.linspace(-0.5, 0.5, small, dtype=np.float32)
    canvas = cv2.resize(look.unevenness, (small, small), interpolation=cv2.INTER_CUBIC)
    canvas += np.float32(look.level) + look.gradient[0] * even + look.gradient[1] * even[:, None]
    for patch in look.patches:
        _paint_patch(canvas, patch, small)
    sigma = look.blur * small
    if sigma > 0.3:
        canvas = cv2.GaussianBlur(canvas, (0, 0), sigma)
    return cv2.resize(canvas, (size, size), interpolation=cv2.INTER_LINEAR)


def _paint_patch(canvas: np.ndarray, patch: Patch, size: int) -> None:
    """Draws one thing on the canvas, in place."""
    centre = (patch.centre[0] * size, patch.centre[1] * size)
    box = (centre, (patch.size[0] * size, patch.size[1] * size), patch.angle)
    mask = np.zeros((size, size), np.float32)
    if patch.oval:
        cv2.ellipse(mask, box, 1.0, -1)
    else:
        cv2.fillConvexPoly(mask, cv2.boxPoints(box).astype(np.int32), 1.0)
    sigma = patch.blur * size
    if sigma > 0.3:
        mask = cv2.GaussianBlur(mask, (0, 0), sigma)
    rise = (patch.centre[1] - np.arange(size, dtype=np.float32) / size) * (
        patch.slope / max(patch.size[1], 0.05)
    )
    mask *= np.float32(patch.warmth) + rise[:, None] - canvas
    canvas += mask
