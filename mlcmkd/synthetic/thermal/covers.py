"""Temperature of what covers a face: hair, cloth, masks, hats, hands, glasses."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from mlcmkd.synthetic.coverage import Coverage
from mlcmkd.synthetic.noise import Waves, draw_waves
from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.scene import Scene
from mlcmkd.synthetic.styling import Styling
from mlcmkd.synthetic.surface import Surface
from mlcmkd.synthetic.thermal import emissivity

if TYPE_CHECKING:
    from mlcmkd.synthetic.thermal.look import ThermalLook

_SPREAD = 0.05  # head units over which the hairs of a beard share their heat


@dataclass(frozen=True)
class CoverLook:
    """Parameters of everything that covers skin, and the emissivity of skin, lenses and frames.

    Shares say how far a surface is on the way from the skin's temperature (0) to the air's (1).

    Attributes:
        hair, scalp, brow, beard, lashes, cloth, hat, mask, lens, frame: shares.
        lips: red of the lips minus the skin around it, degrees C.
        folds: a smooth field for folds of cloth.
        fold_depth: how much folds and strands of hair differ, a share.
        strand_depth: how much the streaks along a strand differ, a share.
        mask_breath: how much a flow of breath of 1 changes the mask in front of the mouth, degrees C.
        hand: temperature of the palm, degrees C.
        fingers: tips of the fingers minus the palm, degrees C.
        phone, cup: temperature of a phone or a cup that is held, degrees C.
        lens_tilt: (2,) degrees C by which a lens changes from its middle outwards and upwards.
        lens_emissivity: at normal incidence; 0.84 for glass, higher for plastic, both opaque.
        frame_emissivity: 0.9 for plastic, 0.2 to 0.5 for metal.
        roughness: the smallest cosine between skin and line of sight that counts; rough skin at its
            outline still shows parts that face the camera.
        skin_emissivity: at normal incidence.
    """

    hair: float
    scalp: float
    brow: float
    beard: float
    lashes: float
    cloth: float
    hat: float
    mask: float
    lens: float
    frame: float
    lips: float
    folds: Waves
    fold_depth: float
    strand_depth: float
    mask_breath: float
    hand: float
    fingers: float
    phone: float
    cup: float
    lens_tilt: tuple[float, float]
    lens_emissivity: float
    frame_emissivity: float
    roughness: float
    skin_emissivity: float


def draw_cover(
    of_identity: np.random.Generator,
    of_sample: np.random.Generator,
    skin: float,
    ambient: float,
    felt: float,
) -> CoverLook:
    """Random covers; the ranges are ours.

    Args:
        of_identity: for hair, glasses and skin.
        of_sample: for clothes, and what depends on the day.
        skin: the level of the face, degrees C.
        ambient: temperature of the air, degrees C.
        felt: temperature of the air that the body has adapted to, degrees C; hands are cold in cold air.
    """
    person, day = of_identity.uniform, of_sample.uniform
    glass = of_identity.random() < 0.3
    metal = of_identity.random() < 0.35
    cold_hands = float(of_sample.gamma(1.5, 1.2) * np.clip((32 - felt) / 9, 0.1, 2.2))
    return CoverLook(
        hair=float(np.clip(person(0.35, 0.9) + of_sample.normal(0, 0.07), 0.25, 0.97)),
        scalp=person(0.12, 0.6),
        brow=person(0.03, 0.3),
        beard=person(0.12, 0.55),
        lashes=person(0.05, 0.25),
        cloth=day(0.25, 0.9),
        hat=day(0.4, 0.95),
        mask=day(0.3, 0.85),
        lens=day(0.35, 1.0),
        frame=day(0.3, 0.95),
        lips=person(-0.6, 0.5) + day(-0.2, 0.2),
        folds=draw_waves(of_sample, 2, 7, count=6),
        fold_depth=day(0.02, 0.1),
        strand_depth=day(0, 0.07),
        mask_breath=day(0.3, 3.0),
        hand=skin + 0.3 - cold_hands,
        fingers=day(-1, 0.2) * cold_hands,
        phone=ambient + day(2, 14),
        cup=day(36, 62) if of_sample.random() < 0.75 else day(4, 16),
        lens_tilt=(float(of_sample.normal(0, 0.2)), float(of_sample.normal(-0.1, 0.25))),
        lens_emissivity=emissivity.GLASS if glass else person(0.86, 0.94),
        frame_emissivity=person(0.2, 0.5) if metal else 0.92,
        roughness=day(0.05, 0.3),
        skin_emissivity=float(
            emissivity.SKIN + np.clip(of_identity.normal(0, 0.005), -0.012, 0.012)
        ),
    )


def warm_covers(
    scene: Scene,
    bare: np.ndarray,
    coverage: Coverage,
    styling: Styling,
    look: "ThermalLook",
    lips: float,
) -> np.ndarray:
    """Temperature of the visible surface with everything that covers it, but for the breath.

    Args:
        scene: the person; its `solid` is covered.
        bare: (M,) float32, temperature of skin at the pixels of `scene.solid`, degrees C.
        coverage: hair and lips on the skin.
        styling: whether there is a beard, and what a hand holds.
        look: the thermal appearance.
        lips: red of the lips minus the skin around it, degrees C.

    Returns:
        (M,) float32, degrees C.
    """
    solid, covers, air = scene.solid, look.covers, look.cover_air
    through = 1 - np.minimum(covers.scalp * coverage.scalp, 0.95)
    through *= 1 - covers.brow * coverage.brow
    through *= 1 - covers.lashes * coverage.lashes
    if styling.beard != "none":
        through *= 1 - covers.beard * _spread(solid, coverage.beard, scene.camera.scale)
    warmth = (bare + np.float32(lips) * coverage.lips - air) * through + air
    for material, share in (
        (Worn.HAIR, covers.hair),
        (Worn.CLOTH, covers.cloth),
        (Worn.HAT, covers.hat),
        (Worn.MASK, covers.mask),
        (Worn.FRAME, covers.frame),
    ):
        chosen = np.flatnonzero(solid.materials == material)
        if len(chosen):
            shares = share + _unevenness(material, solid, chosen, coverage, covers)
            warmth[chosen] = look.skin + np.clip(shares, 0.02, 1) * (air - look.skin)
    _warm_hand(warmth, solid, covers, air)
    held = covers.cup if styling.held == "cup" else covers.phone
    warmth[solid.materials == Worn.HELD] = held
    return warmth


def _spread(solid: Surface, share: np.ndarray, scale: float) -> np.ndarray:
    """A share (M,) of cover, evened by the heat that flows between hairs."""
    sigma = _SPREAD * scale
    if sigma < 0.5:
        return share
    return solid.sample(cv2.GaussianBlur(solid.canvas(share), (0, 0), sigma))


def _unevenness(
    material: Worn, solid: Surface, chosen: np.ndarray, coverage: Coverage, covers: CoverLook
) -> np.ndarray | float:
    """Differences of the share towards the air over a cover, at the chosen pixels."""
    if material == Worn.FRAME:
        return 0.0
    places = solid.places.take(chosen, axis=0)
    if material == Worn.HAIR:
        # Places are (tone of the strand, across, along): warm at the scalp, nearer to air at the tip.
        uneven = covers.fold_depth * places[:, 0] + 0.35 * covers.hair * (places[:, 2] - 1)
        return uneven + covers.strand_depth * coverage.strands[chosen]
    field = covers.folds.at(places)
    if material == Worn.CLOTH:
        # Where a fold stands off the body, cloth is nearer to the air; folds are lines of the field.
        field = 0.6 * field + 1.2 * np.exp(-3 * field * field)
    return covers.fold_depth * field


def _warm_hand(warmth: np.ndarray, solid: Surface, covers: CoverLook, air: float) -> None:
    """A hand in front of the face, in place: cold fingers above a warm palm and forearm."""
    hand = np.flatnonzero(solid.materials == Worn.HAND)
    if len(hand) == 0:
        return
    places = solid.places.take(hand, axis=0)
    height = places[:, 1]
    towards_tips = np.clip(1 - (height.max() - height) / 1.6, 0, 1)
    uneven = towards_tips + 0.2 * covers.folds.at(places)
    warmth[hand] = np.clip(covers.hand + covers.fingers * uneven, min(air - 1, 34), 37)


def lens_temperature(lens: Surface, look: "ThermalLook") -> np.ndarray:
    """Temperature of the lenses of glasses at their pixels, (M,) float32 degrees C."""
    tilt = lens.places[:, :2] @ np.array(look.covers.lens_tilt, np.float32)
    return np.float32(look.skin + look.covers.lens * (look.cover_air - look.skin)) + tilt
