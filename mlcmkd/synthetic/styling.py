"""Styling of a synthetic person: what is worn, by kind and size; both cameras see it."""

from dataclasses import dataclass, field, replace

import numpy as np

from mlcmkd.synthetic.realism import Realism
from mlcmkd.synthetic.sizes import ClothSize, FaceHair, GlassesSize, HairSize
from mlcmkd.utils.errors import InputError, suggestion

HAIR_STYLES = (
    "bald", "buzz", "short", "swept", "fringe", "medium", "long", "curly", "afro", "ponytail", "bun",
    "receding",
)  # fmt: skip
BEARD_STYLES = ("none", "stubble", "moustache", "goatee", "full")
GLASSES_STYLES = ("none", "clear", "tinted", "sport")
HAT_STYLES = ("none", "cap", "beanie", "helmet", "headscarf")
MASK_STYLES = ("none", "surgical", "respirator", "scarf")
HELD_STYLES = ("none", "chin", "mouth", "temple", "cheek", "phone", "cup")
COLLAR_STYLES = ("none", "round", "v", "shirt", "turtleneck", "hoodie")

STYLES = {  # by the field of `Styling`
    "hair": HAIR_STYLES,
    "beard": BEARD_STYLES,
    "glasses": GLASSES_STYLES,
    "hat": HAT_STYLES,
    "mask": MASK_STYLES,
    "held": HELD_STYLES,
    "collar": COLLAR_STYLES,
}


@dataclass(frozen=True)
class Styling:
    """Kinds and sizes of everything worn.

    Attributes:
        hair, beard, glasses, hat, mask: kinds, see `STYLES`.
        held: what a hand does in front of the face, see `STYLES`.
        held_side: -1 for a hand at the left of the image, 1 at the right.
        collar: kind of clothes, see `STYLES`; "none" without any.
        hair_size, face_hair, glasses_size, cloth_size: sizes of each.

    Raises:
        InputError: a kind or a side that does not exist.
    """

    hair: str = "bald"
    beard: str = "none"
    glasses: str = "none"
    hat: str = "none"
    mask: str = "none"
    held: str = "none"
    held_side: int = 1
    collar: str = "none"
    hair_size: HairSize = field(default_factory=HairSize)
    face_hair: FaceHair = field(default_factory=FaceHair)
    glasses_size: GlassesSize = field(default_factory=GlassesSize)
    cloth_size: ClothSize = field(default_factory=ClothSize)

    def __post_init__(self) -> None:
        for name, kinds in STYLES.items():
            kind = getattr(self, name)
            if kind not in kinds:
                raise InputError(f"unknown {name} style '{kind}'" + suggestion(kind, kinds))
        if self.held_side not in (-1, 1):
            raise InputError(f"held_side: {self.held_side}; give -1 (left of the image) or 1")


def draw_styling(
    of_identity: np.random.Generator,
    of_sample: np.random.Generator,
    realism: Realism = Realism(),  # noqa: B008 (frozen)
) -> Styling:
    """Random styling; all shares and ranges are ours.

    Hair, beard, brows and clear glasses belong to the person, everything else to the picture.
    """
    rng = of_identity
    hair = _one_of(rng, bald=7, buzz=12, short=20, swept=8, fringe=7, medium=10, long=15, curly=6,
                   afro=5, ponytail=5, bun=4, receding=8)  # fmt: skip
    longish = hair in ("long", "ponytail", "bun", "fringe")
    beard = "none"
    if rng.random() < (0.06 if longish else 0.5):
        beard = _one_of(rng, stubble=40, moustache=12, goatee=16, full=32)
    hair_size = _draw_hair_size(rng, hair)
    face_hair = _draw_face_hair(rng, thick=beard != "none")
    own_glasses = rng.random() < 0.27
    glasses_size = _draw_glasses_size(rng)

    rng = of_sample
    glasses = "clear" if own_glasses else "none"
    if rng.random() < 0.13:
        glasses = _one_of(rng, tinted=60, sport=40)
    hat = (
        _one_of(rng, cap=50, beanie=25, helmet=10, headscarf=15) if rng.random() < 0.16 else "none"
    )
    mask = _one_of(rng, surgical=55, respirator=25, scarf=20) if rng.random() < 0.08 else "none"
    held = "none"
    if rng.random() < 0.09:
        held = _one_of(rng, chin=25, mouth=20, temple=15, cheek=10, phone=15, cup=15)
    collar = _one_of(rng, round=40, v=15, shirt=20, turtleneck=10, hoodie=15)
    cloth_size = _draw_cloth_size(rng)
    if glasses == "sport":
        glasses_size = replace(
            glasses_size, width=float(rng.uniform(0.48, 0.58)), wrap=float(rng.uniform(0.3, 0.5)),
            slope=float(rng.uniform(0, 0.15)), temple=float(rng.uniform(0.1, 0.18)),
        )  # fmt: skip
    held_side = 1 if rng.random() < 0.5 else -1
    if not realism.worn:
        return Styling(face_hair=face_hair)
    return Styling(
        hair, beard, glasses, hat, mask, held, held_side, collar,
        hair_size, face_hair, glasses_size, cloth_size,
    )  # fmt: skip


