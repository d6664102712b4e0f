"""What is behind a person in photographs: walls, rooms, windows, leaves, sky, streets, lights."""

from dataclasses import dataclass

import cv2
import numpy as np

from mlcmkd.synthetic.rgb.colour import linear
from mlcmkd.synthetic.rgb.lighting import OUTDOORS

_WALLS = ((214, 206, 190), (188, 186, 180), (150, 152, 150), (226, 224, 218), (120, 108, 92),
          (92, 98, 104), (176, 150, 118), (134, 146, 152), (64, 60, 58), (96, 62, 48))  # fmt: skip
_CLUTTER = ((54, 48, 44), (98, 76, 54), (168, 160, 148), (222, 216, 204), (44, 54, 66), (110, 60, 48),
            (70, 86, 66), (140, 116, 84), (24, 24, 26), (86, 104, 128), (190, 160, 110))  # fmt: skip
_LEAVES = ((62, 82, 36), (38, 54, 26), (96, 112, 52), (24, 32, 18), (120, 122, 66), (84, 74, 44))
_KINDS = {
    "outdoors": (("leaves", 0.34), ("street", 0.3), ("sky", 0.16), ("wall", 0.2)),
    "indoors": (("room", 0.5), ("wall", 0.32), ("window", 0.1), ("lights", 0.08)),
    "studio": (("wall", 0.75), ("dark", 0.25)),
    "night": (("dark", 0.45), ("lights", 0.55)),
}


@dataclass(frozen=True)
class BackgroundLook:
    """What is behind the person.

    Attributes:
        kind: "leaves", "street", "sky", "wall", "room", "window", "lights" or "dark".
        brightness: of its light compared with the person's.
        blur: standard deviation of the depth-of-field blur, share of the image's side.
        illuminant: (3,) colour of its light.
        seed: of the generator that places its things.
    """

    kind: str
    brightness: float
    blur: float
    illuminant: np.ndarray
    seed: int


def draw_background(
    rng: np.random.Generator, lighting_kind: str, illuminant: np.ndarray
) -> BackgroundLook:
    """Random background that suits the light; the ranges are ours."""
    if lighting_kind in ("studio", "night"):
        group = lighting_kind
    else:
        group = "outdoors" if lighting_kind in OUTDOORS else "indoors"
    kinds, chances = zip(*_KINDS[group], strict=True)
    middle = {"backlit": 0.6, "flash": -1.6, "night": -1.0, "window": -0.5}.get(
        lighting_kind, -0.65
    )
    sharp = rng.random() < 0.12
    return BackgroundLook(
        kind=str(rng.choice(kinds, p=chances)),
        brightness=float(np.exp(rng.normal(middle, 0.55))),
        blur=float(rng.uniform(0.001, 0.007) if sharp else rng.uniform(0.01, 0.06)),
        illuminant=(illuminant ** rng.uniform(0.6, 1.1)).astype(np.float32),
        seed=int(rng.integers(2**31)),
    )


def paint_background(look: BackgroundLook, size: int) -> np.ndarray:
    """The background (size, size, 3) float32 in linear light, red first."""
    rng = np.random.default_rng(look.seed)
    blur = look.blur * size
    side = size // (4 if blur > 4 else 2 if blur > 0.6 else 1)  # a blurred image needs few pixels
    image = _PAINTERS[look.kind](side, rng)
    deviation = look.blur * side
    if deviation > 0.4:
        image = cv2.GaussianBlur(image, (0, 0), deviation)
    image = np.maximum(image * (look.brightness * look.illuminant), 0).astype(
        np.float32, copy=False
    )
    if side != size:
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
    return image


def _pick(rng: np.random.Generator, palette: tuple) -> np.ndarray:
    colour = linear(*palette[rng.integers(len(palette))])
    return colour * np.float32(np.exp(rng.normal(0, 0.3))) * rng.uniform(0.93, 1.07, 3)


def _clouds(side: int, rng: np.random.Generator, cells: int) -> np.ndarray:
    """Smooth noise (side, side) of about `cells` bumps across."""
    grid = rng.standard_normal((cells, cells)).astype(np.float32)
    return cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)


