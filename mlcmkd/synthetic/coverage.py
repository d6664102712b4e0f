"""How much hair, brow, beard, lip and cloth covers the head's surface at each visible pixel."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.noise import draw_waves
from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.rasterise import blend_corners
from mlcmkd.synthetic.scene import Scene
from mlcmkd.synthetic.smooth import smooth_step
from mlcmkd.synthetic.streaks import hair_streaks
from mlcmkd.synthetic.styling import Styling
from mlcmkd.synthetic.worn.beard import beard_growth
from mlcmkd.synthetic.worn.scalp import WHORL, growth

# The middle line of the brow on the mean head (x outwards, y), and its thickness at these places as a
# factor of `FaceHair.brow_width`.
_BROW = np.array(
    [
        (0.16, 0.17), (0.3, 0.22), (0.45, 0.262), (0.615, 0.293), (0.78, 0.255), (0.89, 0.2),
        (0.98, 0.14),
    ],
    np.float32,
)  # fmt: skip
_BROW_THICKNESS = np.array([0.75, 1.05, 1.1, 1.0, 0.75, 0.45, 0.1], np.float32)
_LID = 0.085  # distance of the visible edge of a lid from its rim, head units


@dataclass(frozen=True)
class Coverage:
    """Shares of cover at the M pixels of `Scene.solid`, (M,) float32 each, 0 to 1 except for `strands`.

    Attributes:
        scalp: short hair on the skin of the scalp, and the roots of longer hair.
        brow, beard, lashes: hair of the face.
        lips: red of the lips, soft at its border.
        strands: streaks along the hair, with zero mean and a standard deviation of about 1. They vary
            the brightness of hair (material HAIR), scalp, brows and beard.
    """

    scalp: np.ndarray
    brow: np.ndarray
    beard: np.ndarray
    lashes: np.ndarray
    lips: np.ndarray
    strands: np.ndarray


def cover(scene: Scene, styling: Styling) -> Coverage:
    """The cover of the head's surface in a scene.

    Args:
        scene: the person in front of the camera.
        styling: the person's hair and beard.

    Returns:
        The shares at the pixels of `scene.solid`.
    """
    solid = scene.solid
    names = ("scalp", "brow", "beard", "lashes", "lips", "strands")
    values = {name: np.zeros(len(solid), np.float32) for name in names}
    # Materials with higher numbers are inside the mouth or the eye, or are worn.
    skin = np.flatnonzero(solid.materials <= Material.EYE_SOCKET)
    places = solid.places[skin]
    across, up, ahead = np.ascontiguousarray(places.T)
    across = np.abs(across)

    def fill(name: str, chosen: np.ndarray, of_places: Callable) -> None:
        """Sets a cover and the streaks at the chosen pixels of skin."""
        chosen = np.flatnonzero(chosen)
        at = skin[chosen]
        values[name][at], values["strands"][at] = of_places(places[chosen], styling)

    def fill_near(name: str, chosen: np.ndarray, start: float, width: float) -> None:
        """Sets a cover that rises from 0 to 1 where its field goes from `start` to `start + width`."""
        at = skin[np.flatnonzero(chosen)]
        field = blend_corners(solid.corners[at], solid.weights[at], _border_fields()[name])
        values[name][at] = smooth_step((field[:, 0] - start) / width)

    face = ahead > -1.0
    fill("brow", face & (up > 0.03) & (up < 0.55) & (across < 1.1), _brow)
    if styling.beard != "none":
        reached = (up < -0.7) | ((up < 0.1) & (across > 0.55 - 0.5 * up))
        fill("beard", face & reached & (up > -2.2), _beard)
    if styling.hair != "bald":
        fill("scalp", ((up > 0.6) | (ahead < -0.4)) & (up > -1.5), _scalp)
    fill_near("lips", face & (up < -0.85) & (up > -1.55) & (across < 0.6), 0.3, 0.4)
    lids = face & (np.abs(up) < 0.3) & (across > 0.2) & (across < 0.9)
    # A lid is thick: the visible edge of its skin is a little away from the rim.
    fill_near("lashes", lids, _LID + styling.face_hair.lash_width, -0.035)
    hair = np.flatnonzero(solid.materials == Worn.HAIR)
    values["strands"][hair] = _streaks(solid.places[hair])
    return Coverage(**values)


@lru_cache(maxsize=1)
def _border_fields() -> dict[str, np.ndarray]:
    """Values (V, 1) float32 of the head's vertices: red of the lips, and distance from the lids' rims.

    The lower rim counts as farther away, because its lashes are thinner.
    """
    head = load_head()
    count = len(head.mean)

    def triangles_at(material: Material) -> np.ndarray:
        """Number of triangles of a material at each vertex."""
        return np.bincount(head.triangles[head.materials == material].reshape(-1), minlength=count)

    lip, skin = triangles_at(Material.LIPS), triangles_at(Material.SKIN)
    fields = {"lips": lip / np.maximum(lip + skin, 1)}
    distances = []
    for lids, thinner in zip(head.lid_vertices.transpose(1, 0, 2), (0.0, 0.025), strict=True):
        rim = head.mean[lids.reshape(-1)]
        offsets = head.mean[:, None] - rim
        distances.append(np.sqrt((offsets * offsets).sum(-1)).min(axis=1) + thinner)
    fields["lashes"] = np.minimum(*distances)
    return {name: values.astype(np.float32)[:, None] for name, values in fields.items()}


def _brow(places: np.ndarray, styling: Styling) -> tuple[np.ndarray, np.ndarray]:
    """Cover and streaks of the brows at places on the mean head."""
    size = styling.face_hair
    x, y = np.abs(places[:, 0]), places[:, 1]
    middle = np.interp(x, _BROW[:, 0], _BROW[:, 1]) + size.brow_height
    middle += size.brow_arch * np.sin(np.clip((x - 0.32) / 0.53, 0, 1) * np.pi)
    half = np.interp(x, _BROW[:, 0], _BROW_THICKNESS) * size.brow_width
    # Hairs point up at the inner end and outwards along the rest.
    slope = np.interp(x, (0.16, 0.42, 0.98), (2.0, 0.7, -0.5))
    across = (y - middle) - slope * (x - 0.53) * 0.35
    streaks = hair_streaks(across, 0.5 * places[:, 0], size.seed, 0.02)
    ragged = (y - middle) / np.maximum(half, 0.01) + 0.25 * streaks
    inside = 1 - smooth_step((np.abs(ragged) - 0.55) / 0.75)
    ends = smooth_step((x - 0.14) / 0.07) * smooth_step((1.02 - x) / 0.1)
    density = size.brow_density * np.clip(0.85 + 0.25 * streaks, 0, 1.1)
    return np.clip(inside * ends * density, 0, 1).astype(np.float32), streaks


def _beard(places: np.ndarray, styling: Styling) -> tuple[np.ndarray, np.ndarray]:
    """Cover and streaks of the beard at places on the mean head."""
    size = styling.face_hair
    uneven = draw_waves(np.random.default_rng(size.seed), 4, 16, 6).at(places)
    # A beard hangs: its hairs go down, and around the face they are side by side.
    beside = places[:, 0] - np.copysign(places[:, 2], places[:, 0])
    streaks = hair_streaks(beside, places[:, 1], size.seed, 0.022)
    share = beard_growth(places, styling.beard, size.beard_line, uneven + 0.5 * streaks)
    grain = np.clip(0.95 + 0.15 * streaks + 0.08 * uneven, 0.3, 1.2)
    return np.clip(share * size.beard_density * grain, 0, 1).astype(np.float32), streaks


def _scalp(places: np.ndarray, styling: Styling) -> tuple[np.ndarray, np.ndarray]:
    """Cover and streaks of the scalp at places on the mean head."""
    size, rng = styling.hair_size, np.random.default_rng(styling.hair_size.seed)
    uneven = draw_waves(rng, 8, 30, 6).at(places)
    # Hair goes away from the whorl, like the strips of longer hair.
    from_whorl = places - WHORL
    turn = np.arctan2(from_whorl[:, 0], from_whorl[:, 2])
    far = np.sqrt((from_whorl * from_whorl).sum(axis=1))
    streaks = hair_streaks(1.5 * turn, far, size.seed, 0.022)
    inside = growth(places, size) + 0.025 * uneven + 0.02 * streaks
    if styling.hair == "buzz":
        share = smooth_step((inside + 0.03) / 0.2) * size.density
        return np.clip(share * np.clip(1 + 0.12 * streaks, 0, 1.2), 0, 1), streaks
    return smooth_step((inside + 0.02) / 0.1), streaks


def _streaks(places: np.ndarray) -> np.ndarray:
    """Streaks of strips of hair, from their places (tone, across, along)."""
    fine = hair_streaks(places[:, 1], 2 * places[:, 2] + 3 * places[:, 0], 0, 0.014)
    return 0.9 * fine + 0.4 * places[:, 0]
