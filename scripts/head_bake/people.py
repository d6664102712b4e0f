"""Random adult heads: ancestry, age, sex, weight and local changes of each part of the face."""

import numpy as np

from head_bake.source import Source

FACE_PARTS = (
    "cheek",
    "chin",
    "ear-",
    "eyebrows",
    "eye-",
    "forehead",
    "head-",
    "mouth",
    "neck",
    "nose",
)
STRENGTH = 0.3  # standard deviation of a local change; 1 is the full change
ASYMMETRY = 0.08  # standard deviation of the difference between the two sides of a face
# Mean of a change: MakeHuman's mouth is lower and its lips are thicker than in 300W's mean training
# label, so the people are drawn around values that bring the two together.
MEANS = {
    "mouth-scale-vert-incr": -0.2,
    "mouth-trans-up": 0.2,
    "mouth-lowerlip-height-incr": -0.25,
    "nose-trans-up": -0.15,
    "head-scale-horiz-incr": 0.1,
}
# Factors of the strength by the beginning of a change's name; the first that fits counts. They make the
# spread of faces similar to that of 300W's training labels, and keep the faces plausible.
FACTORS = {
    "head-trans": 0.2,
    "head-angle": 0.3,
    "head-age": 1.0,
    "head-fat": 1.0,
    "head-scale-horiz": 0.8,
    "head-scale-vert": 0.3,
    "head-": 0.6,
    "neck-trans": 0.2,
    "forehead-scale-vert": 0.3,
    "forehead-": 0.6,
    "ear-shape": 0.6,
    "ear-": 0.8,
    "eyebrows-trans-forward": 0.6,
    "eyebrows": 1.3,
    "eye-height": 1.5,
    "mouth-trans-out": 0.6,
    "mouth-laugh-lines": 1.3,
    "nose-trans-out": 0.6,
}


def draw_people(source: Source, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, V, 3) float32 heads in the unit of the source, none of them aligned."""
    weights = source.phenotype_weights(_phenotypes(count, rng))
    heads = np.einsum("nk,kvc->nvc", weights, source.phenotypes, optimize=True)
    heads += source.template
    for name, amount in _local_changes(list(source.local_changes), count, rng).items():
        plus, minus = source.local_changes[name]
        touched = np.flatnonzero(np.abs(plus).max(1) + np.abs(minus).max(1))
        more, less = np.maximum(amount, 0), np.maximum(-amount, 0)
        heads[:, touched] += (
            more[:, None, None] * plus[touched] + less[:, None, None] * minus[touched]
        )
    return heads


def _phenotypes(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Values of anny's phenotypes: adults from young to old, every mixture of ancestries."""
    ancestry = rng.dirichlet([0.6] * 3, count)
    return {
        "gender": rng.uniform(0, 1, count),
        "age": rng.uniform(0.58, 1, count),  # 2/3 is young, 1 is old
        "muscle": rng.uniform(0.2, 0.9, count),
        "weight": rng.uniform(0.15, 0.95, count),
        "height": rng.uniform(0.3, 0.7, count),
        "proportions": rng.uniform(0.2, 0.9, count),
        "african": ancestry[:, 0],
        "asian": ancestry[:, 1],
        "caucasian": ancestry[:, 2],
    }


def _local_changes(names: list[str], count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """(count,) amounts from -1 to 1 by the name of the change; both sides of a face are alike."""
    amounts: dict[str, np.ndarray] = {}
    shared: dict[str, np.ndarray] = {}
    for name in names:
        place = name.removeprefix("l-").removeprefix("r-")
        if not place.startswith(FACE_PARTS):
            continue
        factor = next((f for prefix, f in FACTORS.items() if place.startswith(prefix)), 1.0)
        if place not in shared:
            shared[place] = rng.normal(MEANS.get(place, 0), STRENGTH * factor, count)
        side = rng.normal(0, ASYMMETRY * factor, count) if place != name else 0
        amounts[name] = np.clip(shared[place] + side, -0.9, 0.9).astype(np.float32)
    return amounts