def _one_of(rng: np.random.Generator, **shares: float) -> str:
    """One of the names, with the given shares of any sum."""
    values = np.array(list(shares.values()), float)
    return str(rng.choice(list(shares), p=values / values.sum()))


_LENGTHS = {
    "bald": (0, 0), "buzz": (0.05, 0.1), "short": (0.2, 0.5), "swept": (0.5, 1.0),
    "fringe": (0.75, 1.1), "medium": (0.9, 1.5), "long": (2.2, 4.2), "curly": (0.5, 1.2),
    "afro": (0.6, 1.1), "ponytail": (1.6, 2.0), "bun": (1.6, 2.0), "receding": (0.2, 0.5),
}  # fmt: skip

_CURLS = {"curly": (0.12, 0.25), "afro": (0.2, 0.35)}
_HEIGHTS = {"afro": (0.2, 0.6), "curly": (0.12, 0.3), "long": (0.06, 0.2), "bun": (0.03, 0.08)}


def _draw_hair_size(rng: np.random.Generator, style: str) -> HairSize:
    receding = style == "receding"
    return HairSize(
        length=float(rng.uniform(*_LENGTHS[style])),
        height=float(rng.uniform(*_HEIGHTS.get(style, (0.04, 0.13)))),
        hairline=float(rng.uniform(1.4, 1.7) if receding else rng.uniform(1.0, 1.33)),
        temples=float(rng.uniform(0.3, 0.6) if receding else rng.uniform(-0.05, 0.25)),
        sideburns=float(rng.uniform(-0.4, 0.08)),
        nape=float(rng.uniform(-1.3, -0.75)),
        parting=float(rng.uniform(-0.6, 0.6)),
        curl=float(rng.uniform(*_CURLS[style]) if style in _CURLS else max(0, rng.normal(0, 0.03))),
        density=float(rng.uniform(0.45, 0.9)),
        seed=int(rng.integers(2**31)),
    )  # fmt: skip


def _draw_face_hair(rng: np.random.Generator, thick: bool) -> FaceHair:
    return FaceHair(
        brow_width=float(rng.uniform(0.05, 0.085) if thick else rng.uniform(0.03, 0.065)),
        brow_height=float(rng.uniform(-0.03, 0.03)),
        brow_arch=float(rng.uniform(-0.03, 0.04)),
        brow_density=float(rng.uniform(0.45, 0.95)),
        lash_width=float(rng.uniform(0.008, 0.02) if thick else rng.uniform(0.01, 0.035)),
        beard_density=float(rng.uniform(0.55, 0.95)),
        beard_line=float(rng.normal(0, 0.07)),
        beard_length=float(rng.uniform(0.15, 0.6) if rng.random() < 0.5 else 0),
        seed=int(rng.integers(2**31)),
    )


def _draw_glasses_size(rng: np.random.Generator) -> GlassesSize:
    height = float(rng.uniform(0.21, 0.38))
    return GlassesSize(
        width=float(rng.uniform(max(0.35, height), 0.46)),
        height=height,
        corner=float(rng.uniform(2, 5)),
        drop=float(rng.uniform(0, 0.12)),
        rim=float(rng.uniform(0.015, 0.065)),
        wrap=float(rng.uniform(0.05, 0.2)),
        temple=float(rng.uniform(0.05, 0.12)),
        slope=float(rng.uniform(-0.02, 0.08)),
    )


def _draw_cloth_size(rng: np.random.Generator) -> ClothSize:
    backwards = rng.random() < 0.12
    return ClothSize(
        hat_line=float(rng.uniform(0.72, 1.05)),
        hat_height=float(rng.uniform(0.1, 0.24)),
        brim=float(rng.uniform(0.6, 1.0)),
        hat_turn=float(rng.normal(0, 8) + 180 * backwards),
        mask_top=float(rng.uniform(-0.04, 0.12)),
        collar_height=float(rng.uniform(-0.12, 0.12)),
        collar_width=float(rng.uniform(0.03, 0.1)),
        seed=int(rng.integers(2**31)),
    )