def _gradient(side: int, rng: np.random.Generator, amount: float) -> np.ndarray:
    """A light that grows towards one side, (side, side), about 1 on average."""
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    across, along = rng.normal(0, amount, 2)
    return np.exp(np.float32(across) * ramp[None] - np.float32(abs(along)) * ramp[:, None])


def _wall(side: int, rng: np.random.Generator) -> np.ndarray:
    """A wall that the light falls on from one side, sometimes with a corner, a frame or bricks."""
    light = _gradient(side, rng, 0.35) * (1 + 0.03 * _clouds(side, rng, 6))
    image = light[..., None] * _pick(rng, _WALLS).astype(np.float32)
    kind = rng.random()
    if kind < 0.25:  # a corner of the room
        image[:, int(rng.uniform(0.05, 0.95) * side) :] *= np.float32(rng.uniform(0.55, 0.85))
    elif kind < 0.45:
        _boxes(image, rng, 2, (0.15, 0.5))
    elif kind < 0.55:
        _bricks(image, rng)
    return image


def _bricks(image: np.ndarray, rng: np.random.Generator) -> None:
    side = len(image)
    height = max(3, int(side * rng.uniform(0.05, 0.11)))
    for row, top in enumerate(range(0, side, height)):
        image[top : top + max(1, height // 8)] *= 1.3
        for left in range(-(row % 2) * height, side, 2 * height):
            start = max(left, 0)
            block = image[top : top + height, start : max(left + 2 * height - 1, 0)]
            block *= np.float32(rng.uniform(0.8, 1.15))


def _boxes(image: np.ndarray, rng: np.random.Generator, count: int, spans: tuple) -> None:
    """Upright rectangles: furniture, frames, doors, signs, houses."""
    side = len(image)
    for _ in range(count):
        width, height = rng.uniform(*spans, 2) * side
        x, y = rng.uniform(-0.2, 1, 2) * side
        low, high = (int(x), int(y)), (int(x + width), int(y + height))
        cv2.rectangle(image, low, high, _pick(rng, _CLUTTER).tolist(), -1)
        if rng.random() < 0.4:  # an edge in another tone
            cv2.rectangle(image, low, high, _pick(rng, _CLUTTER).tolist(), max(1, side // 60))


def _lines(image: np.ndarray, rng: np.random.Generator, count: int) -> None:
    side = len(image)
    for _ in range(count):
        start = rng.uniform(-0.2, 1.2, 2) * side
        lean = rng.normal(0, 0.08, 2) * side
        end = start + (rng.choice(2) * np.array([2, -2]) + [0, 2]) * side * 0.5 + lean
        colour = _pick(rng, _CLUTTER).tolist()
        width = max(1, int(rng.uniform(0.005, 0.04) * side))
        cv2.line(image, start.astype(int).tolist(), end.astype(int).tolist(), colour, width)


def _room(side: int, rng: np.random.Generator) -> np.ndarray:
    """A wall above the ground, furniture in front of it, and sometimes a lamp."""
    image = _wall(side, rng)
    ground = int(rng.uniform(0.55, 1.1) * side)
    image[ground:] = _pick(rng, _CLUTTER)
    _boxes(image, rng, int(rng.integers(3, 10)), (0.06, 0.45))
    _lines(image, rng, int(rng.integers(0, 4)))
    if rng.random() < 0.3:
        _glow(image, rng, 1, (0.04, 0.12), 2.5)
    return image * _gradient(side, rng, 0.2)[..., None]


def _window(side: int, rng: np.random.Generator) -> np.ndarray:
    """A bright window in a darker room."""
    image = 0.4 * _room(side, rng)
    width, height = rng.uniform(0.3, 0.8, 2) * side
    x, y = rng.uniform(-0.2, 0.7, 2) * side
    outside = np.array([1.6, 1.75, 1.9]) * rng.uniform(0.6, 1.4)
    low, high = (int(x), int(y)), (int(x + width), int(y + height))
    cv2.rectangle(image, low, high, outside.tolist(), -1)
    for share in (0.5,) if rng.random() < 0.7 else (0.33, 0.66):
        bar = int(x + share * width)
        cv2.line(image, (bar, low[1]), (bar, high[1]), (0.25, 0.24, 0.22), max(1, side // 40))
    return image


def _leaves(side: int, rng: np.random.Generator) -> np.ndarray:
    """Foliage: patches of light and dark green, discs where the sky shines through."""
    dark, middle, bright = (_pick(rng, _LEAVES).astype(np.float32) for _ in range(3))
    share = 0.5 + 0.5 * np.tanh(_clouds(side, rng, 9) + _clouds(side, rng, 28))
    image = 0.5 * dark + share[..., None] * (middle - 0.5 * dark)
    image += np.maximum(_clouds(side, rng, 22) - 1, 0)[..., None] * bright * 2
    _glow(image, rng, int(rng.integers(0, 22)), (0.008, 0.035), 1.4)
    if rng.random() < 0.4:
        _lines(image, rng, int(rng.integers(1, 4)))
    if rng.random() < 0.4:  # ground or grass below
        image[int(rng.uniform(0.5, 0.95) * side) :] = 0.7 * _pick(rng, _LEAVES)
    return image


def _sky(side: int, rng: np.random.Generator) -> np.ndarray:
    """Sky with clouds above a horizon of hills, sea or sand."""
    blue, white = linear(120, 156, 200), linear(226, 230, 234)
    ramp = np.linspace(rng.uniform(0, 0.5), rng.uniform(0.5, 1), side, dtype=np.float32)[:, None]
    cloud = np.clip(ramp + 0.3 * _clouds(side, rng, 7), 0, 1)[..., None]
    image = blue + cloud * (white - blue)
    horizon = int(rng.uniform(0.3, 1.3) * side)
    if horizon < side:
        image[horizon:] = _pick(rng, _LEAVES + ((70, 96, 110), (180, 160, 128), (120, 112, 98)))
        image[horizon:] *= 1 + 0.15 * _clouds(side, rng, 20)[horizon:, :, None]
    return image


def _street(side: int, rng: np.random.Generator) -> np.ndarray:
    """Houses with rows of windows, posts, people and cars as blocks of colour."""
    image = _sky(side, rng)
    for _ in range(int(rng.integers(1, 4))):
        left, width = rng.uniform(-0.3, 0.9) * side, rng.uniform(0.3, 0.9) * side
        top = rng.uniform(-0.1, 0.5) * side
        corner = (int(left), int(top)), (int(left + width), side)
        cv2.rectangle(image, *corner, _pick(rng, _WALLS).tolist(), -1)
        pane, step = _pick(rng, _CLUTTER).tolist(), max(4, int(rng.uniform(0.08, 0.18) * side))
        for y in range(int(top) + step // 2, int(0.8 * side), step):
            for x in range(int(left) + step // 2, int(left + width) - step // 2, step):
                cv2.rectangle(image, (x, y), (x + step // 2, y + step // 2), pane, -1)
    image[int(rng.uniform(0.65, 1.1) * side) :] = linear(112, 110, 106)
    _boxes(image, rng, int(rng.integers(2, 8)), (0.04, 0.25))
    _lines(image, rng, int(rng.integers(0, 4)))
    return image


def _dark(side: int, rng: np.random.Generator) -> np.ndarray:
    return _gradient(side, rng, 0.5)[..., None] * linear(40, 38, 38) * rng.uniform(0.2, 1.2)


def _lights(side: int, rng: np.random.Generator) -> np.ndarray:
    """Lamps out of focus in front of something dark."""
    image = 0.5 * _room(side, rng) * rng.uniform(0.15, 0.8)
    _glow(image, rng, int(rng.integers(4, 22)), (0.015, 0.06), 1.5)
    return image


def _glow(
    image: np.ndarray, rng: np.random.Generator, count: int, radii: tuple, strength: float
) -> None:
    """Discs of light as a lens draws points that are out of focus."""
    side = len(image)
    for _ in range(count):
        x, y = (int(value) for value in rng.uniform(0, 1, 2) * side)
        colour = np.array([1, rng.uniform(0.7, 1), rng.uniform(0.4, 1)]) * strength
        radius = max(1, int(rng.uniform(*radii) * side))
        disc = colour * rng.uniform(0.3, 1)
        cv2.circle(image, (x, y), radius, disc.tolist(), -1, cv2.LINE_AA)


_PAINTERS = {
    "wall": _wall,
    "room": _room,
    "window": _window,
    "leaves": _leaves,
    "sky": _sky,
    "street": _street,
    "dark": _dark,
    "lights": _lights,
}
