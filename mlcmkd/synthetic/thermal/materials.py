"""Temperature and emissivity of what covers a face: hair, cloth, masks, hats, hands, glasses."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.coverage import Coverage
from mlcmkd.synthetic.noise import Waves, draw_waves
from mlcmkd.synthetic.part import Worn
from mlcmkd.synthetic.surface import Surface
from mlcmkd.synthetic.thermal import emissivity

MATT = 0.95  # emissivity of hair and cloth, whatever the direction


@dataclass(frozen=True)
class CoverLook:
    """Parameters of everything that covers skin.

    Shares say how far a surface is on the way from the skin's temperature (0) to the air's (1).

    Attributes:
        hair, scalp, brow, beard, lashes, cloth, hat, mask, lens, frame: shares.
        lips: red of the lips against the skin around it, degrees C.
        folds: a smooth field for folds of cloth and unevenness of hair; and its amplitude, a share.
        fold_depth: see `folds`.
        strand_depth: how much strands of hair differ, a share.
        mask_breath: how much a flow of breath of 1 changes the mask before the mouth, degrees C.
        hand: temperature of the palm, degrees C; fingers: of their tips against it.
        fingers: see `hand`.
        phone: temperature of a phone that is held; cup: of a cup.
        cup: see `phone`.
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
        felt: air that the body has adapted to, degrees C; hands are cold in cold air.
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
        folds=draw_waves(of_sample, 2, 7, count=8),
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
    solid: Surface,
    bare: np.ndarray,
    coverage: Coverage,
    held: str,
    look: CoverLook,
    lips: float,
    skin: float,
    air: float,
) -> np.ndarray:
    """Temperature of the visible surface with everything that covers it, but for the breath.

    Args:
        solid: the visible surface.
        bare: (M,) float32, temperature of skin at its pixels, degrees C.
        coverage: hair and lips on the skin.
        held: what a hand holds or does, one of `styling.HELD_STYLES`.
        look: the covers.
        lips: red of the lips against the skin around it, degrees C.
        skin: the level of the face, degrees C.
        air: temperature of the air that covers have adapted to, degrees C.

    Returns:
        (M,) float32, degrees C.
    """
    through = 1 - np.minimum(look.scalp * coverage.scalp, 0.95)
    for share, cover in (
        (look.brow, coverage.brow),
        (look.beard, coverage.beard),
        (look.lashes, coverage.lashes),
    ):
        through *= 1 - share * cover
    warmth = (bare + np.float32(lips) * coverage.lips - air) * through + air
    shares = {Worn.HAIR: look.hair, Worn.CLOTH: look.cloth, Worn.HAT: look.hat}
    shares |= {Worn.MASK: look.mask, Worn.FRAME: look.frame}
    for material, share in shares.items():
        chosen = np.flatnonzero(solid.materials == material)
        if len(chosen) == 0:
            continue
        uneven = np.full(len(chosen), share, np.float32)
        if material != Worn.FRAME:
            uneven += look.fold_depth * look.folds.at(solid.places[chosen])
        if material == Worn.HAIR:
            uneven *= 0.65 + 0.35 * solid.places[chosen, 2]  # warm roots, tips near the air
            uneven += look.strand_depth * coverage.strands[chosen]
        warmth[chosen] = skin + np.clip(uneven, 0.02, 1) * (air - skin)
    _warm_hand(warmth, solid, look, air)
    warmth[solid.materials == Worn.HELD] = look.cup if held == "cup" else look.phone
    return warmth


def _warm_hand(warmth: np.ndarray, solid: Surface, look: CoverLook, air: float) -> None:
    """A hand before the face, in place: cold fingers above a warm palm and forearm."""
    hand = np.flatnonzero(solid.materials == Worn.HAND)
    if len(hand) == 0:
        return
    height = solid.places[hand, 1]
    towards_tips = np.clip(1 - (height.max() - height) / 1.6, 0, 1)
    uneven = towards_tips + 0.2 * look.folds.at(solid.places[hand])
    warmth[hand] = np.clip(look.hand + look.fingers * uneven, min(air - 1, 34), 37)


def lens_temperature(lens: Surface, look: CoverLook, skin: float, air: float) -> np.ndarray:
    """Temperature of the lenses of glasses at their pixels, (M,) float32 degrees C."""
    tilt = lens.places[:, :2] @ np.array(look.lens_tilt, np.float32)
    return np.float32(skin + look.lens * (air - skin)) + tilt


def emissivities(solid: Surface, look: CoverLook) -> np.ndarray:
    """Emissivity towards the camera at the pixels of the visible surface, (M,) float32."""
    index = emissivity.index_from_emissivity(look.skin_emissivity)
    cosine = np.maximum(solid.normals[:, 2], np.float32(look.roughness))
    emitted = emissivity.directional_emissivity(cosine, np.float32(index))
    # Everything but skin is rough and emits alike in all directions.
    emitted[(solid.materials >= Worn.HAIR) & (solid.materials != Worn.HAND)] = MATT
    emitted[solid.materials == Worn.FRAME] = look.frame_emissivity
    return emitted


def lens_emissivities(lens: Surface, look: CoverLook) -> np.ndarray:
    """Emissivity of the lenses towards the camera, (M,) float32."""
    index = emissivity.index_from_emissivity(look.lens_emissivity)
    cosine = np.maximum(lens.normals[:, 2], 0.05)
    return emissivity.directional_emissivity(cosine, np.float32(index))
