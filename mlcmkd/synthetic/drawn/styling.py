"""Styling: hair, beard, glasses and clothes of a synthetic person."""

from dataclasses import dataclass

import numpy as np

from mlcmkd.synthetic.drawn.atlas import ATLAS_SHAPE
from mlcmkd.synthetic.drawn.drawing import smooth_field

HAIR_STYLES = ("bald", "buzz", "short", "fringe", "parted", "long", "curly", "beanie")
BEARD_STYLES = ("none", "stubble", "moustache", "goatee", "full")
GLASSES_STYLES = ("none", "clear", "tinted")


@dataclass(frozen=True)
class Styling:
    """Parameters of everything in the outlines but the face itself; both modalities share them.

    Attributes:
        hair, beard, glasses: one of HAIR_STYLES, BEARD_STYLES, GLASSES_STYLES.
        hair_volume: distance of the hair's outline from the skull, head units.
        hairline: height of the hairline at the middle, head units (negative is up).
        parting: -1 to 1, position where a parted hairline is highest.
        hair_bumps: (72,) relative bumps of the hair's outline.
        strands: (256,) brightness of strands, unit deviation.
        brow_width: half thickness of the brows, head units.
        beard_patches: field over the atlas, about unit deviation, which varies the density of the beard.
        lens: half width, half height (head units) and squareness (2 round to 6 square).
        frame: half thickness of the frame, head units.
        shoulder: width and height of the shoulders, head units.
        collar: 0 to 1, height of the collar.
    """

    hair: str
    beard: str
    glasses: str
    hair_volume: float
    hairline: float
    parting: float
    hair_bumps: np.ndarray
    strands: np.ndarray
    brow_width: float
    beard_patches: np.ndarray
    lens: tuple[float, float, float]
    frame: float
    shoulder: tuple[float, float]
    collar: float


_VOLUME = {"bald": 0, "buzz": 0.015, "short": 0.07, "fringe": 0.10, "parted": 0.11, "long": 0.12,
           "curly": 0.26, "beanie": 0.07}  # fmt: skip


def draw_styling(of_identity: np.random.Generator, of_sample: np.random.Generator) -> Styling:
    """Random styling: hair, beard and frame belong to the identity, clothes to the sample."""
    rng = of_identity
    hair = str(rng.choice(HAIR_STYLES, p=[0.09, 0.11, 0.2, 0.14, 0.16, 0.17, 0.08, 0.05]))
    bearded = rng.random() < (0.12 if hair == "long" else 0.5)
    beard = str(rng.choice(BEARD_STYLES[1:], p=[0.35, 0.15, 0.2, 0.3])) if bearded else "none"
    wears_glasses = rng.random() < 0.38
    roughness = {"curly": 0.05, "long": 0.02, "short": 0.02}.get(hair, 0.01)
    bumps = np.repeat(rng.standard_normal(24), 3)
    bumps = np.convolve(np.tile(bumps, 3), np.ones(3) / 3, "same")[72:144] * roughness
    fixed = dict(
        hair=hair,
        beard=beard,
        hair_volume=_VOLUME[hair] * float(rng.uniform(0.7, 1.5)),
        hairline=float(rng.uniform(-0.95, -0.72)) + (0.22 if hair in ("fringe", "beanie") else 0),
        parting=float(rng.choice([-1, 1]) * rng.uniform(0.3, 0.9)),
        hair_bumps=bumps,
        strands=rng.standard_normal(256).astype(np.float32),
        brow_width=float(rng.uniform(0.030, 0.062)),
        beard_patches=smooth_field(rng, (8, 8), ATLAS_SHAPE),
        lens=(float(rng.uniform(0.27, 0.35)), float(rng.uniform(0.17, 0.29)),
              float(rng.uniform(2.0, 5.0))),
        frame=float(rng.choice([0.014, 0.024, 0.036])),
    )  # fmt: skip
    rng = of_sample
    tint = "tinted" if rng.random() < 0.15 else "clear"
    return Styling(
        **fixed,
        glasses=tint if wears_glasses and rng.random() < 0.75 else "none",
        shoulder=(float(rng.uniform(1.7, 2.2)), float(rng.uniform(2.25, 2.5))),
        collar=float(rng.uniform(0, 1) ** 2),
    )
