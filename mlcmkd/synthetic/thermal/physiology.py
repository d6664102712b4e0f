"""Temperature of bare skin: level, warm and cold places, vessels, sweat and curvature.

Means and spreads of the places of acclimatised people at room temperature follow published
measurements (TVST study, n = 20): inner canthus 34.3 +- 0.7, forehead 33.4 +- 0.8, cornea 33.3 +- 0.8,
outer canthus 32.8 +- 0.7 degrees C. Inner canthus, mouth corner, temple, supratrochlear region and
ear canal are warm, outer canthus, nasolabial region and lower lip cold (DMFR 2016, n = 161); in cold
air nose, chin, cheeks and ears cool most (Osczevski 1994). `population` compares synthetic faces with
these. How far single faces differ is ours, and wide: networks that are trained on them must work
for people who come in from the cold, and for cameras of any kind.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.noise import Waves, draw_waves
from mlcmkd.synthetic.realism import Realism
from mlcmkd.synthetic.thermal.curvature import head_curvature
from mlcmkd.synthetic.thermal.places import LOBES, PLACES, place_weights, vertices_of

if TYPE_CHECKING:
    from mlcmkd.synthetic.thermal.look import ThermalLook

_COLDEST, _WARMEST = 20.0, 37.8  # limits of the skin of a face, degrees C; ours
ROOM = 23.0  # degrees C of air at which the published temperatures hold


@dataclass(frozen=True)
class SkinLook:
    """Parameters of the skin's temperature besides its level and its places; degrees C.

    Attributes:
        blotches, blotch_amplitude: a smooth field, mostly the same on both sides, and its amplitude.
        vessels: a smooth field whose zero lines are the vessels of forehead, temples and cheeks.
        vessel_amplitude: how much warmer the skin above a vessel is.
        vessel_width: width of a vessel, as a share of the field's standard deviation.
        sweat, sweat_threshold: a smooth field; skin is wet where it exceeds the threshold.
        sweat_cooling: by how much evaporation cools wet skin.
        hollow, ridge: degrees by which a curvature of 1 warms, and one of -1 cools.
        smoothing: rounds of smoothing of the curvature, from 0 to 4.
        mouth: inside of the mouth minus the skin.
        tongue, teeth: each minus the mouth.
    """

    blotches: Waves
    blotch_amplitude: float
    vessels: Waves
    vessel_amplitude: float
    vessel_width: float
    sweat: Waves
    sweat_threshold: float
    sweat_cooling: float
    hollow: float
    ridge: float
    smoothing: int
    mouth: float
    tongue: float
    teeth: float


def chill_of(felt: float) -> float:
    """How strongly skin far from the core cools: 1 in rooms, 0.1 in hot air, 2.5 in cold air."""
    return float(np.clip((34 - felt) / 11, 0.1, 2.5))


def draw_level(
    of_identity: np.random.Generator, of_sample: np.random.Generator, felt: float
) -> float:
    """The level of a face without patterns, degrees C, in air that feels like `felt` degrees C."""
    return float(
        33.2 + 0.1 * (felt - ROOM) + of_identity.normal(0, 0.45) + of_sample.normal(0, 0.4)
    )


def draw_patterns(
    of_identity: np.random.Generator, of_sample: np.random.Generator, felt: float, settled: bool
) -> dict[str, float]:
    """Differences of the PLACES from the face's level, degrees C.

    Args:
        of_identity: for what a person keeps: vessels, fat and bones.
        of_sample: for the state of the day.
        felt: air temperature that the skin has adapted to, degrees C.
        settled: the person has adapted to the air; otherwise sides differ more.
    """
    chill = chill_of(felt)
    coldness = max(chill - 1, 0)
    person, day = of_identity.uniform, of_sample.uniform
    nose = -chill * float(np.clip(of_identity.gamma(1.6, 1.1) * day(0.2, 1.4), -0.3, 6))
    nose -= coldness * day(0.8, 2.0)
    breadth = person(0, 0.5)  # the cold of some noses spreads over cheeks and upper lip
    midface = 0.5 * breadth * min(nose, 0) - chill * person(-0.1, 0.5)
    # A window or wind at one side, or sleep on it, makes the sides differ more than usual.
    even = settled and of_sample.random() < 0.88
    # Where the whole orbit is warm, lids and canthus stand out less from it.
    orbit = max(person(-1.0, 1.8), 0) + day(-0.15, 0.15)
    ear = -chill * (person(-0.3, 3.0) + day(0, 1.5)) - coldness * day(0, 1.5)
    return {
        "nose": nose * (1 - 0.5 * breadth),
        "midface": midface,
        "bridge": nose * person(0.1, 0.6),
        "orbit": orbit,
        "inner canthus": person(-0.3, 0.3) + max(day(-1.0, 0.9), 0) - 0.3 * (orbit - 0.6),
        "outer canthus": -person(0.2, 1.0) - day(0, 0.4),
        "lids": person(-0.4, 0.7) + day(-0.1, 0.3) - 0.35 * (orbit - 0.6),
        "cornea": -person(0, 0.6) - day(0, 0.4) - max(day(-1.0, 0.8), 0),
        "supratrochlear": person(0.2, 1.2),
        "forehead": person(-0.2, 0.8) + day(-0.1, 0.5) - 0.2 * coldness,
        "temple": person(-0.1, 1.0),
        "nose side": person(-0.1, 0.7),
        "nostril": 0.0,  # from the breath
        "cheek": -chill * (person(-0.2, 1.2) + day(0, 0.6)) - coldness * day(0, 0.6),
        "cheekbone": -chill * person(-0.2, 1.3),
        "nasolabial": -person(-0.6, 0.8) - day(0, 0.3),
        "mouth": person(-0.3, 0.8),
        "mouth corner": person(0.1, 0.9) + day(0, 0.3),
        "lower lip": -person(0, 0.7) - day(0, 0.3),
        "chin": chill * (person(-1.0, 0.3) + day(-0.3, 0.2)) - coldness * day(0, 0.6),
        "jaw": person(-0.5, 0.4),
        "neck": person(-0.4, 1.0) + day(0, 0.3),
        "body": person(-0.8, 0.6),
        "scalp": -chill * person(0, 1.0),
        "ear": ear,
        "ear canal": -0.85 * ear + person(0.3, 1.3),
        "side": of_sample.normal(0, 0.06 if even else 0.3),
    }


def draw_skin(
    of_identity: np.random.Generator, of_sample: np.random.Generator, felt: float, breath: float
) -> SkinLook:
    """Random vessels, sweat and curvature; `breath` above 0 is warm air that leaves the mouth."""
    chill = chill_of(felt)
    uniform = of_sample.uniform
    sweats = of_sample.random() < (0.35 if felt > 28 else 0.06)
    strength = chill * uniform(0, 1.3)
    # Breath that is drawn in cools the mouth, breath that leaves warms it.
    mouth = uniform(0, 1.5) if breath > 0 else uniform(-2.2, 0.8)
    return SkinLook(
        blotches=draw_waves(of_identity, 1.5, 5),
        blotch_amplitude=float(uniform(0.05, 0.4)),
        vessels=draw_waves(of_identity, 2, 7),
        vessel_amplitude=float(uniform(0, 0.5)),
        vessel_width=float(uniform(0.08, 0.25)),
        sweat=draw_waves(of_sample, 5, 14),
        sweat_threshold=float(uniform(0.2, 1.2)),
        sweat_cooling=float(uniform(0.3, 1.5)) if sweats else 0.0,
        hollow=float(strength * uniform(0.3, 1.2)),
        ridge=float(strength),
        smoothing=int(of_sample.integers(0, 5)),
        mouth=float(mouth),
        tongue=float(uniform(-0.3, 0.6)),
        teeth=float(uniform(-1.6, 0)),
    )


def skin_temperature(
    vertices: np.ndarray,
    look: "ThermalLook",
    realism: Realism = Realism(),  # noqa: B008 (frozen)
) -> np.ndarray:
    """True temperature of bare skin, eyes and the inside of the mouth at the head's vertices.

    Args:
        vertices: (V, 3) float32, the person's head in any rotated frame; for its curvature.
        look: a `ThermalLook`.
        realism: only `anatomy`, `warm_orbit` and `curvature` are used.

    Returns:
        (V,) float32, degrees C.
    """
    skin = look.details
    warmth = np.full(len(vertices), look.skin, np.float32)
    if realism.anatomy:
        warmth += _anatomy(look, realism.warm_orbit)
    if realism.curvature:
        hollow = head_curvature(vertices, skin.smoothing)
        warmth += np.where(hollow > 0, skin.hollow * hollow, skin.ridge * hollow)
    if realism.anatomy:
        tissue = _tissue()
        warmth[tissue.mouth] = look.skin + skin.mouth
        warmth[tissue.tongue] += skin.tongue
        warmth[tissue.teeth] += skin.teeth
    return np.clip(warmth, _COLDEST, _WARMEST)


def _anatomy(look: "ThermalLook", warm_orbit: bool) -> np.ndarray:
    """Places, blotches, vessels and sweat (V,) float32, against the level."""
    amplitudes = np.array([look.patterns[name] for name in PLACES], np.float32)
    if not warm_orbit:
        amplitudes[PLACES.index("orbit")] = 0
    skin, tissue = look.details, _tissue()
    pattern = amplitudes @ place_weights()
    pattern += skin.blotch_amplitude * skin.blotches.at(tissue.folded)
    near = np.exp(-((skin.vessels.at(tissue.vascular) / skin.vessel_width) ** 2))
    pattern[tissue.vessels] += skin.vessel_amplitude * near * tissue.vessel_weights
    if skin.sweat_cooling > 0:
        wet = np.clip((skin.sweat.at(load_head().mean) - skin.sweat_threshold) / 0.5, 0, 1)
        pattern -= skin.sweat_cooling * wet
    return pattern


@dataclass(frozen=True)
class _Tissue:
    """What the patterns need of the mean head.

    Attributes:
        folded: (V, 3) positions that nearly agree on both sides, since bones and fat do.
        vessels: (W,) vertices of forehead, temples and cheeks, whose vessels lie near the skin.
        vascular: (W, 3) their positions.
        vessel_weights: (W,) how near.
        mouth, tongue, teeth: (V,) bool.
    """

    folded: np.ndarray
    vessels: np.ndarray
    vascular: np.ndarray
    vessel_weights: np.ndarray
    mouth: np.ndarray
    tongue: np.ndarray
    teeth: np.ndarray


@lru_cache(maxsize=1)
def _tissue() -> _Tissue:
    mean = load_head().mean
    weights = LOBES["forehead"].at(mean) + LOBES["temple"].at(mean) + 0.5 * LOBES["cheek"].at(mean)
    near = np.flatnonzero(weights > 0.1)
    return _Tissue(
        folded=np.column_stack((np.abs(mean[:, 0]) + 0.2 * mean[:, 0], mean[:, 1:])),
        vessels=near,
        vascular=mean[near],
        vessel_weights=np.minimum(weights[near], 1).astype(np.float32),
        mouth=vertices_of(Material.MOUTH, Material.TONGUE, Material.TEETH),
        tongue=vertices_of(Material.TONGUE),
        teeth=vertices_of(Material.TEETH),
    )
